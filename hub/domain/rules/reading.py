"""The stored form of a rule: JSON in, value out, and back. Everything wrong is named with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from enum import StrEnum
from typing import TypeVar, assert_never

from hub.domain.errors import Invalid
from hub.domain.rules.operators import test_of
from hub.domain.rules.tree import (
    UNARY,
    Action,
    Case,
    Clause,
    Condition,
    Each,
    EachMode,
    Group,
    GroupMode,
    Guards,
    Op,
    RuleBody,
    RunMode,
)
from mappings.documents import Document, Json, PathError, parse_path

SCHEMA = 1
MAX_DEPTH = 5  # groups and each-conditions inside one another
MAX_CLAUSES = 100
MAX_STEPS = 50
MAX_CASES = 200
MAX_EXTRA = 16_384  # characters of JSON in one step's constants
MAX_EXTRA_DEPTH = 10

LATER_STEPS = frozenset({"message", "wait", "branch", "gate", "tag", "emit"})
LATER_GUARDS = frozenset({"once_per", "max_per_hour", "hours"})

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", re.ASCII)
_MAPPING = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}@[1-9][0-9]{0,8}", re.ASCII)
E = TypeVar("E", bound=StrEnum)


def read_body(body: Document) -> RuleBody:
    """The rule that the stored form says. Raises Invalid with `code` and `at`; fields are not looked up here."""
    _keys(body, "", need={"schema", "trigger", "then"}, may={"when", "guards", "cases"})
    if body["schema"] != SCHEMA or isinstance(body["schema"], bool):
        raise Invalid(f"schema must be {SCHEMA}", code="unsupported_schema", at="schema")
    trigger = _object(body["trigger"], "trigger")
    _keys(trigger, "trigger", need={"event"})
    seen = _Seen()
    when = body.get("when")
    return RuleBody(
        on=_matching(trigger["event"], _NAME, "an event type", "trigger.event"),
        when=None if when is None else _condition(when, "when", 1, seen),
        then=_steps(body["then"], seen),
        guards=_guards(body.get("guards", {})),
        cases=_cases(body.get("cases", []), seen),
    )


class _Seen:
    """What has been met so far: ids must be unique over conditions and steps, clauses are counted."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.clauses = 0

    def id(self, node: Mapping[str, Json], at: str) -> str:
        id = _matching(node.get("id"), _ID, "an id (1-64 letters, digits, _ or -)", at, code="bad_id")
        if id in self.ids:
            raise Invalid(f"the id {id} is used twice", code="duplicate_id", at=at)
        self.ids.add(id)
        return id

    def clause(self, at: str) -> None:
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise Invalid(f"a rule has at most {MAX_CLAUSES} clauses", code="too_many_clauses", at=at)


def _condition(node: Json, at: str, depth: int, seen: _Seen) -> Condition:
    node = _object(node, at)
    kind = node.get("kind")
    if kind != "clause" and depth > MAX_DEPTH:
        raise Invalid(f"conditions may be {MAX_DEPTH} levels deep", code="too_deep", at=at)
    match kind:
        case "clause":
            return _clause(node, at, seen)
        case "group":
            return _group(node, at, depth, seen)
        case "each":
            return _each(node, at, depth, seen)
        case _:
            raise Invalid("a condition is a group, a clause or an each", code="unknown_kind", at=at)


def _group(node: Document, at: str, depth: int, seen: _Seen) -> Group:
    _keys(node, at, need={"kind", "id", "mode", "items"})
    id = seen.id(node, at)
    items = _list(node["items"], at)
    if not items:
        raise Invalid(f"group {id} has no items", code="empty_group", at=at)
    return Group(
        id,
        _choice(node["mode"], GroupMode, f"mode of {id}", at),
        tuple(_condition(item, f"{at}.items.{n}", depth + 1, seen) for n, item in enumerate(items)),
    )


def _each(node: Document, at: str, depth: int, seen: _Seen) -> Each:
    _keys(node, at, need={"kind", "id", "field", "mode", "when"}, may={"count"})
    id = seen.id(node, at)
    mode = _choice(node["mode"], EachMode, f"mode of {id}", at)
    count = node.get("count", 1)
    if ("count" in node) != (mode is EachMode.AT_LEAST) or type(count) is not int or not 1 <= count <= 1000:
        raise Invalid(f"{id}: at_least, and nothing else, has a count from 1 to 1000", code="wrong_value", at=at)
    return Each(id, _path(node["field"], id, at), mode, _condition(node["when"], f"{at}.when", depth + 1, seen), count)


def _clause(node: Document, at: str, seen: _Seen) -> Clause:
    _keys(node, at, need={"kind", "id", "field", "op"}, may={"value"})
    id = seen.id(node, at)
    seen.clause(at)
    op = _choice(node["op"], Op, f"op of {id}", at, code="unknown_operator")
    field = _path(node["field"], id, at)
    if op not in UNARY and "value" not in node:
        raise Invalid(f"clause {id}: {op} wants a value", code="missing_key", at=at)
    value = node.get("value")
    try:
        test_of(op, value)
    except Invalid as error:
        raise Invalid(f"clause {id}: {error}", code=error.code, at=at) from error
    return Clause(id, field, op, value)


def _steps(value: Json, seen: _Seen) -> tuple[Action, ...]:
    steps = _list(value, "then")
    if not 1 <= len(steps) <= MAX_STEPS:
        raise Invalid(f"a rule has 1 to {MAX_STEPS} steps", code="wrong_value", at="then")
    return tuple(_step(step, f"then.{n}", seen) for n, step in enumerate(steps))


