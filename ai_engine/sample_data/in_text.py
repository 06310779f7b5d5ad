"""A resume as a plain text file, in the encoding its person uses."""

from __future__ import annotations

from typing import Any


def render(person: dict[str, Any]) -> bytes:
    """The bytes of the file."""
    names = person["headings"]
    out = [
        person["name"],
        person["headline"],
        *person["contact"],
        "",
        names["summary"],
        *person["summary"],
        "",
        names["education"],
    ]
    out += [
        f"{e['period']}  {e['school']}  {e.get('major', '')}  {e.get('level') or e.get('degree', '')}"
        for e in person["education"]
    ]
    for section in ("experience", "projects"):
        if person[section]:
            out += ["", names[section]]
        for entry in person[section]:
            out += [
                f"{entry['period']}  {entry['employer']}  {entry['title']}",
                *(f"- {point}" for point in entry["points"]),
            ]
    joint = "、" if person["language"] == "zh" else ", "
    out += ["", names["skills"], joint.join(person["skills"])]
    for section in ("languages", "certificates"):
        out += ["", names[section], *person[section]]
    return ("\r\n".join(out) + "\r\n").encode(person.get("encoding", "utf-8"))
