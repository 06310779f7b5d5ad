"""Decision tables as people exchange them: a JSON document, and CSV whose cells say `ge 65 and lt 90`."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace

from hub.domain.errors import Invalid
from hub.domain.rules.fields import Fields
from hub.domain.rules.operators import test_of
from hub.domain.rules.reading import MAX_CLAUSES
from hub.domain.rules.shapes import ID, a_list, an_object, choice, keys, matching
from hub.domain.rules.tables import OTHERWISE, Row, Table
from hub.domain.rules.tree import UNARY, Clause, Op
from mappings.documents import Document, Json, written

ROW, THEN, FIRE, NO = "row", "then", "fire", "no"
LONGEST = 200_000  # characters of CSV
_VERDICTS = {FIRE: True, NO: False, "fires": True, "does not fire": False, "触发": True, "不触发": False}
_SIGNS = {"≥": Op.GE, ">=": Op.GE, "≤": Op.LE, "<=": Op.LE, ">": Op.GT, "<": Op.LT, "≠": Op.NE, "=": Op.EQ}
_OP = re.compile(rf"({'|'.join(sorted(_SIGNS, key=len, reverse=True))}|[a-z_]+)\s*")
_WORD = re.compile(r"[^\s\"\[\]{}]+")
_AND = re.compile(r"\s*\band\s+(?=\S)")
_JSON = json.JSONDecoder()


def table_document(table: Table) -> Document:
    """The table as JSON; `read_table` gives it back."""
    return {
        "rows": [
            {"id": row.id, THEN: FIRE if row.fires else NO, "when": [_clause_document(one) for one in row.clauses]}
            for row in table.rows
        ]
    }


def _clause_document(clause: Clause) -> Document:
    out: Document = {"id": clause.id, "field": clause.field, "op": clause.op.value}
    return out if clause.op in UNARY else {**out, "value": clause.value}


def read_table(document: Document) -> Table:
    """The table in a JSON document; `told_like` names what has no id. Raises Invalid with its place."""
    keys(document, "table", need={"rows"})
    rows = a_list(document["rows"], "rows")
    return Table(tuple(_row(an_object(row, f"rows.{n}"), f"rows.{n}") for n, row in enumerate(rows)))


def _row(node: Document, at: str) -> Row:
    keys(node, at, need={THEN, "when"}, may={"id"})
    if node[THEN] not in (FIRE, NO):
        raise Invalid(f"{THEN} is {FIRE} or {NO}", code="wrong_value", at=f"{at}.{THEN}")
    listed = a_list(node["when"], f"{at}.when")
    clauses = tuple(_clause(an_object(one, f"{at}.when.{n}"), f"{at}.when.{n}") for n, one in enumerate(listed))
    return Row(_id(node, at), clauses, node[THEN] == FIRE)


def _clause(node: Document, at: str) -> Clause:
    keys(node, at, need={"field", "op"}, may={"id", "value"})
    field = node["field"]
    if not isinstance(field, str):
        raise Invalid("a field is a path", code="bad_path", at=f"{at}.field")
    return _tested(_id(node, at), field, choice(node["op"], Op, "op", at, "unknown_operator"), node.get("value"), at)


def _id(node: Document, at: str) -> str:
    return matching(node["id"], ID, "an id", f"{at}.id", "bad_id") if "id" in node else ""


def _tested(id: str, field: str, op: Op, value: Json, at: str) -> Clause:
    try:
        test_of(op, value)
    except Invalid as error:
        raise Invalid(str(error), code=error.code, at=at) from error
    return Clause(id, field, op, value)


def to_csv(table: Table) -> str:
    """One line of heads (paths), one for each row. `read_csv` gives the same questions back; ids of clauses are not told."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([ROW, *table.columns, THEN])
    for row in table.rows:
        cells = [" and ".join(_cell(clause) for clause in row.cell(path)) for path in table.columns]
        writer.writerow([row.id, *cells, FIRE if row.fires else NO])
    return out.getvalue()


def _cell(clause: Clause) -> str:
    return clause.op.value if clause.op in UNARY else f"{clause.op.value} {written(clause.value).decode()}"


