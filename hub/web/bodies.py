"""Request bodies: bytes to JSON with bounds, before anything else looks at them."""

from __future__ import annotations

from typing import Any, cast

import orjson
from litestar import Request

from hub.domain.errors import Invalid
from mappings.documents import Json

DEPTH_LIMIT = 100


async def json_body(request: Request[Any, Any, Any]) -> Json:
    """The body as JSON. Raises Invalid (`not_json`, `too_deep`)."""
    return parse_json(await request.body())


def parse_json(raw: bytes) -> Json:
    """Strict JSON: UTF-8, no NaN, no lone surrogates, integers of 64 bits, at most 100 levels."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid("the body is not JSON", code="not_json") from error
    _bound(value)
    return cast("Json", value)


def _bound(value: object) -> None:
    level: list[object] = [value]
    for _ in range(DEPTH_LIMIT):
        deeper: list[object] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(v for v in item.values() if isinstance(v, dict | list))
            elif isinstance(item, list):
                deeper.extend(v for v in item if isinstance(v, dict | list))
        if not deeper:
            return
        level = deeper
    raise Invalid(f"the body is nested more than {DEPTH_LIMIT} levels deep", code="too_deep")
