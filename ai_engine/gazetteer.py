"""The skill list: finds skills in Chinese and English text without a segmenter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_WORD = "abcdefghijklmnopqrstuvwxyz0123456789"
_SPACES = re.compile(r"\s+")
# Everyday words that are also skill names count only where skills are listed or in their exact written form.
_EXACT_CASE = frozenset(
    {
        "r",
        "go",
        "rust",
        "wind",
        "word",
        "excel",
        "swift",
        "spring",
        "hive",
        "spark",
        "flink",
        "ks",
        "pd",
        "sem",
        "sap",
        "shell",
    }
)


@dataclass(frozen=True, slots=True)
class Skill:
    """One entry of the list: `pack` is the role pack it belongs to, `implies` are skills that it shows as well.

    A `topic` is a field of work, no method or tool.
    """

    id: str
    pack: str
    zh: str
    en: str
    implies: tuple[str, ...]
    topic: bool

    def label(self, language: str) -> str:
        """Its name in `zh` or `en`."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Mention:
    """A skill at [start, end) of a text."""

    id: str
    start: int
    end: int


class Gazetteer:
    """All known skills and a longest-match search over them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        implies: Mapping[str, list[str]] = document["implies"]
        topics = frozenset(document["topics"])
        self.skills: dict[str, Skill] = {}
        self._names: dict[str, list[tuple[str, str, str]]] = {}
        for pack, entries in document["skills"].items():
            for id, names in entries.items():
                zh, _, en = names.partition(" / ")
                left = _split(zh)
                right = _split(en) if en else left
                self.skills[id] = Skill(id, pack, left[0], right[0], tuple(implies.get(id, ())), id in topics)
                for name in {*left, *right}:
                    written = unicodedata.normalize("NFKC", name)
                    low = written.lower()
                    self._names.setdefault(low[:2], []).append((low, written, id))
        for bucket in self._names.values():
            bucket.sort(key=lambda entry: -len(entry[0]))

    def mentions(self, text: str) -> Iterator[Mention]:
        """Every skill named in `text`, longest names first at each place, in order, without overlaps."""
        low = text.lower()
        if len(low) != len(text):  # a letter whose lower case is longer: give up exact case, keep the places
            text = low
        at, end = 0, len(low)
        while at < end - 1:
            bucket = self._names.get(low[at : at + 2])
            step = 1
            if bucket and not (low[at] in _WORD and at and low[at - 1] in _WORD):
                for name, written, id in bucket:
                    stop = at + len(name)
                    if not low.startswith(name, at) or (name[-1] in _WORD and stop < end and low[stop] in _WORD):
                        continue
                    if name in _EXACT_CASE and not text.startswith(written, at):
                        continue
                    yield Mention(id, at, stop)
                    step = len(name)
                    break
            at += step

    def ids(self, text: str, *, implied: bool = False) -> set[str]:
        """The ids of all skills in `text`; with `implied` also what they show."""
        found = {mention.id for mention in self.mentions(text)}
        return self.closure(found) if implied else found

    def closure(self, ids: set[str]) -> set[str]:
        """`ids` and every skill they imply, over any number of steps."""
        todo, seen = list(ids), set(ids)
        while todo:
            for implied in self.skills[todo.pop()].implies:
                if implied not in seen:
                    seen.add(implied)
                    todo.append(implied)
        return seen


def _split(names: str) -> list[str]:
    return [_SPACES.sub(" ", name).strip() for name in names.split(",") if name.strip()]


@cache
def gazetteer() -> Gazetteer:
    """The list that ships with the engine, read once."""
    raw = files("ai_engine").joinpath("data/skills.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(raw)
    return Gazetteer(document)
