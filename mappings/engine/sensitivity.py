"""How sensitive what a mapping takes from a document is: the highest `x-sensitivity` of what it reads and finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mappings.documents import Document, Json, Missing
from mappings.engine.shape import Field, Table
from mappings.engine.sources import Find, Source, read

UNSTATED = 3  # what says nothing of itself counts as personal
Schema = Mapping[str, Any]


def of_value(value: Json, schema: Schema, above: int = UNSTATED) -> int:
    """The highest class in this value, by its schema; 0 where there is nothing in it."""
    level = schema.get("x-sensitivity", above)
    if isinstance(value, dict):
        return max((of_value(one, *_below(schema, level, name)) for name, one in value.items()), default=0)
    if isinstance(value, list):
        return max((of_value(one, schema.get("items", {}), level) for one in value), default=0)
    return 0 if value is None else int(level)


def of_table(table: Table, document: Document, schema: Schema, rest: Callable[[Document], Document]) -> int:
    """The highest class that this mapping takes from this document. What gates a field is looked at and not taken."""
    left = 0 if table.rest is None else of_value(rest(document), schema)
    return max(left, *(_taken(field, document, schema, UNSTATED) for field in table.fields))


def _taken(field: Field, document: Json, schema: Schema, above: int) -> int:
    found = 0
    for source in field.sources:
        value = read(document, source.steps)
        if isinstance(value, Missing):
            continue
        inside, level = _at(source, schema, above)
        if field.nested and isinstance(value, list):
            items, level = inside.get("items", {}), inside.get("x-sensitivity", level)
            found = max([found, *(_taken(one, item, items, level) for one in field.nested for item in value)])
        else:
            found = max(found, of_value(value, inside, level))
    return found


def _at(source: Source, schema: Schema, above: int) -> tuple[Schema, int]:
    for step in source.steps:
        above = schema.get("x-sensitivity", above)
        schema, above = (
            (schema.get("items", {}), above) if isinstance(step, int | Find) else _below(schema, above, step)
        )
    return schema, above


def _below(schema: Schema, level: int, name: str) -> tuple[Schema, int]:
    """What a schema says of one of its fields; what it does not know is at least personal."""
    free = schema.get("additionalProperties")
    rest = free if isinstance(free, Mapping) else {"x-sensitivity": max(level, UNSTATED)}
    found: Schema = schema.get("properties", {}).get(name, rest)
    return found, level
