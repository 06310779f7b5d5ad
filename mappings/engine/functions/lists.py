"""Lists: pick, filter, map, count; never a loop that is not over one given list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from mappings.documents import Document, Json, Missing, walk
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.functions.scalars import bounded, same, text_of
from mappings.engine.sources import MAX_ITEMS, Steps, items_at, steps_of

Items = Callable[[Document], Document]  # what a nested table makes of one item


def _chosen(spec: Document) -> Callable[[Json], list[Json]]:
    """The items that `by` and `equals`/`in` let through, `take` applied, absent ones left out, `limit` of them."""
    by = steps_of(str(spec["by"])) if "by" in spec else None
    wanted = spec["in"] if "in" in spec else [spec.get("equals")]
    items, take = items_at(), items_at(steps_of(str(spec["take"]))) if "take" in spec else None
    limit = int(str(spec.get("limit", MAX_ITEMS)))
    assert isinstance(wanted, list)

    def choose(value: Json) -> list[Json]:
        kept = items(value)
        if by is not None:
            kept = [item for item in kept if _is_one_of(walk(item, by), wanted)]
        return (kept if take is None else take(kept))[:limit]

    return choose


def _at(item: Json, take: Steps) -> Json:
    value = walk(item, take)
    return None if isinstance(value, Missing) else value


def _is_one_of(value: Json | Missing, wanted: list[Json]) -> bool:
    return not isinstance(value, Missing) and any(same(value, option) for option in wanted)


def filtered(spec: Document) -> Call:
    """The items of the list that pass, with `take` applied; nothing where the list is absent."""
    choose = _chosen(spec)
    return lambda value: None if value is None else bounded(choose(value))


def first(spec: Document) -> Call:
    """The first item that passes."""
    choose = _chosen(spec)
    return lambda value: None if value is None else bounded(next(iter(choose(value)), None))


def last(spec: Document) -> Call:
    """The last item that passes."""
    choose = _chosen(spec)
    return lambda value: None if value is None else bounded(next(reversed(choose(value)), None))


def count(spec: Document) -> Call:
    """How many items pass; nothing where the list is absent (give `default: 0` if that means none)."""
    choose = _chosen(spec)
    return lambda value: None if value is None else len(choose(value))


def collected(_: Document) -> Call:
    """A list of the sources that have a value; nothing if none has."""
    return lambda *values: [bounded(value) for value in values if value is not None] or None


def distinct(spec: Document) -> Call:
    """The texts of the list, each once, in order."""
    choose = _chosen(spec)
    return lambda value: None if value is None else list(dict.fromkeys(text_of(item) for item in choose(value)))


def mapped(spec: Document, make: Items) -> Call:
    """A list of documents: the nested `fields` applied to each object that passes; empty results are left out."""
    choose = _chosen(spec)

    def call(value: Json) -> Json:
        if value is None:
            return None
        made = [make(item) for item in choose(value) if isinstance(item, dict)]
        return cast("list[Json]", [item for item in made if item])

    return call


def custom_fields(spec: Document) -> Call:
    """A flat object of single values from {name: value}, {name: {value}} or [{key, value}]; the rest is left out.

    `key` and `value` say where an item of a list has them (default `key` and `value`). At most 200 fields.
    """
    key, inner = steps_of(str(spec.get("key", "key"))), steps_of(str(spec.get("value", "value")))

    def call(value: Json) -> Json:
        if value is None:
            return None
        if isinstance(value, dict):
            pairs = [(name, _at(item, inner) if isinstance(item, dict) else item) for name, item in value.items()]
        else:
            pairs = [(text_of(_at(item, key) or ""), _at(item, inner)) for item in items_at()(value)]
        return {name: item for name, item in pairs[:200] if _is_name(name) and _is_single(item)}

    return call


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 128 and not any(c <= " " or c in ".\x7f" for c in name)


def _is_single(value: Json) -> bool:
    if isinstance(value, list):
        return len(value) <= 100 and all(isinstance(item, str) and len(item) <= 2000 for item in value)
    if isinstance(value, str):
        return len(value) <= 10_000
    return isinstance(value, bool) or (isinstance(value, int | float) and -1e15 <= value <= 1e15)


LISTS: Final[dict[str, Build]] = {
    "filter": filtered,
    "first": first,
    "last": last,
    "count": count,
    "list": collected,
    "distinct": distinct,
    "custom_fields": custom_fields,
}