def _step(value: Json, at: str, seen: _Seen) -> Action:
    node = _object(value, at)
    kind = node.get("kind")
    if isinstance(kind, str) and kind in LATER_STEPS:
        raise Invalid(f"steps of the kind {kind} are not supported yet", code="not_supported_yet", at=at)
    if kind != "action":
        raise Invalid("a step is an action", code="unknown_kind", at=at)
    _keys(node, at, need={"kind", "id", "connection", "operation"}, may={"mapping", "with"})
    id = seen.id(node, at)
    mapping = node.get("mapping")
    extra = _object(node.get("with", {}), at)
    if _too_deep(extra, MAX_EXTRA_DEPTH) or len(json.dumps(extra)) > MAX_EXTRA:
        raise Invalid(
            f"step {id}: `with` has at most {MAX_EXTRA} characters, {MAX_EXTRA_DEPTH} levels deep",
            code="too_large",
            at=at,
        )
    return Action(
        id,
        _matching(node["connection"], _NAME, f"the connection of {id} as a name", at),
        _matching(node["operation"], _NAME, f"the operation of {id} as a name", at),
        None if mapping is None else _matching(mapping, _MAPPING, f"the mapping of {id} as name@version", at),
        extra,
    )


def _too_deep(value: Json, levels: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_too_deep(item, levels - 1) for item in inside if isinstance(item, (dict, list)))


def _guards(value: Json) -> Guards:
    node = _object(value, "guards")
    for key in node:
        if key in LATER_GUARDS:
            raise Invalid(f"the guard {key} is not supported yet", code="not_supported_yet", at=f"guards.{key}")
    _keys(node, "guards", may={"mode"})
    return Guards(_choice(node["mode"], RunMode, "the guard mode", "guards.mode") if "mode" in node else RunMode.LIVE)


def _cases(value: Json, seen: _Seen) -> tuple[Case, ...]:
    cases = _list(value, "cases")
    if len(cases) > MAX_CASES:
        raise Invalid(f"a rule has at most {MAX_CASES} cases", code="wrong_value", at="cases")
    return tuple(_case(case, f"cases.{n}", seen) for n, case in enumerate(cases))


def _case(value: Json, at: str, seen: _Seen) -> Case:
    node = _object(value, at)
    _keys(node, at, need={"event", "expect"}, may={"because"})
    because = node.get("because")
    if node["expect"] not in ("fire", "no"):
        raise Invalid("expect is fire or no", code="wrong_value", at=at)
    if because is not None and (not isinstance(because, str) or because not in seen.ids):
        raise Invalid("because names no condition of this rule", code="unknown_id", at=at)
    return Case(_matching(node["event"], _NAME, "an event id", at), node["expect"] == "fire", because)


def _object(value: Json, at: str) -> Document:
    if not isinstance(value, dict):
        raise Invalid("an object is wanted here", code="wrong_shape", at=at)
    return value


def _list(value: Json, at: str) -> list[Json]:
    if not isinstance(value, list):
        raise Invalid("a list is wanted here", code="wrong_shape", at=at)
    return value


def _keys(node: Document, at: str, need: Set[str] = frozenset(), may: Set[str] = frozenset()) -> None:
    for key in sorted(need - node.keys()):
        raise Invalid(f"{key} is missing", code="missing_key", at=at or key)
    if node.keys() - need - may:
        raise Invalid(f"only {', '.join(sorted(need | may))} may stand here", code="unknown_key", at=at or None)


def _matching(value: Json, pattern: re.Pattern[str], what: str, at: str, code: str = "wrong_shape") -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise Invalid(f"wanted: {what}", code=code, at=at)
    return value


def _choice(value: Json, options: type[E], what: str, at: str, code: str = "wrong_value") -> E:
    if isinstance(value, str) and value in {option.value for option in options}:
        return options(value)
    raise Invalid(f"{what} is one of {', '.join(options)}", code=code, at=at)


def _path(value: Json, id: str, at: str) -> str:
    try:
        if isinstance(value, str) and len(value) <= 512:
            parse_path(value)
            return value
    except PathError:
        pass
    raise Invalid(f"the field of {id} is not a path such as report.verdict", code="bad_path", at=at)


def dump(body: RuleBody) -> Document:
    """The stored form of the rule; `read_body(dump(body)) == body`."""
    out: Document = {"schema": SCHEMA, "trigger": {"event": body.on}}
    if body.when is not None:
        out["when"] = _dump_condition(body.when)
    out["then"] = [_dump_step(step) for step in body.then]
    out["guards"] = {"mode": body.guards.mode.value}
    if body.cases:
        out["cases"] = [_dump_case(case) for case in body.cases]
    return out


def _dump_condition(condition: Condition) -> Document:
    match condition:
        case Clause(id=id, field=field, op=op, value=value):
            clause: Document = {"kind": "clause", "id": id, "field": field, "op": op.value}
            return clause if op in UNARY else {**clause, "value": value}
        case Group(id=id, mode=mode, items=items):
            return {"kind": "group", "id": id, "mode": mode.value, "items": [_dump_condition(item) for item in items]}
        case Each(id=id, field=field, mode=each_mode, when=when, count=count):
            each: Document = {"kind": "each", "id": id, "field": field, "mode": each_mode.value}
            if each_mode is EachMode.AT_LEAST:
                each["count"] = count
            return {**each, "when": _dump_condition(when)}
        case _:
            assert_never(condition)


def _dump_step(step: Action) -> Document:
    out: Document = {"kind": "action", "id": step.id, "connection": step.connection, "operation": step.operation}
    if step.mapping is not None:
        out["mapping"] = step.mapping
    if step.extra:
        out["with"] = step.extra
    return out


def _dump_case(case: Case) -> Document:
    out: Document = {"event": case.event, "expect": "fire" if case.fires else "no"}
    if case.because is not None:
        out["because"] = case.because
    return out
