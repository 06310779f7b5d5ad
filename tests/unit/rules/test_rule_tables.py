"""Decision tables: the same rule seen as rows, there and back."""

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue, Row, Table, compile_rule, from_table, grid, parse, to_table
from hub.domain.rules.tree import Clause, Op, RuleBody
from tests.support.rule_trees import NOW, body, clause, documents, numbered, trees

REPORT = "interview.report.completed"


def group(id: str, mode: str, *items: Any) -> dict[str, Any]:
    return {"kind": "group", "id": id, "mode": mode, "items": list(items)}


def when(tree: Any) -> Any:
    return parse(body(tree)).when


def decide(condition: Any, data: Any) -> Any:
    step: Any = parse(body(None)).then
    return compile_rule(RuleBody("interview.completed", condition, step)).decide(data, NOW)


BANDS = Table(
    (
        Row("young", (Clause("c1", "score", Op.LT, 60),), fires=False),
        Row("sales", (Clause("c2", "score", Op.GE, 70), Clause("c3", "role", Op.EQ, "sales"))),
        Row("shop", (Clause("c4", "score", Op.GE, 65), Clause("c5", "score", Op.LT, 90), Clause("c6", "role", Op.EQ, "retail"))),
        Row("rest", (Clause("c7", "score", Op.GE, 85),)),
    )
)  # fmt: skip


def test_bands_of_score_and_role() -> None:
    tree = from_table(BANDS)
    assert to_table(tree) == BANDS
    assert BANDS.columns == ("score", "role")
    for data, fires in [
        ({"score": 59, "role": "sales"}, False),
        ({"score": 70, "role": "sales"}, True),
        ({"score": 70, "role": "retail"}, True),
        ({"score": 70, "role": "other"}, False),
        ({"score": 85, "role": "other"}, True),
        ({"role": "sales"}, None),
    ]:
        assert decide(tree, data) is fires


def test_a_table_has_heads_and_cells_in_both_languages() -> None:
    table = Table(
        (
            Row("r1", (Clause("c1", "report.overall.score", Op.LT, 60),), fires=False),
            Row("r2", (Clause("c2", "job.role", Op.IN, ["sales", "retail"]),)),
        )
    )
    catalogue = Catalogue.of_event(REPORT, 1)
    assert grid(table, catalogue, "en") == [
        ["Overall score", "Role", "then"],
        ["is less than 60", "-", "does not fire"],
        ["-", "is one of “Sales”, “Retail”", "fires"],
    ]
    assert grid(table, catalogue, "zh-CN") == [
        ["综合得分", "岗位类别", "则"],
        ["<60", "-", "不触发"],
        ["-", "为“销售”、“门店零售”之一", "触发"],
    ]


@st.composite
def tables(draw: Any) -> Table:
    counter = iter(range(1000))
    rows = []
    for number in range(draw(st.integers(1, 5))):
        clauses = tuple(
            Clause(f"c{next(counter)}", draw(st.sampled_from("ab")), Op.GE, draw(st.integers(0, 3)))
            for _ in range(draw(st.integers(1, 3)))
        )
        rows.append(Row(f"r{number}", clauses, draw(st.booleans())))
    if not rows[-1].fires:
        rows.append(Row("otherwise", ()))
    return Table(tuple(rows))


@settings(max_examples=150, deadline=None)
@given(tables(), st.dictionaries(st.sampled_from("ab"), st.integers(0, 3)))
def test_a_table_comes_back_the_same_and_its_first_row_decides(table: Table, data: Any) -> None:
    try:
        tree = from_table(table)
    except Invalid:
        return  # rows that take turns too often, see below
    assert to_table(tree) == table
    verdict = decide(tree, data)
    for row in table.rows:
        answers = [data[c.field] >= c.value if c.field in data else None for c in row.clauses]
        if False in answers:
            continue
        if None in answers:
            return  # what is not known may have been the one
        assert verdict is row.fires
        return
    assert verdict is False


@settings(max_examples=50, deadline=None)
@given(trees, documents)
def test_a_tree_that_is_a_table_says_the_same_as_one(tree: Any, data: Any) -> None:
    condition = when(numbered(tree, [0]))
    try:
        table = to_table(condition)
    except Invalid:
        assume(False)
    assert decide(from_table(table), data) is decide(condition, data)


C1, C2, C3 = (clause(f"c{n}", "a", "ge", n) for n in (1, 2, 3))
EACH = {"kind": "each", "id": "e1", "field": "list", "mode": "any", "when": clause("c9", "a", "ge", 9)}


@pytest.mark.parametrize(
    ("tree", "at", "named"),
    [
        (None, "when", "without conditions"),
        (EACH, "when", "e1"),
        (group("g", "any", group("r", "all", C1, EACH), C2), "when.items.0.items.1", "r"),
        (group("g", "any", group("h", "any", C1, C2), C3), "when.items.0", "h"),
        (group("g", "all", C1, group("h", "any", C2, C3)), "when.items.1", "g"),
        (group("g", "none", group("h", "none", C1), C2), "when.items.0", "h"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tree: Any, at: str, named: str) -> None:
    with pytest.raises(Invalid, match=named) as caught:
        to_table(None if tree is None else when(tree))
    assert (caught.value.code, caught.value.at) == ("not_a_table", at)


YES, NO = (Row(id, (Clause(f"c-{id}", "a", Op.GE, 1),), id == "yes") for id in ("yes", "no"))


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ((), "empty_table"),
        ((YES, NO), "idle_row"),
        ((YES, Row("otherwise", ())), "idle_row"),
        ((NO, Row("else", ())), "idle_row"),
        ((NO, Row("otherwise", ()), YES), "idle_row"),
        ((YES, YES), "duplicate_id"),
        (tuple(Row(f"r{n}", (Clause(f"c{n}", "a", Op.GE, 1),), n % 2 == 1) for n in range(8)), "too_deep"),
    ],
)
def test_what_no_table_can_say_is_refused(rows: Any, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_table(Table(rows))
    assert caught.value.code == code
