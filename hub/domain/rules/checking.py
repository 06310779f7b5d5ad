"""A rule held against the catalogue of its event: every field is there, may be used, and can have such a value."""

from __future__ import annotations

from difflib import get_close_matches
from typing import assert_never

from hub.domain.errors import Invalid
from hub.domain.rules.catalogue import Catalogue
from hub.domain.rules.fields import Field, Fields, FieldType
from hub.domain.rules.moments import read_date, read_duration, read_moment
from hub.domain.rules.operators import is_number
from hub.domain.rules.reading import read_body
from hub.domain.rules.tree import RELATIVE, UNARY, Clause, Condition, Each, Group, Op, RuleBody
from mappings.documents import Document, Json

_WANTED = {
    FieldType.TEXT: "a text",
    FieldType.NUMBER: "a number",
    FieldType.INTEGER: "a whole number",
    FieldType.BOOL: "true or false",
    FieldType.DATE: "a date such as 2026-11-20",
    FieldType.DATETIME: "a time with its offset such as 2026-11-20T09:00:00+08:00",
    FieldType.DURATION: "a duration such as PT30M",
}


def parse(body: Document, catalogue: Catalogue | None = None) -> RuleBody:
    """The rule that the stored form says, held against the catalogue if there is one.

    Raises Invalid with a stable `code`; `at` is the place of the condition or step (`when.items.1`), whose id is
    in the message.
    """
    rule = read_body(body)
    if catalogue is not None:
        check(rule, catalogue)
    return rule


def check(rule: RuleBody, catalogue: Catalogue) -> None:
    """Raises Invalid for the first condition that this event cannot answer."""
    if catalogue.event not in (None, rule.on):
        raise Invalid(f"these are the fields of {catalogue.event}, not of {rule.on}", code="wrong_event", at="trigger")
    if rule.when is not None:
        _check(rule.when, catalogue, "when")


def check_condition(condition: Condition, catalogue: Fields, at: str) -> None:
    """The same for one condition by itself."""
    _check(condition, catalogue, at)


def _check(condition: Condition, catalogue: Fields, at: str) -> None:
    match condition:
        case Group(items=items):
            for number, item in enumerate(items):
                _check(item, catalogue, f"{at}.items.{number}")
        case Each(when=when):
            field = _field(condition, catalogue, at)
            if field.items is None:
                raise Invalid(f"{condition.id}: {field.path} is no list of objects", code="wrong_type", at=at)
            _check(when, field.items, f"{at}.when")
        case Clause():
            field = _field(condition, catalogue, at)
            try:
                _check_clause(condition, field)
            except Invalid as error:
                raise Invalid(f"clause {condition.id}: {error}", code=error.code, at=at) from error
        case _:
            assert_never(condition)


def _field(condition: Clause | Each, catalogue: Fields, at: str) -> Field:
    try:
        return catalogue.usable(condition.field)
    except Invalid as error:
        raise Invalid(f"clause {condition.id}: {error}", code=error.code, at=at) from error


def _check_clause(clause: Clause, field: Field) -> None:
    if clause.op not in field.operators:
        allowed = ", ".join(field.operators)
        raise Invalid(f"{field.path} can be asked {allowed}; not {clause.op}", code="wrong_operator")
    if clause.op in UNARY or clause.op in RELATIVE or field.type is FieldType.ANY:
        return
    values = clause.value if isinstance(clause.value, list) else [clause.value]
    for value in values:
        _check_value(value, field, clause.op)
    if field.type in (FieldType.NUMBER, FieldType.INTEGER):
        _check_range(clause, field, [value for value in values if isinstance(value, (int, float))])


def _check_value(value: Json, field: Field, op: Op) -> None:
    type = field.of or field.type
    if type is FieldType.OPTION:
        if not any(_same(value, option.value) for option in field.options):
            raise Invalid(f"{field.path} has no such option{_near(value, field)}", code="unknown_option")
        return
    if type is FieldType.INTEGER and op not in (Op.EQ, Op.NE, Op.IN, Op.NOT_IN):
        type = FieldType.NUMBER  # `at least 2.5` is sound for whole numbers, `is 2.5` is not
    if not _fits(value, type):
        raise Invalid(f"{field.path} wants {_WANTED[type]}", code="wrong_type")


def _fits(value: Json, type: FieldType) -> bool:
    match type:
        case FieldType.TEXT:
            return isinstance(value, str)
        case FieldType.NUMBER:
            return is_number(value)
        case FieldType.INTEGER:
            return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)
        case FieldType.BOOL:
            return isinstance(value, bool)
        case FieldType.DATE:
            return read_date(value) is not None
        case FieldType.DATETIME:
            return read_moment(value) is not None
        case FieldType.DURATION:
            return read_duration(value) is not None
        case _:
            return True


def _same(one: Json, other: Json) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _near(value: Json, field: Field) -> str:
    """The option that was perhaps meant, found by value or by name in any language."""
    names = {name: option.value for option in field.options for name in (str(option.value), *option.label.values())}
    folded = {name.casefold(): value for name, value in names.items()}
    close = get_close_matches(str(value).casefold(), folded, n=1, cutoff=0.5)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def _check_range(clause: Clause, field: Field, values: list[int | float]) -> None:
    """Refuse what no value of the field can ever meet."""
    low = float("-inf") if field.low is None else field.low
    high = float("inf") if field.high is None else field.high
    match clause.op:
        case Op.GE:
            possible = values[0] <= high
        case Op.GT:
            possible = values[0] < high
        case Op.LE:
            possible = values[0] >= low
        case Op.LT:
            possible = values[0] > low
        case Op.BETWEEN:
            possible = values[0] <= high and values[1] >= low
        case _:
            possible = all(low <= value <= high for value in values)
    if not possible:
        raise Invalid(f"{field.path} lies between {low:g} and {high:g}", code="impossible_range")
