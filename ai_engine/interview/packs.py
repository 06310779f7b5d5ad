"""The question packs: one YAML file for each role, one that all roles share."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from ai_engine.interview.question import Question
from ai_engine.records import Language
from hub.domain.errors import NotFound

ROLES = ("rnd", "sales", "operations", "customer_service", "finance_risk")


@cache
def pack(name: str) -> dict[str, Any]:
    """The pack as it is written. Raises NotFound."""
    if name not in (*ROLES, "shared"):
        raise NotFound(f"no question pack for this role; known: {', '.join(ROLES)}", code="no_pack")
    loaded: dict[str, Any] = yaml.safe_load(
        files("ai_engine.interview").joinpath(f"packs/{name}.yaml").read_text(encoding="utf-8")
    )
    return loaded


def core(name: str, language: Language) -> list[Question]:
    """The questions that every candidate for this role is asked."""
    return [_question(entry, language) for entry in pack(name)["questions"]]


def _question(entry: dict[str, Any], language: Language) -> Question:
    return Question(
        id=entry["id"],
        kind=entry["kind"],
        text=entry[language],
        dimensions=tuple(entry["dimensions"]),
        concepts=tuple(tuple(words) for words in entry["concepts"]),
    )


def personal(
    kind: str, language: Language, *, id: str, grounds: str, words: tuple[str, ...] = (), **slots: str
) -> Question:
    """A template of the shared pack, filled. `words` become a concept of their own."""
    entry = pack("shared")["personal"][kind]
    concepts = tuple(tuple(group) for group in entry["concepts"])
    return Question(
        id=id,
        kind=entry["kind"],
        text=entry[language].format(**slots),
        dimensions=tuple(entry["dimensions"]),
        concepts=(words, *concepts) if words else concepts,
        grounds=grounds[:300],
        scored=bool(entry["dimensions"]),
    )


def follow_up_text(trigger: str, language: Language, **slots: str) -> str:
    """The words of a follow-up."""
    text: str = pack("shared")["follow_ups"][trigger][language]
    return text.format(**slots)


def policy() -> dict[str, Any]:
    """The bounds of the follow-up policy."""
    values: dict[str, Any] = pack("shared")["policy"]
    return values
