"""Small shared vocabularies, with English and Chinese names: countries, employment types, stage kinds, degree levels.

Countries are those that recruiting data mostly names, by ISO 3166-1; unknown ones are unknown, never guessed.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

VOCABULARIES = ("countries", "employment_types", "stage_kinds", "degree_levels")


def vocabulary(name: str) -> tuple[dict[str, str], ...]:
    """The entries {code, en, zh-CN} of one of VOCABULARIES, in their order. Raises LookupError."""
    if name not in VOCABULARIES:
        raise LookupError("no such vocabulary")
    return tuple(dict(entry) for entry in _read(name))


def country_code(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code for a code of two or three letters or an English or Chinese name; None if unknown."""
    return _country_words().get(" ".join(text.split()).casefold())


def country_name(code: str, language: str) -> str | None:
    """The name of a country by its alpha-2 code in `en` or `zh-CN`."""
    entry = _countries().get(code)
    return None if entry is None else entry.get(language)


def calling_code(code: str) -> str | None:
    """The telephone calling code (ITU-T E.164, no plus) of a country by its alpha-2 code."""
    entry = _countries().get(code)
    return None if entry is None else entry["calling"]


@cache
def surnames() -> frozenset[str]:
    """Chinese family names of two characters."""
    return frozenset(_read("surnames"))


@cache
def _countries() -> dict[str, dict[str, str]]:
    return {entry["code"]: entry for entry in _read("countries")}


@cache
def _country_words() -> dict[str, str]:
    words = {entry["alias"].casefold(): entry["code"] for entry in _read("country_aliases")}
    for entry in _read("countries"):
        words.update({entry[key].casefold(): entry["code"] for key in ("code", "alpha3", "en", "zh-CN")})
    return words


@cache
def _read(name: str) -> Any:
    return json.loads((files("mappings.codes") / f"{name}.json").read_text(encoding="utf-8"))
