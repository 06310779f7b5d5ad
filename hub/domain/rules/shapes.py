"""Readers of stored forms: each takes what it wants or says what is wrong, where, under a stable code."""

from __future__ import annotations

import re
from collections.abc import Set
from enum import StrEnum
from typing import TypeVar

from hub.domain.errors import Invalid
from mappings.documents import Document, Json

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
MAPPING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}@[1-9][0-9]{0,8}", re.ASCII)
E = TypeVar("E", bound=StrEnum)


def an_object(value: Json, at: str) -> Document:
    """A JSON object."""
    if not isinstance(value, dict):
        raise Invalid("an object is wanted here", code="wrong_shape", at=at)
    return value


def a_list(value: Json, at: str) -> list[Json]:
    """A JSON list."""
    if not isinstance(value, list):
        raise Invalid("a list is wanted here", code="wrong_shape", at=at)
    return value


def keys(node: Document, at: str, need: Set[str] = frozenset(), may: Set[str] = frozenset()) -> None:
    """Nothing but these keys, and all that are needed."""
    for key in sorted(need - node.keys()):
        raise Invalid(f"{key} is missing", code="missing_key", at=at or key)
    if node.keys() - need - may:
        raise Invalid(f"only {', '.join(sorted(need | may))} may stand here", code="unknown_key", at=at or None)


def matching(value: Json, pattern: re.Pattern[str], what: str, at: str, code: str = "wrong_shape") -> str:
    """A text of this pattern."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise Invalid(f"wanted: {what}", code=code, at=at)
    return value


def choice(value: Json, options: type[E], what: str, at: str, code: str = "wrong_value") -> E:
    """One of the options."""
    if isinstance(value, str) and value in {option.value for option in options}:
        return options(value)
    raise Invalid(f"{what} is one of {', '.join(options)}", code=code, at=at)
