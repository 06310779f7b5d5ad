"""Request bodies: bytes to JSON with bounds, before anything else looks at them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import orjson
from litestar import Request
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.domain.errors import Invalid
from mappings.documents import Document, Json

DEPTH_LIMIT = 100
BYTES = "application/octet-stream"


def parse_json(raw: bytes) -> Json:
    """Strict JSON: UTF-8, no NaN, no lone surrogates, integers of 64 bits, no name twice, at most 100 levels."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid("the body is not JSON", code="not_json") from error
    if raw.count(b"{") + raw.count(b"[") > DEPTH_LIMIT:  # fewer cannot be nested that deep
        _bound(value)
    if _repeats(raw, value):
        raise Invalid("an object of the body has a name twice", code="duplicate_key")
    return cast("Json", value)


def _repeats(raw: bytes, value: object) -> bool:
    """Whether an object says a name twice: two readers could take two different values (RFC 8259, 4).

    The parser keeps the last one, so a written copy has fewer quotation marks than what came. Where a quotation mark
    is spelt as an escape the count says nothing, and the slow reader looks.
    """
    if b"u0022" not in raw:
        return raw.count(b'"') != orjson.dumps(value).count(b'"')

    twice: list[bool] = []

    def pairs(found: list[tuple[str, object]]) -> None:
        twice.append(len({name for name, _ in found}) != len(found))

    json.loads(raw, object_pairs_hook=pairs)
    return any(twice)


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
    request: Request[Any, Any, Any], *, need: Collection[str] = (), may: Collection[str] = (), bare: bool = True
) -> Document:
    """The body as an object with these fields and no others. `bare`: no body at all is an empty one.

    Raises Invalid (`not_json`, `too_deep`, `type`, `unknown_field`, `missing`).
    """
    raw = await request.body()
    body = parse_json(raw) if raw or not bare else {}
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


def moment_field(body: Document, name: str) -> datetime | None:
    """A time of the body (RFC 3339), None where there is none. Raises Invalid (`format`)."""
    text = text_field(body, name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{name} is a time (RFC 3339)", code="format", at=name) from error
    if found.tzinfo is None:
        raise Invalid(f"{name} says its zone", code="format", at=name)
    return found


def takes(
    properties: Mapping[str, Schema], *, need: Sequence[str] = (), public: bool = False, nulls: bool = True
) -> type[Operation]:
    """An operation whose JSON body, read by the handler, is an object with these properties. `public`: without a token.

    `nulls`: an optional text or number may be null, which is as good as not there, because its reader takes it so.
    """
    known = {name: _or_null(one) if nulls and name not in need else one for name, one in properties.items()}
    schema = Schema(type=OpenAPIType.OBJECT, required=[*need], properties={**known}, additional_properties=False)
    body = RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=bool(need))

    @dataclass
    class Takes(Operation):
        def __post_init__(self) -> None:
            self.request_body = body  # the framework hands over None, so that a default would not stay
            if public:
                self.security = []

    return Takes


def _or_null(schema: Schema) -> Schema:
    if schema.type not in (OpenAPIType.STRING, OpenAPIType.INTEGER):
        return schema
    enum = None if schema.enum is None else [*schema.enum, None]
    return replace(schema, type=[schema.type, OpenAPIType.NULL], enum=enum)


@dataclass
class TakesBytes(Operation):
    """An operation whose body is whatever bytes come."""

    def __post_init__(self) -> None:
        """Nothing is said of them."""
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, content_media_type=BYTES))
        self.request_body = RequestBody(content={BYTES: media}, required=False)
