"""Decision tables: the same tree as rows of conditions, the first row that holds decides.

A row that fires and its followers are an `any` group; a row that says no and its followers are `all` of *none of that
row* and the rest. Each row is an `all` group of clauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from hub.domain.errors import Invalid
from hub.domain.rules.fields import Fields
from hub.domain.rules.reading import MAX_DEPTH
from hub.domain.rules.tree import Clause, Condition, Each, Group, GroupMode
from hub.domain.rules.wording import Language, predicate

OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: all its clauses must hold. `fires` False: then the rule does not. No clauses: what is left over."""

    id: str
    clauses: tuple[Clause, ...]
    fires: bool = True

    def cell(self, field: str) -> tuple[Clause, ...]:
        """What the row asks of a field; none: nothing."""
        return tuple(clause for clause in self.clauses if clause.field == field)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, the first of which that holds decides; where none does, the rule does not fire."""

    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that rows ask of, in the order in which they first do."""
        return tuple(dict.fromkeys(clause.field for row in self.rows for clause in row.clauses))


def to_table(condition: Condition | None) -> Table:
    """The tree as a table. Raises Invalid (`not_a_table`) with the place of what has no row or cell."""
    if condition is None:
        raise _no_table("a rule without conditions has no rows", "when")
    return Table(tuple(_rows(condition, "when")))


def _no_table(why: str, at: str) -> Invalid:
    return Invalid(f"this is no decision table: {why}", code="not_a_table", at=at)


def _rows(node: Condition, at: str) -> Iterator[Row]:
    match node:
        case Group(mode=GroupMode.ANY, items=items):
            for number, item in enumerate(items[:-1]):
                yield _row(item, f"{at}.items.{number}", True)
            yield from _rows(items[-1], f"{at}.items.{len(items) - 1}")
        case Group(mode=GroupMode.ALL, items=(Group(mode=GroupMode.NONE, items=refused), rest)):
            yield from _refused(refused, f"{at}.items.0")
            yield from _rows(rest, f"{at}.items.1")
        case Group(mode=GroupMode.NONE, items=refused):
            yield from _refused(refused, at)
            yield Row(OTHERWISE, ())
        case _:
            yield _row(node, at, True)


def _refused(items: Sequence[Condition], at: str) -> Iterator[Row]:
    for number, item in enumerate(items):
        yield _row(item, f"{at}.items.{number}", False)


def _row(node: Condition, at: str, fires: bool) -> Row:
    match node:
        case Clause(id=id):
            return Row(f"{id}-row"[:64], (node,), fires)
        case Each(id=id):
            raise _no_table(f"{id} asks of the items of a list, which no cell can", at)
        case Group(id=id, mode=GroupMode.ALL, items=items):
            clauses = tuple(item for item in items if isinstance(item, Clause))
            if len(clauses) == len(items):
                return Row(id, clauses, fires)
            other = next(number for number, item in enumerate(items) if not isinstance(item, Clause))
            raise _no_table(f"the row {id} holds more than clauses", f"{at}.items.{other}")
        case Group(id=id, mode=mode):
            raise _no_table(f"{id} is a group of the mode {mode} where a row is wanted", at)


def from_table(table: Table) -> Condition:
    """The tree that the table says; `to_table` gives the same table back.

    Raises Invalid (`empty_table`, `idle_row`, `too_deep`, `duplicate_id`).
    """
    rows = list(table.rows)
    if not rows:
        raise Invalid("a table has at least one row", code="empty_table", at="rows")
    for number, row in enumerate(rows):
        _check_place(row, number, rows)
    ids = [id for row in rows for id in (row.id, *(clause.id for clause in row.clauses))]
    if len(ids) != len(set(ids)):
        raise Invalid("an id is used twice", code="duplicate_id", at="rows")
    tree = _tree([list(same) for _, same in groupby(rows, key=lambda row: row.fires)], _Names(set(ids)))
    if _depth(tree) > MAX_DEPTH:
        raise Invalid("rows that fire and rows that do not take turns too often", code="too_deep", at="rows")
    return tree


def _check_place(row: Row, number: int, rows: Sequence[Row]) -> None:
    last = number == len(rows) - 1
    if not row.fires and last:
        raise Invalid(
            f"{row.id} says no where nothing follows: it changes nothing", code="idle_row", at=f"rows.{number}"
        )
    if not row.clauses and not (last and row.id == OTHERWISE and number and not rows[number - 1].fires):
        raise Invalid(
            f"{row.id} asks nothing: only `{OTHERWISE}` may, as the last row after one that says no",
            code="idle_row",
            at=f"rows.{number}",
        )


class _Names:
    """Ids for the groups around the rows: t1, t2 and so on, as far as they are free."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken

    def next(self) -> str:
        number = next(number for number in range(1, len(self.taken) + 2) if f"t{number}" not in self.taken)
        self.taken.add(f"t{number}")
        return f"t{number}"


def _tree(runs: list[list[Row]], names: _Names) -> Condition:
    """`runs`: rows that fire and rows that do not, in turns."""
    run, *following = runs
    items: list[Condition] = [Group(row.id, GroupMode.ALL, row.clauses) for row in run if row.clauses]
    if run[0].fires:
        if not following and len(items) == 1:
            return items[0]
        id = names.next()
        return Group(id, GroupMode.ANY, tuple(items + ([_tree(following, names)] if following else [])))
    outer, inner = names.next(), names.next()
    refused = Group(inner, GroupMode.NONE, tuple(items))
    if not following[0][0].clauses:
        return refused
    return Group(outer, GroupMode.ALL, (refused, _tree(following, names)))


def _depth(node: Condition) -> int:
    return 1 + max((_depth(item) for item in node.items), default=0) if isinstance(node, Group) else 0


def grid(table: Table, fields: Fields, language: Language) -> list[list[str]]:
    """The table in words: a line of heads, then one line for each row, with what follows from it at the end."""
    english = language == "en"
    heads = [path if (field := fields.find(path)) is None else field.label[language] for path in table.columns]
    lines = [[*heads, "then" if english else "则"]]
    joiner = " and " if english else "，且"
    for row in table.rows:
        cells = [
            joiner.join(predicate(clause.op, clause.value, fields.find(path), language) for clause in row.cell(path))
            for path in table.columns
        ]
        verdict = ("fires" if english else "触发") if row.fires else ("does not fire" if english else "不触发")
        lines.append([*(cell or "-" for cell in cells), verdict])
    return lines
