"""A resume as DOCX: `tables` puts contact and jobs into tables with merged cells, `plain` uses headings and lists."""

from __future__ import annotations

import io
from typing import Any

import docx
from docx.enum.text import WD_BREAK


def render(person: dict[str, Any]) -> bytes:
    """The bytes of the file."""
    document = docx.Document()
    document.sections[0].header.paragraphs[
        0
    ].text = f"{person['name']} - {person['headline'].split(':')[-1].split('：')[-1]}"
    document.add_heading(person["name"], 0)
    if person["layout"] == "tables":
        _tables(document, person)
    else:
        _plain(document, person)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _tables(document: Any, person: dict[str, Any]) -> None:
    names = person["headings"]
    contact = document.add_table(rows=2, cols=len(person["contact"]))
    contact.rows[0].cells[0].merge(contact.rows[0].cells[-1]).text = person["headline"]
    for cell, text in zip(contact.rows[1].cells, person["contact"], strict=True):
        cell.text = text
    document.add_heading(names["summary"], 1)
    for text in person["summary"]:
        document.add_paragraph(text)
    document.add_heading(names["experience"], 1)
    _jobs(document, person["experience"])
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.add_heading(names["projects"], 1)
    _jobs(document, person["projects"])
    document.add_heading(names["education"], 1)
    schools = document.add_table(rows=0, cols=3)
    for entry in person["education"]:
        for cell, text in zip(
            schools.add_row().cells, (entry["period"], entry["school"], entry["degree"]), strict=True
        ):
            cell.text = text
    document.add_heading(names["skills"], 1)
    skills = document.add_table(rows=0, cols=2)
    for kind, text in person["skills"]:
        row = skills.add_row().cells
        row[0].text, row[1].text = kind, text
    for section in ("languages", "certificates"):
        document.add_heading(names[section], 1)
        for text in person[section]:
            document.add_paragraph(text)


def _jobs(document: Any, entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        table = document.add_table(rows=2, cols=3)
        for cell, text in zip(table.rows[0].cells, (entry["employer"], entry["title"], entry["period"]), strict=True):
            cell.text = text
        body = table.rows[1].cells[0].merge(table.rows[1].cells[2])
        body.text = "\u2022 " + entry["points"][0]
        for point in entry["points"][1:]:
            body.add_paragraph("\u2022 " + point)
        document.add_paragraph()


def _plain(document: Any, person: dict[str, Any]) -> None:
    names = person["headings"]
    document.add_paragraph("  ".join(person["contact"]))
    document.add_paragraph(person["headline"])
    for section in ("summary", "skills"):
        document.add_heading(names[section], 1)
        lines = person[section] if section == "summary" else ["、".join(person[section])]
        for text in lines:
            document.add_paragraph(text)
    for section in ("experience", "projects"):
        if person[section]:
            document.add_heading(names[section], 1)
        for entry in person[section]:
            document.add_paragraph(entry["employer"])
            document.add_paragraph(f"{entry['title']}  {entry['period']}")
            for point in entry["points"]:
                document.add_paragraph(point, style="List Bullet")
    document.add_heading(names["education"], 1)
    for entry in person["education"]:
        document.add_paragraph(f"{entry['school']} | {entry['major']} | {entry['level']} | {entry['period']}")
    for section in ("languages", "certificates"):
        document.add_heading(names[section], 1)
        for text in person[section]:
            document.add_paragraph(text)
