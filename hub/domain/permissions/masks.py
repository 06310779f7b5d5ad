"""What a document shows to whom: fields above the level are hidden, by the sensitivity that its schema states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.documents import Document, Json

HIDDEN = "***"
UNSTATED = 3  # a field that says nothing of its sensitivity counts as personal


def masked(data: Document, schema: Mapping[str, Any], show: int) -> Document:
    """The document with every value of a higher sensitivity replaced. What the schema does not know is hidden."""
    hidden = _masked(data, schema, show, UNSTATED)
    assert isinstance(hidden, dict)
    return hidden


def _masked(value: Json, schema: Mapping[str, Any], show: int, above: int) -> Json:
    level = schema.get("x-sensitivity", above)
    if isinstance(value, dict):
        known, free = schema.get("properties", {}), schema.get("additionalProperties")
        rest = free if isinstance(free, Mapping) else {"x-sensitivity": max(level, UNSTATED)}
        return {name: _masked(one, known.get(name, rest), show, level) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, schema.get("items", {}), show, level) for one in value]
    return value if value is None or level <= show else HIDDEN
