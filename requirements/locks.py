"""The locks as data: what is installed, in which version, with which hashes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==([^ ;\\]+)(?: *; *([^\\]+))?", re.M)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package of a lock. `marker`: only where this holds."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(name: str) -> list[Locked]:
    """All packages of `requirements/<name>.txt`. Raises ValueError where one has no hash."""
    text = (HERE / f"{name}.txt").read_text("utf-8")
    starts = list(_PINNED.finditer(text))
    found = []
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        hashes = tuple(_HASH.findall(text, start.end(), end))
        if not hashes:
            raise ValueError(f"{start[1]} has no hash in {name}.txt")
        found.append(Locked(start[1], start[2], (start[3] or "").strip(), hashes))
    return found
