"""The stored form of steps and guards: JSON in, value out, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import assert_never

from hub.domain.errors import Invalid
from hub.domain.rules.moments import read_duration, write_duration
from hub.domain.rules.shapes import MAPPING, NAME, a_list, an_object, choice, keys, matching
from hub.domain.rules.tree import (
    TO_CANDIDATE,
    Action,
    Branch,
    Condition,
    Delay,
    Emit,
    Gate,
    Guards,
    Message,
    Once,
    OnTimeout,
    RunMode,
    Same,
    Step,
    Tag,
    Wait,
)
from mappings.documents import Document, Json

MAX_STEPS = 50
MAX_NESTING = 5  # steps inside steps
MAX_EXTRA = 16_384  # characters of JSON in one step's constants
MAX_EXTRA_DEPTH = 10
LONGEST = timedelta(days=366)
MAX_PER_HOUR = 100_000
MAX_APPROVERS = 20

ReadId = Callable[[Mapping[str, Json], str], str]
ReadCondition = Callable[[Json, str], Condition]

_TAG = re.compile(r"[\w][\w .:-]{0,63}")
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_LABEL = re.compile(r"[\w][\w .:-]{0,127}")
_BUSINESS = "business"


def read_steps(value: Json, read_id: ReadId, read_condition: ReadCondition) -> tuple[Step, ...]:
    """The steps of a rule. Raises Invalid with `code` and `at`."""
    reader = _Reader(read_id, read_condition)
    return reader.steps(value, "then", 1)


class _Reader:
    """Reads steps inside steps; counts them all."""

    def __init__(self, read_id: ReadId, read_condition: ReadCondition) -> None:
        self._id, self._condition = read_id, read_condition
        self._count = 0

    def steps(self, value: Json, at: str, depth: int) -> tuple[Step, ...]:
        steps = a_list(value, at)
        self._count += len(steps)
        if not steps or self._count > MAX_STEPS:
            raise Invalid(
                f"a rule has 1 to {MAX_STEPS} steps, a list of steps is never empty", code="wrong_value", at=at
            )
        if depth > MAX_NESTING:
            raise Invalid(f"steps may be {MAX_NESTING} levels deep", code="too_deep", at=at)
        return tuple(self._step(an_object(step, f"{at}.{n}"), f"{at}.{n}", depth) for n, step in enumerate(steps))

    def _step(self, node: Document, at: str, depth: int) -> Step:
        match node.get("kind"):
            case "action":
                return self._action(node, at)
            case "message":
                return self._message(node, at)
            case "wait":
                return self._wait(node, at, depth)
            case "delay":
                return self._delay(node, at)
            case "branch":
                return self._branch(node, at, depth)
            case "gate":
                return self._gate(node, at, depth)
            case "tag":
                return self._tag(node, at)
            case "emit":
                return self._emit(node, at)
            case _:
                kinds = "action, message, wait, delay, branch, gate, tag or emit"
                raise Invalid(f"a step is one of {kinds}", code="unknown_kind", at=at)

    def _action(self, node: Document, at: str) -> Action:
        keys(node, at, need={"kind", "id", "connection", "operation"}, may={"mapping", "with", "hours"})
        id = self._id(node, at)
        return Action(
            id,
            matching(node["connection"], NAME, f"the connection of {id} as a name", at),
            matching(node["operation"], NAME, f"the operation of {id} as a name", at),
            _mapping(node, id, at),
            _extra(node, id, at),
            _hours(node, at),
        )

    def _message(self, node: Document, at: str) -> Message:
        keys(node, at, need={"kind", "id", "connection"}, may={"operation", "template", "to", "hours"})
        id = self._id(node, at)
        template, to = node.get("template"), node.get("to")
        return Message(
            id,
            matching(node["connection"], NAME, f"the connection of {id} as a name", at),
            None if template is None else matching(template, NAME, f"the template of {id} as a name", at),
            to if to is None or to == TO_CANDIDATE else matching(to, _ADDRESS, f"the receiver of {id}", at),
            matching(node.get("operation", "message.send"), NAME, f"the operation of {id} as a name", at),
            _hours(node, at),
        )

    def _wait(self, node: Document, at: str, depth: int) -> Wait:
        keys(node, at, need={"kind", "id", "for", "timeout"}, may={"same", "on_timeout"})
        id = self._id(node, at)
        on_timeout, late = self._timeout(node, at, depth)
        return Wait(
            id,
            matching(node["for"], NAME, f"the event that {id} waits for", at),
            _span(node["timeout"], f"the timeout of {id}", at),
            choice(node.get("same", "subject"), Same, f"same of {id}", at),
            on_timeout,
            late,
        )

    def _timeout(self, node: Document, at: str, depth: int) -> tuple[OnTimeout, tuple[Step, ...]]:
        value = node.get("on_timeout", "stop")
        if isinstance(value, list):
            return OnTimeout.STOP, self.steps(value, f"{at}.on_timeout", depth + 1)
        return choice(value, OnTimeout, "on_timeout, where it is no list of steps,", f"{at}.on_timeout"), ()

    def _delay(self, node: Document, at: str) -> Delay:
        keys(node, at, need={"kind", "id"}, may={"for", "until"})
        id = self._id(node, at)
        if not node.keys() & {"for", "until"}:
            raise Invalid(f"{id} needs `for`, `until` or both", code="missing_key", at=at)
        if node.get("until", "business_hours") != "business_hours":
            raise Invalid("until is business_hours", code="wrong_value", at=f"{at}.until")
        span = _span(node["for"], f"the time of {id}", at) if "for" in node else timedelta(0)
        return Delay(id, span, "until" in node)

    def _branch(self, node: Document, at: str, depth: int) -> Branch:
        keys(node, at, need={"kind", "id", "when", "then"}, may={"else"})
        id = self._id(node, at)
        when = self._condition(node["when"], f"{at}.when")
        then = self.steps(node["then"], f"{at}.then", depth + 1)
        return Branch(id, when, then, self.steps(node["else"], f"{at}.else", depth + 1) if "else" in node else ())

    def _gate(self, node: Document, at: str, depth: int) -> Gate:
        keys(node, at, need={"kind", "id", "approvers"}, may={"timeout", "on_timeout", "rejected"})
        id = self._id(node, at)
        if "on_timeout" in node and "timeout" not in node:
            raise Invalid(f"{id} has on_timeout and no timeout", code="missing_key", at=at)
        on_timeout, late = self._timeout(node, at, depth)
        return Gate(
            id,
            _approvers(node["approvers"], id, at),
            _span(node["timeout"], f"the timeout of {id}", at) if "timeout" in node else None,
            on_timeout,
            late,
            self.steps(node["rejected"], f"{at}.rejected", depth + 1) if "rejected" in node else (),
        )

    def _tag(self, node: Document, at: str) -> Tag:
        keys(node, at, need={"kind", "id", "tag"}, may={"remove"})
        id = self._id(node, at)
        remove = node.get("remove", False)
        if not isinstance(remove, bool):
            raise Invalid("remove is true or false", code="wrong_type", at=f"{at}.remove")
        return Tag(id, matching(node["tag"], _TAG, f"the tag of {id}, 1 to 64 characters", at), remove)

    def _emit(self, node: Document, at: str) -> Emit:
        keys(node, at, need={"kind", "id", "event"}, may={"mapping", "with"})
        id = self._id(node, at)
        event = matching(node["event"], NAME, f"the event that {id} tells", at)
        return Emit(id, event, _mapping(node, id, at), _extra(node, id, at))


def _approvers(value: Json, id: str, at: str) -> tuple[str, ...]:
    """One or several, each once; a list of one is that one."""
    named = a_list(value, at) if isinstance(value, list) else [value]
    if not 1 <= len(named) <= MAX_APPROVERS:
        raise Invalid(f"{id} names 1 to {MAX_APPROVERS} approvers", code="wrong_value", at=at)
    return tuple(dict.fromkeys(matching(one, _LABEL, f"who decides {id}", at) for one in named))


def _mapping(node: Document, id: str, at: str) -> str | None:
    mapping = node.get("mapping")
    return None if mapping is None else matching(mapping, MAPPING, f"the mapping of {id} as name@version", at)


def _extra(node: Document, id: str, at: str) -> Document:
    extra = an_object(node.get("with", {}), at)
    if _too_deep(extra, MAX_EXTRA_DEPTH) or len(json.dumps(extra)) > MAX_EXTRA:
        raise Invalid(
            f"step {id}: `with` has at most {MAX_EXTRA} characters, {MAX_EXTRA_DEPTH} levels deep",
            code="too_large",
            at=at,
        )
    return extra


def _too_deep(value: Json, levels: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_too_deep(item, levels - 1) for item in inside if isinstance(item, (dict, list)))


def _hours(node: Document, at: str) -> bool:
    if "hours" in node and node["hours"] != _BUSINESS:
        raise Invalid(f"hours is {_BUSINESS}", code="wrong_value", at=f"{at}.hours")
    return "hours" in node


def _span(value: Json, what: str, at: str) -> timedelta:
    span = read_duration(value)
    if span is None or not timedelta(0) < span <= LONGEST:
        raise Invalid(
            f"{what} is a duration such as P14D or PT4H, at most {LONGEST.days} days", code="wrong_value", at=at
        )
    return span


def read_guards(value: Json) -> Guards:
    """The guards of a rule. Raises Invalid."""
    node = an_object(value, "guards")
    keys(node, "guards", may={"mode", "once_per", "max_per_hour", "hours"})
    cap = node.get("max_per_hour")
    if "max_per_hour" in node and (type(cap) is not int or not 1 <= cap <= MAX_PER_HOUR):
        raise Invalid(f"max_per_hour is 1 to {MAX_PER_HOUR}", code="wrong_value", at="guards.max_per_hour")
    return Guards(
        choice(node["mode"], RunMode, "the guard mode", "guards.mode") if "mode" in node else RunMode.LIVE,
        _once(node["once_per"]) if "once_per" in node else (),
        cap if isinstance(cap, int) else None,
        _hours(node, "guards"),
    )


def _once(value: Json) -> tuple[Once, ...]:
    at = "guards.once_per"
    found = tuple(choice(one, Once, "once_per", at) for one in a_list(value, at))
    if found[:1] != (Once.CANDIDATE,) or len(set(found)) < len(found):
        raise Invalid("once_per is [candidate] or [candidate, job]", code="wrong_value", at=at)
    return found


def dump_guards(guards: Guards) -> Document:
    """The stored form."""
    out: Document = {"mode": guards.mode.value}
    if guards.once_per:
        out["once_per"] = [one.value for one in guards.once_per]
    if guards.max_per_hour is not None:
        out["max_per_hour"] = guards.max_per_hour
    return {**out, "hours": _BUSINESS} if guards.business_hours else out


def dump_steps(steps: tuple[Step, ...], dump_condition: Callable[[Condition], Document]) -> list[Json]:
    """The stored form."""
    return [_dump(step, dump_condition) for step in steps]


def _dump(step: Step, dump_condition: Callable[[Condition], Document]) -> Document:
    def inner(name: str, steps: tuple[Step, ...]) -> Document:
        return {name: dump_steps(steps, dump_condition)} if steps else {}

    match step:
        case Action(id=id, connection=connection, operation=operation, mapping=mapping, extra=extra):
            call: Document = {"kind": "action", "id": id, "connection": connection, "operation": operation}
            return {**call, **_given(mapping=mapping, **{"with": extra or None}), **_dump_hours(step)}
        case Message(id=id, connection=connection, template=template, to=to, operation=operation):
            told: Document = {"kind": "message", "id": id, "connection": connection, "operation": operation}
            return {**told, **_given(template=template, to=to), **_dump_hours(step)}
        case Wait(id=id, event=event, timeout=timeout, same=same, on_timeout=on_timeout, late=late):
            wait: Document = {"kind": "wait", "id": id, "for": event, "timeout": write_duration(timeout)}
            return {**wait, "same": same.value, "on_timeout": on_timeout.value, **inner("on_timeout", late)}
        case Delay(id=id, span=span, business_hours=business_hours):
            until = "business_hours" if business_hours else None
            return {"kind": "delay", "id": id, **_given(until=until, **{"for": write_duration(span) if span else None})}
        case Branch(id=id, when=when, then=then, otherwise=otherwise):
            branch: Document = {"kind": "branch", "id": id, "when": dump_condition(when)}
            return {**branch, **inner("then", then), **inner("else", otherwise)}
        case Gate(id=id, approvers=approvers, timeout=limit, on_timeout=on_timeout, late=late, rejected=rejected):
            whom: Json = approvers[0] if len(approvers) == 1 else [*approvers]
            gate: Document = {"kind": "gate", "id": id, "approvers": whom}
            if limit is not None:
                gate |= {"timeout": write_duration(limit), "on_timeout": on_timeout.value, **inner("on_timeout", late)}
            return {**gate, **inner("rejected", rejected)}
        case Tag(id=id, tag=tag, remove=remove):
            return {"kind": "tag", "id": id, "tag": tag, **_given(remove=remove or None)}
        case Emit(id=id, event=event, mapping=mapping, extra=extra):
            emit: Document = {"kind": "emit", "id": id, "event": event}
            return {**emit, **_given(mapping=mapping, **{"with": extra or None})}
        case _:
            assert_never(step)


def _given(**values: Json) -> Document:
    return {name: value for name, value in values.items() if value is not None}


def _dump_hours(step: Action | Message) -> Document:
    return {"hours": _BUSINESS} if step.business_hours else {}
