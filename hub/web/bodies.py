"""Request bodies: bytes to JSON with bounds, before anything else looks at them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import orjson
from litestar import Request
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.domain.errors import Invalid
from mappings.documents import Document, Json

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


async def json_fields(
    request: Request[Any, Any, Any], *, need: Collection[str] = (), may: Collection[str] = ()
) -> Document:
    """The body as an object with these fields and no others; no body at all is an empty one.

    Raises Invalid (`not_json`, `too_deep`, `type`, `unknown_field`, `missing`).
    """
    raw = await request.body()
    body = parse_json(raw) if raw else {}
    if not isinstance(body, dict):
        raise Invalid("send an object", code="type")
    for name in body:
        if name not in need and name not in may:
            raise Invalid(f"only {', '.join((*need, *may))} may stand here", code="unknown_field")
    for name in need:
        if name not in body:
            raise Invalid(f"{name} is missing", code="missing", at=name)
    return body


def text_field(body: Document, name: str) -> str | None:
    """A text of the body, None where there is none. Raises Invalid (`type`)."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{name} is a text", code="type", at=name)
    return value


def whole_field(body: Document, name: str) -> int | None:
    """A whole number of the body, None where there is none. Raises Invalid (`type`)."""
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise Invalid(f"{name} is a whole number", code="type", at=name)
    return value


def takes(properties: Mapping[str, Schema], *, need: Sequence[str] = (), public: bool = False) -> type[Operation]:
    """An operation whose JSON body, read by the handler, is an object with these properties. `public`: without a token."""
    schema = Schema(type=OpenAPIType.OBJECT, required=[*need], properties={**properties}, additional_properties=False)
    body = RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=bool(need))

    @dataclass
    class Takes(Operation):
        request_body: RequestBody | None = field(default_factory=lambda: body)

        def __post_init__(self) -> None:
            if public:
                self.security = []

    return Takes
