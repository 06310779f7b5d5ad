"""The word lists of the resume reader, as compiled look-ups."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Look-ups built from data/vocabulary.yaml; all keys are NFKC and lower case."""

    headings: dict[str, str]
    surnames: frozenset[str]
    compound_surnames: frozenset[str]
    not_names: tuple[str, ...]
    employer: re.Pattern[str]
    title: re.Pattern[str]
    school: re.Pattern[str]
    levels: tuple[tuple[str, re.Pattern[str]], ...]
    languages: tuple[tuple[str, re.Pattern[str]], ...]
    fluency: tuple[tuple[str, re.Pattern[str]], ...]
    instructions: re.Pattern[str]


def pattern(words: list[str], *, whole_only: bool = True) -> re.Pattern[str]:
    """One pattern for all `words`, case ignored; Latin words match only as whole words."""
    parts = []
    for word in sorted((unicodedata.normalize("NFKC", w) for w in words), key=len, reverse=True):
        escaped = re.escape(word)
        latin = word[0].isascii() and whole_only
        parts.append(rf"(?<![A-Za-z]){escaped}(?![A-Za-z])" if latin else escaped)
    return re.compile("|".join(parts), re.IGNORECASE)


@cache
def vocabulary() -> Vocabulary:
    """The lists that ship with the engine, read once."""
    data = yaml.safe_load(files("ai_engine").joinpath("data/vocabulary.yaml").read_text(encoding="utf-8"))
    headings = {
        unicodedata.normalize("NFKC", word).lower(): section
        for section, words in data["headings"].items()
        for word in words
    }
    return Vocabulary(
        headings=headings,
        surnames=frozenset("".join(data["surnames"].split())),
        compound_surnames=frozenset(data["compound_surnames"]),
        not_names=tuple(data["not_names"]),
        employer=pattern([*data["employer_zh"], *data["employer_en"]]),
        title=pattern([*data["title_zh"], *data["title_en"]]),
        school=pattern([*data["school_zh"], *data["school_en"]]),
        levels=tuple((level, pattern(words)) for level, words in data["levels"].items()),
        languages=tuple((code, pattern(words)) for code, words in data["languages"].items()),
        fluency=tuple((level, pattern(words)) for level, words in data["fluency"].items()),
        instructions=re.compile("|".join(f"(?:{p})" for p in data["instructions"]), re.IGNORECASE),
    )
