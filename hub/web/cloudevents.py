"""CloudEvents 1.0 over HTTP (JSON event format; structured, batched and binary content modes)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from urllib.parse import unquote

from hub.app.incoming import Incoming
from hub.domain.errors import Invalid
from hub.domain.events import HOOK_RECEIVED
from hub.web.bodies import parse_json
from mappings.canonical import events
from mappings.documents import Document, Json

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
SCHEMA_URN = "urn:hirewire:event:"  # `dataschema` names the version: urn:hirewire:event:<type>:<version>
LIMITS = {"id": 256, "source": 512, "type": 128, "subject": 128}


def read_events(content_type: str, headers: Mapping[str, str], body: bytes) -> list[Incoming]:
    """The events of a request. Raises Invalid with `at`."""
    media = content_type.partition(";")[0].strip().lower()
    if media == BATCH:
        return _batch(parse_json(body))
    if media == SINGLE:
        return [_traced(_event(parse_json(body), ""), headers)]
    if media == "application/json" and "ce-specversion" in headers:
        return [_traced(_event({**_binary_attributes(headers), "data": parse_json(body)}, ""), headers)]
    if media == "application/json":
        value = parse_json(body)
        return _batch(value) if isinstance(value, list) else [_event(value, "")]
    raise Invalid(f"send {SINGLE}, {BATCH} or application/json", code="unsupported_media_type", at="content-type")


def _batch(value: Json) -> list[Incoming]:
    if not isinstance(value, list):
        raise Invalid("a batch is a list of events", code="type")
    if not value:
        raise Invalid("a batch holds at least one event", code="batch_size")
    return [_event(item, f"{index}.") for index, item in enumerate(value)]


def _binary_attributes(headers: Mapping[str, str]) -> Document:
    return {name[3:]: unquote(value) for name, value in headers.items() if name.startswith("ce-")}


def _event(value: Json, at: str) -> Incoming:
    if not isinstance(value, dict):
        raise Invalid("an event is an object", code="type", at=at.rstrip("."))
    if value.get("specversion") != "1.0":
        raise Invalid("specversion is 1.0", code="bad_specversion", at=f"{at}specversion")
    type_ = _text(value, "type", at)
    data = value.get("data")
    if "data_base64" in value or value.get("datacontenttype", "application/json") != "application/json":
        raise Invalid("data is JSON", code="unsupported_data", at=f"{at}datacontenttype")
    if not isinstance(data, dict):
        raise Invalid("data is an object", code="missing" if data is None else "type", at=f"{at}data")
    return Incoming(
        type=type_,
        version=_version(type_, value.get("dataschema"), at),
        source=_text(value, "source", at),
        key=_text(value, "id", at),
        data=data,
        subject=_text(value, "subject", at) if value.get("subject") is not None else None,
        occurred_at=_time(value.get("time"), at),
        traceparent=told if isinstance(told := value.get("traceparent"), str) else None,
    )


def _traced(event: Incoming, headers: Mapping[str, str]) -> Incoming:
    """The event's own `traceparent` (CloudEvents distributed tracing extension), else the request's."""
    told = headers.get("traceparent")
    return event if told is None or event.traceparent is not None else replace(event, traceparent=told)


def _text(value: Document, name: str, at: str) -> str:
    text = value.get(name)
    if text is None:
        raise Invalid(f"{name} is missing", code="missing", at=f"{at}{name}")
    if not isinstance(text, str) or not 0 < len(text) <= LIMITS[name] or not text.isprintable():
        raise Invalid(f"{name} is 1 to {LIMITS[name]} printable characters", code="type", at=f"{at}{name}")
    return text


def _version(type_: str, schema: Json, at: str) -> int:
    known = _versions().get(type_)
    if known is None:
        raise Invalid("there is no such event type", code="unknown_type", at=f"{at}type")
    if schema is None:
        return max(known)
    prefix = f"{SCHEMA_URN}{type_}:"
    number = schema.removeprefix(prefix) if isinstance(schema, str) and schema.startswith(prefix) else ""
    if not (number.isascii() and number.isdigit()) or int(number[:9]) not in known:
        raise Invalid(f"dataschema is {prefix}<version>", code="unknown_version", at=f"{at}dataschema")
    return int(number)


@cache
def _versions() -> Mapping[str, Sequence[int]]:
    """Of every type that may be sent."""
    known: dict[str, list[int]] = {}
    for name, version in events():
        if name != HOOK_RECEIVED:
            known.setdefault(name, []).append(version)
    return known


def _time(value: Json, at: str) -> datetime | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str) or "T" not in value.upper():
            raise ValueError
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("time is an RFC 3339 time with a zone", code="bad_time", at=f"{at}time") from error
