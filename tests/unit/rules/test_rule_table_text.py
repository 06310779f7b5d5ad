"""Decision tables as JSON and CSV: there and back without a difference, and every fault with its place."""

from typing import Any

import pytest
from hypothesis import given, settings

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue, Row, Table, read_csv, read_table, table_document, to_csv, told_like
from hub.domain.rules.fields import Fields
from hub.domain.rules.tree import Clause, Op
from tests.unit.rules.test_rule_tables import BANDS, REPORT, tables

CATALOGUE = Catalogue.of_event(REPORT, 1)


class Anything(Fields):
    """Knows every path."""

    def __init__(self) -> None:
        super().__init__({}, {})

    def find(self, path: str) -> Any:
        return path


@settings(max_examples=60, deadline=None)
@given(tables())
def test_a_table_comes_back_as_it_was(table: Table) -> None:
    assert told_like(read_table(table_document(table)), table) == table
    assert told_like(read_csv(to_csv(table), Anything()), table) == table


def test_csv_reads_like_the_table() -> None:
    assert to_csv(BANDS).splitlines() == [
        "row,score,role,then",
        "young,lt 60,,no",
        'sales,ge 70,"eq ""sales""",fire',
        'shop,ge 65 and lt 90,"eq ""retail""",fire',
        "rest,ge 85,,fire",
    ]


def test_what_people_type_is_understood() -> None:
    typed = (
        "\ufeffrow,综合得分,Role,report.summary,then\n"
        ",< 60,-,,不触发\n"
        ",>=65 and ≤ 90,= sales,is_filled and contains clear,fires\n"
        "rest,\"between [85, 100]\",\"in [\"\"sales\"\", \"\"retail\"\"]\",,fire\n"
    ).replace("report.summary", "job.title")  # fmt: skip
    assert told_like(read_csv(typed, CATALOGUE), Table(())) == Table(
        (
            Row("r1", (Clause("c1", "report.overall.score", Op.LT, 60),), fires=False),
            Row(
                "r2",
                (
                    Clause("c2", "report.overall.score", Op.GE, 65),
                    Clause("c3", "report.overall.score", Op.LE, 90),
                    Clause("c4", "job.role", Op.EQ, "sales"),
                    Clause("c5", "job.title", Op.IS_FILLED),
                    Clause("c6", "job.title", Op.CONTAINS, "clear"),
                ),
            ),
            Row(
                "rest",
                (
                    Clause("c7", "report.overall.score", Op.BETWEEN, [85, 100]),
                    Clause("c8", "job.role", Op.IN, ["sales", "retail"]),
                ),
            ),
        )
    )


def test_one_changed_cell_keeps_the_ids_of_the_rest() -> None:
    changed = told_like(read_csv(to_csv(BANDS).replace("ge 70", "ge 75"), Anything()), BANDS)
    assert [row.id for row in changed.rows] == [row.id for row in BANDS.rows]
    assert changed.rows[1].clauses == (Clause("c2", "score", Op.GE, 75), Clause("c3", "role", Op.EQ, "sales"))
    assert changed.rows[2:] == BANDS.rows[2:]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("", "bad_table", "line 1"),
        ("score,then", "bad_table", "line 1"),
        ("row,nothing,then", "unknown_field", "line 1"),
        ("row,job.role,Role,then", "bad_table", "line 1"),
        ("row,job.role,then\n,ge", "bad_table", "line 2"),
        ("row,job.role,then\n,eq sales,perhaps", "wrong_value", "line 2, then"),
        ("row,job.role,then\n,like sales,fire", "unknown_operator", "line 2, job.role"),
        ("row,job.role,then\n,eq,fire", "bad_table", "line 2, job.role"),
        ("row,job.role,then\n,eq a or eq b,fire", "bad_table", "line 2, job.role"),
        ("row,job.role,then\n,between 3,fire", "wrong_value", "line 2, job.role"),
        ('row,job.role,then\n,"eq "" a",fire', "bad_table", "line 2, job.role"),
        ("row,job.role,then\n?!,eq a,fire", "bad_id", "line 2"),
        ('row,"x', "bad_table", "csv"),
    ],
)
def test_a_fault_in_csv_has_its_line_and_column(text: str, code: str, at: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_csv(text, CATALOGUE)
    assert (caught.value.code, caught.value.at) == (code, at)


@pytest.mark.parametrize(
    ("document", "code", "at"),
    [
        ({}, "missing_key", "table"),
        ({"rows": {}}, "wrong_shape", "rows"),
        ({"rows": [{"then": "go", "when": []}]}, "wrong_value", "rows.0.then"),
        ({"rows": [{"then": "fire", "when": [{"field": "a", "op": "like"}]}]}, "unknown_operator", "rows.0.when.0"),
        ({"rows": [{"then": "fire", "when": [{"field": "a", "op": "ge"}]}]}, "wrong_value", "rows.0.when.0"),
    ],
)
def test_a_fault_in_json_has_its_place(document: Any, code: str, at: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_table(document)
    assert (caught.value.code, caught.value.at) == (code, at)
