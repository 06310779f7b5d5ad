"""Rules and documents made up by Hypothesis, and a second, plain reading of what rules mean."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
STEP = {"kind": "action", "id": "step1", "connection": "ehr", "operation": "candidate.update"}
DAYS = ["2026-11-01", "2026-11-23", "2026-11-24", "2026-11-25", "2020-02-29", "2026-13-01", "2026-12-01"]
MOMENTS = ["2026-11-24T09:30:00Z", "2026-11-24T17:29:00+08:00", "2026-11-23T00:00:00Z", "2026-11-24T09:30:00"]
SPANS = {"P1D": timedelta(days=1), "P2W": timedelta(weeks=2), "PT1H30M": timedelta(minutes=90)}
NUMBERS = [-1, 0, 1, 60, 80, 80.0, 80.5, 10**400, float("nan")]
TEXTS = ["", " ", "a", "ab", "81", "80", "推荐"]


def body(when: Any) -> dict[str, Any]:
    return {"schema": 1, "trigger": {"event": "interview.completed"}, "when": when, "then": [STEP]}


def clause(id: str, field: str, op: str, *value: Any) -> dict[str, Any]:
    return {"kind": "clause", "id": id, "field": field, "op": op, **({"value": value[0]} if value else {})}


# -- a second reading of the same language, written for plainness ------------------------------------------------


def at(data: Any, path: str) -> Any:
    for step in path.split("."):
        data = data.get(step) if isinstance(data, dict) else None
    return data


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "nan" if value != value else "number"
    return "text" if isinstance(value, str) else type(value).__name__


def as_time(text: Any) -> Any:
    if not isinstance(text, str):
        return None
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def comparable(value: Any) -> Any:
    """(kind, value) of what has an order, or None."""
    if kind(value) == "number":
        return "number", value
    if isinstance(value, str) and value in SPANS:
        return "span", SPANS[value]
    time = as_time(value)
    return None if time is None else (type(time).__name__, time)


def compared(a: Any, b: Any, test: Any) -> Any:
    one, other = comparable(a), comparable(b)
    if one is None or other is None or one[0] != other[0]:
        return None
    return test(one[1], other[1])


def either(verdicts: list[Any]) -> Any:
    return True if True in verdicts else None if None in verdicts else False


def every(verdicts: list[Any]) -> Any:
    return flip(either([flip(v) for v in verdicts]))


def flip(verdict: Any) -> Any:
    return None if verdict is None else not verdict


def equal(a: Any, b: Any) -> Any:
    return a == b if kind(a) == kind(b) else None


def naive_clause(op: str, actual: Any, wanted: Any) -> Any:
    blank = actual is None or actual in ([], {}) or (isinstance(actual, str) and actual.strip() == "")
    if op == "is_empty":
        return blank
    if op == "is_filled":
        return not blank
    if actual is None:
        return None
    if op in ("ne", "not_in", "not_contains"):
        return flip(naive_clause({"ne": "eq", "not_in": "in", "not_contains": "contains"}[op], actual, wanted))
    if op == "eq":
        return equal(actual, wanted)
    if op == "in":
        return either([equal(actual, w) for w in wanted])
    if op in ("lt", "le", "gt", "ge", "before", "after"):
        tests = {
            "lt": lambda a, b: a < b,
            "le": lambda a, b: a <= b,
            "gt": lambda a, b: a > b,
            "ge": lambda a, b: a >= b,
            "before": lambda a, b: a < b,
            "after": lambda a, b: a > b,
        }
        return compared(actual, wanted, tests[op])
    if op == "between":
        return every([naive_clause("ge", actual, wanted[0]), naive_clause("le", actual, wanted[1])])
    if op == "starts_with":
        return actual.startswith(wanted) if isinstance(actual, str) else None
    if op == "contains":
        if isinstance(actual, str):
            return wanted in actual if isinstance(wanted, str) else None
        return either([equal(item, wanted) for item in actual]) if isinstance(actual, list) else None
    if op in ("has_any", "has_all"):
        if not isinstance(actual, list):
            return None
        return (either if op == "has_any" else every)([either([equal(item, w) for item in actual]) for w in wanted])
    assert op in ("within_last", "within_next", "longer_ago")
    time = as_time(actual)
    if time is None:
        return None
    span = SPANS[wanted] if isinstance(time, datetime) else timedelta(days=SPANS[wanted].days)
    now, tomorrow, yesterday = NOW, NOW, NOW
    if not isinstance(time, datetime):  # the day begins 14 hours early and ends 12 hours late
        now, tomorrow, yesterday = NOW.date(), (NOW + timedelta(hours=14)).date(), (NOW - timedelta(hours=12)).date()
    if op == "within_last":
        return now - span <= time <= tomorrow
    if op == "within_next":
        return yesterday <= time <= now + span
    return time < now - span


def naive(node: Any, data: Any) -> Any:
    if node["kind"] == "clause":
        return naive_clause(node["op"], at(data, node["field"]), node.get("value"))
    if node["kind"] == "group":
        verdicts = [naive(item, data) for item in node["items"]]
        return {"all": every, "any": either, "none": lambda v: flip(either(v))}[node["mode"]](verdicts)
    items = at(data, node["field"])
    if not isinstance(items, list):
        return None
    verdicts = [naive(node["when"], item if isinstance(item, dict) else {}) for item in items]
    if node["mode"] in ("any", "none"):
        return either(verdicts) if node["mode"] == "any" else flip(either(verdicts))
    if node["mode"] == "all":
        return every(verdicts) if verdicts else None
    certain, possible = verdicts.count(True), verdicts.count(True) + verdicts.count(None)
    return True if certain >= node["count"] else None if possible >= node["count"] else False


# -- generated trees and documents -------------------------------------------------------------------------------

scalars = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(TEXTS + DAYS + MOMENTS), st.sampled_from(list(SPANS)), st.booleans()
)
values = st.one_of(st.none(), scalars, st.lists(st.one_of(st.none(), scalars), max_size=4))
plain = st.fixed_dictionaries(
    {}, optional={"a": values, "b": values, "c": st.fixed_dictionaries({}, optional={"a": values})}
)
deep = st.fixed_dictionaries({}, optional={"a": st.one_of(values, st.fixed_dictionaries({}, optional={"b": plain}))})
inner_items = st.fixed_dictionaries({}, optional={"list": st.lists(plain, max_size=3), "a": values})
items = st.lists(st.one_of(plain, scalars, inner_items), max_size=4)
documents = st.fixed_dictionaries({}, optional={"a": values, "b": values, "c": deep, "list": st.one_of(values, items)})

PATHS = ["a", "b", "c.a", "c.a.b", "c.a.b.a", "list", "nothing.here"]
LISTS = ["list", "c.a", "nothing.here"]
usable_numbers = st.sampled_from([n for n in NUMBERS if abs(n) < 1e15])
texts = st.sampled_from([t for t in TEXTS if t])
wanted_scalars = st.one_of(usable_numbers, texts, st.booleans())
lists = st.one_of(st.lists(s, min_size=1, max_size=3) for s in (usable_numbers, texts, st.booleans()))
times = st.sampled_from([t for t in DAYS + MOMENTS if as_time(t)])
pairs = st.one_of(
    st.lists(usable_numbers, min_size=2, max_size=2).map(sorted),
    st.lists(st.sampled_from(DAYS[:5]), min_size=2, max_size=2).map(sorted),
    st.sampled_from([["P1D", "P2W"], ["PT1H30M", "P1D"], [MOMENTS[2], MOMENTS[0]]]),
)
WANTED = {
    **dict.fromkeys(["eq", "ne", "contains", "not_contains"], wanted_scalars),
    **dict.fromkeys(["in", "not_in", "has_any", "has_all"], lists),
    **dict.fromkeys(["lt", "le", "gt", "ge"], st.one_of(usable_numbers, st.sampled_from(list(SPANS)))),
    **dict.fromkeys(["before", "after"], times),
    "between": pairs,
    "starts_with": texts,
    **dict.fromkeys(["within_last", "within_next", "longer_ago"], st.sampled_from(list(SPANS))),
    "is_filled": None,
    "is_empty": None,
}


@st.composite
def clauses(draw: Any) -> dict[str, Any]:
    op = draw(st.sampled_from(sorted(WANTED)))
    value = WANTED[op]
    return clause("x", draw(st.sampled_from(PATHS)), op, *([] if value is None else [draw(value)]))


def wider(inner: Any) -> Any:
    groups = st.builds(
        lambda mode, items: {"kind": "group", "id": "x", "mode": mode, "items": items},
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, min_size=1, max_size=3),
    )
    eaches = st.builds(
        lambda field, mode, count, when: {
            "kind": "each",
            "id": "x",
            "field": field,
            "mode": mode,
            "when": when,
            **({"count": count} if mode == "at_least" else {}),
        },
        st.sampled_from(LISTS),
        st.sampled_from(["any", "all", "none", "at_least"]),
        st.integers(1, 3),
        inner,
    )
    return st.one_of(groups, eaches)


trees = st.one_of(clauses(), wider(clauses()), wider(wider(clauses())), wider(wider(wider(clauses()))))


def numbered(node: Any, counter: list[int]) -> Any:
    counter[0] += 1
    node = {**node, "id": f"n{counter[0]}"}
    if "items" in node:
        node["items"] = [numbered(item, counter) for item in node["items"]]
    if "when" in node:
        node["when"] = numbered(node["when"], counter)
    return node
