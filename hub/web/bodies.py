"""Request bodies: bytes to JSON with bounds, before anything else looks at them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import orjson
from litestar import Request
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.domain.errors import Invalid
from mappings.documents import Json

DEPTH_LIMIT = 100


async def json_body(request: Request[Any, Any, Any]) -> Json:
    """The body as JSON. Raises Invalid (`not_json`, `too_deep`)."""
    return parse_json(await request.body())


async def object_body(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The body as a JSON object. Raises Invalid (`not_json`, `too_deep`, `type`)."""
    body = await json_body(request)
    if not isinstance(body, dict):
        raise Invalid("the body is an object", code="type", at="body")
    return body


@dataclass
class TakesObject(Operation):
    """An operation whose handler reads a JSON object itself; `properties` and `required` describe it."""

    request_body: RequestBody | None = field(default=None)
    properties: ClassVar[dict[str, Schema]] = {}
    required_fields: ClassVar[list[str]] = []

    def __post_init__(self) -> None:
        """One content type."""
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=self.required_fields or None,
            properties=dict(self.properties),
            additional_properties=False,
        )
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


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
