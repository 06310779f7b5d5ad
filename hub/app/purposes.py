"""What a candidate may be asked to agree to."""

from __future__ import annotations

from functools import cache

from mappings.canonical import schema


@cache
def purposes() -> tuple[str, ...]:
    """The purposes that the canonical type `consent` knows."""
    known = schema("consent")["properties"]
    assert isinstance(known, dict)
    purpose = known["purpose"]
    assert isinstance(purpose, dict)
    assert isinstance(purpose["enum"], list)
    return tuple(str(one) for one in purpose["enum"])
