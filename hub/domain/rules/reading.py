"""The stored form of a rule: JSON in, value out, and back. Everything wrong is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from hub.domain.errors import Invalid
from hub.domain.rules.operators import test_of
from hub.domain.rules.reading_steps import dump_guards, dump_steps, read_guards, read_steps
from hub.domain.rules.shapes import ID, NAME
from hub.domain.rules.shapes import a_list as _list
from hub.domain.rules.shapes import an_object as _object
from hub.domain.rules.shapes import choice as _choice
from hub.domain.rules.shapes import keys as _keys
from hub.domain.rules.shapes import matching as _matching
from hub.domain.rules.tree import UNARY, Case, Clause, Condition, Each, EachMode, Group, GroupMode, Op, RuleBody
from mappings.documents import Document, Json, PathError, parse_path

SCHEMA = 1
MAX_DEPTH = 5  # groups and each-conditions inside one another
MAX_CLAUSES = 100
MAX_CASES = 200


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
        on=_matching(trigger["event"], NAME, "an event type", "trigger.event"),
        when=None if when is None else _condition(when, "when", 1, seen),
        then=read_steps(body["then"], seen.id, lambda node, at: _condition(node, at, 1, seen)),
        guards=read_guards(body.get("guards", {})),
        cases=_cases(body.get("cases", []), seen),
    )


class _Seen:
    """What has been met so far: ids must be unique over conditions and steps, clauses are counted."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.clauses = 0

    def id(self, node: Mapping[str, Json], at: str) -> str:
        id = _matching(node.get("id"), ID, "an id (1-64 letters, digits, _ or -)", at, code="bad_id")
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
    return Case(_matching(node["event"], NAME, "an event id", at), node["expect"] == "fire", because)


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
    out["then"] = dump_steps(body.then, _dump_condition)
    out["guards"] = dump_guards(body.guards)
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


def _dump_case(case: Case) -> Document:
    out: Document = {"event": case.event, "expect": "fire" if case.fires else "no"}
    if case.because is not None:
        out["because"] = case.because
    return out
