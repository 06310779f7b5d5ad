"""Events in and out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from hub.domain.ids import event_id as read_event_id
from hub.domain.permissions import masked
from hub.ports.arrivals import StoredEvent
from hub.web import dto
from hub.web.accepting import accepting
from hub.web.auth import PERSONAL, caller_of, hub_of, may_reveal, scope
from hub.web.cloudevents import BATCH, SINGLE
from hub.web.dto_rules import EventWhyView
from hub.web.paging import event_page
from hub.web.problems import may_answer
from hub.web.signed import decision_of
from mappings.canonical import event_schema
from mappings.documents import written

PIECE = 65536  # bytes of an answer that are written at once
_EVENT = Schema(
    type=OpenAPIType.OBJECT,
    description="A CloudEvents 1.0 event whose data fits the canonical type that `type` names.",
    required=["specversion", "id", "source", "type", "data"],
    properties={
        "specversion": Schema(type=OpenAPIType.STRING, enum=["1.0"]),
        "id": Schema(type=OpenAPIType.STRING, min_length=1, max_length=256),
        "source": Schema(type=OpenAPIType.STRING, min_length=1, max_length=512),
        "type": Schema(type=OpenAPIType.STRING, min_length=1, max_length=128),
        "subject": Schema(type=OpenAPIType.STRING, min_length=1, max_length=128),
        "time": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
        "datacontenttype": Schema(type=OpenAPIType.STRING, enum=["application/json"]),
        "dataschema": Schema(type=OpenAPIType.STRING),
        "traceparent": Schema(
            type=OpenAPIType.STRING,
            description="W3C Trace Context of the sender (CloudEvents distributed tracing extension), else the request's header; "
            "one that is not valid counts as absent.",
        ),
        "data": Schema(type=OpenAPIType.OBJECT),
    },
)


@dataclass
class TakesEvents(Operation):
    """The request body of `/v1/events`, which the handler reads itself."""

    request_body: RequestBody | None = field(default=None)

    def __post_init__(self) -> None:
        """The two content types."""
        batch = Schema(type=OpenAPIType.ARRAY, items=_EVENT, min_items=1, max_items=1000)
        content = {SINGLE: OpenAPIMediaType(schema=_EVENT), BATCH: OpenAPIMediaType(schema=batch)}
        self.request_body = RequestBody(content=content, required=True)


async def _told(stored: StoredEvent, data: bytes) -> AsyncIterator[bytes]:
    """`dto.Event`, its data as they are stored: taken apart and put together again, megabytes would take ten times the room."""
    yield msgspec.json.encode(dto.EventSummary.of(stored))[:-1] + b',"data":'
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]
    yield b"}"


class EventsController(Controller):
    """`/v1/events`"""

    path = "/v1/events"
    tags = ("Events",)

    @post(
        "/",
        operation_id="acceptEvents",
        opt=scope("events:write"),
        status_code=202,
        operation_class=TakesEvents,
        responses=may_answer(400, 401, 403, 413, 415, 422, 503),
        middleware=[accepting],
        summary="Accept one event or a batch; durable when answered",
    )
    async def accept(self) -> dto.Accepted:
        """All events of a batch are accepted or none; the same (source, id) again answers the same."""
        raise NotImplementedError  # `accepting` answers before it comes to this

    @get(
        "/",
        operation_id="listEvents",
        opt=scope("events:read", by=("subject",)),
        responses=may_answer(400, 401, 403, 422, 503),
        summary="Events, newest first",
    )
    async def every(
        self,
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: FromQuery[str | None] = None,
        event_type: Annotated[str | None, QueryParameter(name="type", max_length=128)] = None,
        subject: Annotated[str | None, QueryParameter(max_length=128)] = None,
    ) -> dto.EventPage:
        """Without data; ask for one event to see it."""
        page = event_page(limit, cursor)
        async with hub_of(request).store.look() as look:
            found = await look.events(caller_of(request).tenant, page, type=event_type, subject=subject, bodies=False)
        more = found[-1].id if len(found) == page.limit else None
        return dto.EventPage([dto.EventSummary.of(e) for e in found], more)

    @get(
        "/{event_id:str}",
        operation_id="getEvent",
        opt=scope("events:read", "event.payload", reads="event.read"),
        responses={
            **may_answer(400, 401, 403, 404, 503),
            200: ResponseSpec(dto.Event, description="The event", generate_examples=False),
        },
        summary="One event with its data",
    )
    async def one(self, request: Request[Any, Any, Any], event_id: FromPath[str]) -> Stream:
        """Personal data as far as the caller may see it; the rest reads `***`."""
        queries, decision = hub_of(request).queries, decision_of(request)
        stored = await queries.stored(caller_of(request).tenant, read_event_id(event_id))
        data = await queries.plain(stored)
        if decision is not None:
            # What is sensitive about somebody is behind the same door here as in the candidate's file.
            show = decision.show if caller_of(request).may("check.read").allow else min(decision.show, PERSONAL)
            data = written(masked(json.loads(data), event_schema(stored.type, stored.version), show))
        return Stream(_told(stored, data), media_type="application/json")

    @get(
        "/{event_id:str}/why",
        operation_id="whyEvent",
        opt=scope("rules:read", reads="event.why"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="Why rules acted on an event, or why nothing happened",
    )
    async def why(
        self, request: Request[Any, Any, Any], event_id: FromPath[str], reveal: FromQuery[bool] = False
    ) -> EventWhyView:
        """Every rule that waits for its type, in both languages. `reveal` shows personal values: needs `events:read` too."""
        caller = caller_of(request)
        may_reveal(caller, reveal)
        found = await hub_of(request).why.event(caller.tenant, read_event_id(event_id))
        return EventWhyView.of(found, hub_of(request).fields, reveal)
