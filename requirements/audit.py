"""Holds the locks against known advisories and licences, without a network: `python -m requirements.audit`.

Exit 1 where a locked version is known to be vulnerable or a shipped package's licence is not allowed. It says how old each
source is: what was published since, it cannot know.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from requirements.licences import licence, may_ship
from requirements.locks import HERE, Locked, locked

LOCKS = ("run", "dev", "bench", "uv")
OLD_DAYS = 60


def sources() -> list[dict[str, Any]]:
    """Each with `name`, `as_of`, `advisories`."""
    database = json.loads((HERE / "advisories.json").read_text("utf-8"))
    by_hand = yaml.safe_load((HERE / "advisories_read.yaml").read_text("utf-8"))
    by_hand["advisories"] = [entry(one) for one in by_hand["advisories"]]
    return [database, by_hand]


def entry(told: dict[str, Any]) -> dict[str, Any]:
    """A short entry of ours in OSV form."""
    events = [{"introduced": str(told.get("introduced", "0"))}, {"fixed": str(told["fixed"])}]
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    return {
        "id": told["id"],
        "aliases": [],
        "summary": told["what"],
        "affected": [{"package": {"ecosystem": "PyPI", "name": told["package"]}, "ranges": ranges}],
    }


def matches(
    packages: Iterable[Locked], advisories: Iterable[dict[str, Any]]
) -> Iterator[tuple[Locked, dict[str, Any]]]:
    """Locked packages that an advisory is about."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for advisory in advisories:
        for affected in advisory["affected"]:
            by_name.setdefault(normal(affected["package"]["name"]), []).append({**affected, "advisory": advisory})
    for package in packages:
        for affected in by_name.get(normal(package.name), []):
            if hit(package.version, affected):
                yield package, affected["advisory"]


def normal(name: str) -> str:
    """PEP 503."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def hit(version: str, affected: dict[str, Any]) -> bool:
    """Whether an OSV `affected` names this version: listed, or inside one of its ranges."""
    if version in affected.get("versions", ()):
        return True
    here = Version(version)
    return any(_inside(here, one["events"]) for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM")


def _inside(here: Version, events: list[dict[str, str]]) -> bool:
    inside = False
    for event in sorted(events, key=_place):
        ((kind, text),) = event.items()
        at = _version(text)
        if kind == "introduced" and here >= at:
            inside = True
        elif (kind == "fixed" and here >= at) or (kind == "last_affected" and here > at):
            inside = False
    return inside


def _place(event: dict[str, str]) -> Version:
    return _version(next(iter(event.values())))


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def main() -> int:
    known, packages = sources(), {(p.name, p.version): p for lock in LOCKS for p in locked(lock)}
    faults = 0
    for source in known:
        found = list(matches(packages.values(), source["advisories"]))
        age = (datetime.now(UTC).date() - date.fromisoformat(str(source["as_of"]))).days
        old = f" - {age} days old: what was published since is not in it" if age > OLD_DAYS else ""
        print(f"advisories: {len(source['advisories'])} of {source['name']}, as of {source['as_of']}{old}")
        for package, advisory in found:
            names = ", ".join([advisory["id"], *advisory.get("aliases", [])])
            print(f"  VULNERABLE {package.name} {package.version}: {names} {advisory.get('summary', '')}")
        faults += len(found)
    shipped = locked("run")
    for package in shipped:
        if not may_ship(expression := licence(package.name)):
            print(f"  LICENCE {package.name} {package.version}: {expression} may not be shipped")
            faults += 1
    print(f"{len(packages)} locked packages, {len(shipped)} shipped; {faults or 'no'} faults known")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
