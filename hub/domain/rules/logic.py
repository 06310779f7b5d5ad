"""Three-valued logic (Kleene): yes, no, unknown. What is not known is never turned into a yes by turning it round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from hub.domain.rules.tree import EachMode, GroupMode
from mappings.documents import Document, Json

Verdict = bool | None


def negate(verdict: Verdict) -> Verdict:
    """Not unknown is unknown."""
    return None if verdict is None else not verdict


def join(mode: GroupMode, verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a group over those of its items."""
    found = set(verdicts)
    match mode:
        case GroupMode.ALL:
            return False if False in found else None if None in found else True
        case GroupMode.ANY:
            return True if True in found else None if None in found else False
        case GroupMode.NONE:
            return False if True in found else None if None in found else True
        case _:
            assert_never(mode)


def tally(mode: EachMode, count: int, verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict over the items of a list. That *all* of no items pass is unknown: there was nothing to judge."""
    yes = verdicts.count(True)
    unknown = verdicts.count(None)
    match mode:
        case EachMode.ANY:
            return True if yes else None if unknown else False
        case EachMode.NONE:
            return False if yes else None if unknown else True
        case EachMode.AT_LEAST:
            return True if yes >= count else None if yes + unknown >= count else False
        case EachMode.ALL:
            if yes + unknown < len(verdicts):
                return False
            return True if yes and not unknown else None
        case _:
            assert_never(mode)


def as_item(item: Json) -> Document:
    """A list item as a document; one that is no object has no fields."""
    return item if isinstance(item, dict) else {}