def read_csv(text: str, fields: Fields) -> Table:
    """The table in CSV; a head is a path, or a field's name in any language. Raises Invalid with line and column."""
    if len(text) > LONGEST:
        raise Invalid(f"a table has at most {LONGEST} characters", code="too_large", at="csv")
    try:
        lines = [line for line in csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True) if any(line)]
    except csv.Error as error:
        raise Invalid("this is not CSV", code="bad_table", at="csv") from error
    if not lines or lines[0][0].strip() != ROW or lines[0][-1].strip() != THEN:
        raise Invalid(f"the first line says {ROW}, the fields, {THEN}", code="bad_table", at="line 1")
    paths = [_path(head.strip(), fields) for head in lines[0][1:-1]]
    if len(set(paths)) < len(paths):
        raise Invalid("two columns ask the same field", code="bad_table", at="line 1")
    return Table(tuple(_line(line, paths, number) for number, line in enumerate(lines[1:], 2)))


def _path(head: str, fields: Fields) -> str:
    if fields.find(head) is not None:
        return head
    named = [path for path, field in fields.fields.items() if head in field.label.values()]
    if len(named) != 1:
        raise Invalid("a head is no field of this event", code="unknown_field", at="line 1")
    return named[0]


def _line(line: list[str], paths: list[str], number: int) -> Row:
    at = f"line {number}"
    if len(line) != len(paths) + 2:
        raise Invalid(f"a line has {len(paths) + 2} cells", code="bad_table", at=at)
    verdict = _VERDICTS.get(line[-1].strip())
    if verdict is None:
        raise Invalid(f"{THEN} is {FIRE} or {NO}", code="wrong_value", at=f"{at}, {THEN}")
    clauses = [
        clause
        for path, text in zip(paths, line[1:-1], strict=True)
        for clause in _clauses(text.strip(), path, f"{at}, {path}")
    ]
    id = line[0].strip()
    return Row(matching(id, ID, "an id of the row", at, "bad_id") if id else "", tuple(clauses), verdict)


def _clauses(text: str, path: str, at: str) -> Iterator[Clause]:
    here = 0
    while text[here:] not in ("", "-"):
        op, here = _op(text, here, at)
        value: Json = None
        if op not in UNARY:
            value, here = _value(text, here, at)
        yield _tested("", path, op, value, at)
        joined = _AND.match(text, here)
        if joined is None and text[here:].strip():
            raise Invalid("conditions of a cell are joined by `and`", code="bad_table", at=at)
        here = len(text) if joined is None else joined.end()


def _op(text: str, start: int, at: str) -> tuple[Op, int]:
    found = _OP.match(text, start)
    if found is None:
        raise Invalid("a cell asks something such as `ge 80`, `in [1, 2]` or `is_filled`", code="bad_table", at=at)
    return _SIGNS.get(found[1]) or choice(found[1], Op, "what a cell asks", at, "unknown_operator"), found.end()


def _value(text: str, start: int, at: str) -> tuple[Json, int]:
    try:
        value, end = _JSON.raw_decode(text, start)
    except ValueError:
        pass
    else:
        if end == len(text) or text[end].isspace():
            return value, end
    word = _WORD.match(text, start)
    if word is None:
        raise Invalid("a value is missing, or is neither JSON nor a word", code="bad_table", at=at)
    return word[0], word.end()


def told_like(new: Table, old: Table) -> Table:
    """The new table with the ids and the order of the old one where both ask the same; what has no id yet gets one."""
    known = {row.id: row for row in old.rows}
    return _named([_like(row, known.get(row.id)) for row in new.rows])


def _like(row: Row, old: Row | None) -> Row:
    if old is None:
        return row
    if sorted(map(_question, row.clauses)) == sorted(map(_question, old.clauses)):
        return replace(old, fires=row.fires)
    left = {_question(clause): clause.id for clause in old.clauses}
    return replace(row, clauses=tuple(replace(one, id=one.id or left.pop(_question(one), "")) for one in row.clauses))


def _question(clause: Clause) -> bytes:
    return written([clause.field, clause.op.value, clause.value])


def _named(rows: list[Row]) -> Table:
    """Ids for rows and clauses without one: r1, c1 and so on, as far as they are free."""
    if sum(len(row.clauses) for row in rows) > MAX_CLAUSES:
        raise Invalid(f"a rule has at most {MAX_CLAUSES} clauses", code="too_many_clauses", at="rows")
    taken = {id for row in rows for id in (row.id, *(clause.id for clause in row.clauses))}

    def free(letter: str) -> str:
        number = next(n for n in range(1, len(taken) + 2) if f"{letter}{n}" not in taken)
        taken.add(f"{letter}{number}")
        return f"{letter}{number}"

    return Table(
        tuple(
            Row(
                row.id or (OTHERWISE if not row.clauses and row is rows[-1] else free("r")),
                tuple(replace(clause, id=clause.id or free("c")) for clause in row.clauses),
                row.fires,
            )
            for row in rows
        )
    )
