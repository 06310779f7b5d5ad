"""A rule as a value: what it listens to, the condition tree, the steps, the guards and its own test cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
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

    `extra` holds constants that are merged into the mapped document (`with` in the stored form). `business_hours`:
    it is due when business hours begin, at once within them. `to_candidate`: the receiver is looked up when it is sent.
    """

    id: str
    connection: str
    operation: str
    mapping: str | None = None
    extra: Document = field(default_factory=dict)
    business_hours: bool = False
    to_candidate: bool = False


TO_CANDIDATE = "candidate"  # the address that the event knows of its candidate


@dataclass(frozen=True, slots=True)
class Message:
    """Tell somebody through a messaging connection. `to`: an address, or TO_CANDIDATE; None: whom the mapping names."""

    id: str
    connection: str
    template: str | None = None
    to: str | None = None
    operation: str = "message.send"
    business_hours: bool = False

    @property
    def action(self) -> Action:
        """The same as a call of the connection."""
        looked_up = self.to == TO_CANDIDATE
        told = {"template": self.template, "to": None if looked_up else self.to}
        extra: Document = {name: value for name, value in told.items() if value is not None}
        return Action(self.id, self.connection, self.operation, None, extra, self.business_hours, looked_up)


class Same(StrEnum):
    """What an awaited event must have in common with the run."""

    SUBJECT = "subject"  # it is about the same candidate
    ORDER = "order"  # and it answers a delivery that this run asked for


class OnTimeout(StrEnum):
    """What happens when time is up and there are no steps for it."""

    STOP = "stop"  # the run ends
    NOTIFY = "notify"  # the run is held until a person decides


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for an event. `late` are the steps that are taken instead of all that follows when time is up."""

    id: str
    event: str
    timeout: timedelta
    same: Same = Same.SUBJECT
    on_timeout: OnTimeout = OnTimeout.STOP
    late: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Delay:
    """Let time pass, then perhaps wait for business hours."""

    id: str
    span: timedelta = timedelta(0)
    business_hours: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """Ask the event that the run stands at; anything but a certain yes takes `otherwise`."""

    id: str
    when: Condition
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """A person decides. `rejected` and `late` are taken instead of all that follows.

    `approvers`: who may, each a role (`hr_owner`, `role:hr_owner`) or a person (`user:tok_1`).
    """

    id: str
    approvers: tuple[str, ...]
    timeout: timedelta | None = None
    on_timeout: OnTimeout = OnTimeout.STOP
    late: tuple[Step, ...] = ()
    rejected: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """Put a word on the candidate, or take it off."""

    id: str
    tag: str
    remove: bool = False


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the hub an event of its own, made of what the run's event knows, a mapping of the tenant and constants."""

    id: str
    event: str
    mapping: str | None = None
    extra: Document = field(default_factory=dict)


Step = Action | Message | Wait | Delay | Branch | Gate | Tag | Emit


class RunMode(StrEnum):
    """`observe` decides and tells, and does nothing."""

    LIVE = "live"
    OBSERVE = "observe"


class Once(StrEnum):
    """What a rule may run once for."""

    CANDIDATE = "candidate"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits on a rule that is otherwise right."""

    mode: RunMode = RunMode.LIVE
    once_per: tuple[Once, ...] = ()
    max_per_hour: int | None = None
    business_hours: bool = False  # every action of the rule is due in business hours


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
    then: tuple[Step, ...]
    guards: Guards = Guards()
    cases: tuple[Case, ...] = ()

    @property
    def needs_run(self) -> bool:
        """Whether what it does is more than calls at once: it must be remembered how far it has come."""
        guards = self.guards
        plain = all(isinstance(step, Action | Message) for step in self.then)
        return not plain or bool(guards.once_per) or guards.max_per_hour is not None


def walk_steps(steps: tuple[Step, ...], at: str = "then") -> Iterator[tuple[str, Step]]:
    """Every step with its place in the stored form, those inside others after them."""
    for number, step in enumerate(steps):
        here = f"{at}.{number}"
        yield here, step
        for name, inner in inside(step):
            yield from walk_steps(inner, f"{here}.{name}")


def inside(step: Step) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """The lists of steps in a step, each under its name in the stored form."""
    match step:
        case Wait(late=late):
            return (("on_timeout", late),)
        case Branch(then=then, otherwise=otherwise):
            return (("then", then), ("else", otherwise))
        case Gate(rejected=rejected, late=late):
            return (("rejected", rejected), ("on_timeout", late))
        case _:
            return ()


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
