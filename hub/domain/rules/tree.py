"""A rule as a value: what it listens to, the condition tree, the steps, the guards and its own test cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from mappings.documents import Document, Json


class Op(StrEnum):
    """What a clause may ask. Each is total and bounded: no expressions, no regular expressions."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    BETWEEN = "between"  # [low, high], both ends belong to it
    CONTAINS = "contains"  # a text holds this text, or a list holds this value
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    HAS_ANY = "has_any"
    HAS_ALL = "has_all"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_LAST = "within_last"  # an ISO 8601 duration of weeks, days, hours, minutes, seconds
    WITHIN_NEXT = "within_next"
    LONGER_AGO = "longer_ago"  # further back than the duration
    IS_FILLED = "is_filled"
    IS_EMPTY = "is_empty"


UNARY = frozenset({Op.IS_FILLED, Op.IS_EMPTY})
RELATIVE = frozenset({Op.WITHIN_LAST, Op.WITHIN_NEXT, Op.LONGER_AGO})  # measured from now; the value is a duration


class GroupMode(StrEnum):
    """How the items of a group are joined; `none` is how a rule says *not*."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


class EachMode(StrEnum):
    """How many items of a list must meet the inner condition."""

    ANY = "any"
    ALL = "all"
    NONE = "none"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class Clause:
    """One question about one field. `value` is None for the operators that take none."""

    id: str
    field: str
    op: Op
    value: Json = None


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions under one mode; never empty."""

    id: str
    mode: GroupMode
    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """A condition on the items of a list of objects; `when` names fields of the item. `count` counts for `at_least` alone."""

    id: str
    field: str
    mode: EachMode
    when: Condition
    count: int = 1


Condition = Clause | Group | Each


@dataclass(frozen=True, slots=True)
class Action:
    """Call an operation of a connection. `mapping` is `name@version` (None: the operation's own).

    `extra` holds constants that are merged into the mapped document (`with` in the stored form).
    """

    id: str
    connection: str
    operation: str
    mapping: str | None = None
    extra: Document = field(default_factory=dict)


class RunMode(StrEnum):
    """`observe` decides and tells, and does nothing."""

    LIVE = "live"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits on a rule that is otherwise right."""

    mode: RunMode = RunMode.LIVE


@dataclass(frozen=True, slots=True)
class Case:
    """The rule's own test: this stored event must make it fire, or not (`because`: the clause that says no)."""

    event: str
    fires: bool
    because: str | None = None


@dataclass(frozen=True, slots=True)
class RuleBody:
    """One immutable revision of a rule. `when` None: every event of the type."""

    on: str
    when: Condition | None
    then: tuple[Action, ...]
    guards: Guards = Guards()
    cases: tuple[Case, ...] = ()


def nodes(condition: Condition | None) -> Iterator[Condition]:
    """Every condition of the tree, from the top, in order."""
    if condition is None:
        return
    yield condition
    match condition:
        case Group(items=items):
            for item in items:
                yield from nodes(item)
        case Each(when=when):
            yield from nodes(when)
        case Clause():
            pass
