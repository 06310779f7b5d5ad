"""Deliveries: where each one stands, what was said, and sending again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import structs

from hub.app.hub import Hub
from hub.domain.deliveries import Delivery, Final, State
from hub.domain.errors import Invalid
from hub.domain.ids import DeliveryId, TenantId, read, show
from hub.domain.ids import event_id as read_event_id
from hub.ports.queue import DoneDelivery
from hub.web import dto
from hub.web.auth import PERSONAL, caller_of, hub_of, scope
from hub.web.bodies import json_fields, takes
from hub.web.paging import delivery_page
from hub.web.problems import may_answer
from mappings.documents import Document

STATES = tuple(s.name.lower() for s in State) + tuple(str(f) for f in Final)
REASON = Schema(type=OpenAPIType.STRING, min_length=1, max_length=500)


class DeliveriesController(Controller):
    """`/v1/deliveries`"""

    path = "/v1/deliveries"
    tags = ("Deliveries",)

    @get(
        "/",
        operation_id="listDeliveries",
        opt=scope("deliveries:read", by=("event",)),
        responses=may_answer(400, 401, 403, 404, 422, 503),
        summary="Deliveries, newest first",
    )
    async def every(
        self,
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: FromQuery[str | None] = None,
        delivery_state: Annotated[str | None, QueryParameter(name="state", enum=STATES)] = None,
        connection: Annotated[str | None, QueryParameter(max_length=100)] = None,
        event: FromQuery[str | None] = None,
    ) -> dto.DeliveryPage:
        """Live and ended ones together."""
        hub, tenant, page = hub_of(request), caller_of(request).tenant, delivery_page(limit, cursor)
        if delivery_state is not None and delivery_state not in STATES:
            raise Invalid(f"state is one of {', '.join(STATES)}", code="enum", at="state")
        book = await hub.library.book(tenant)
        if connection is not None and connection not in book.by_name:
            raise Invalid("there is no such connection", code="unknown_connection", at="connection")
        async with hub.store.look() as look:
            found = await look.deliveries(
                tenant,
                page,
                event=read_event_id(event) if event is not None else None,
                connection=book.by_name[connection].id if connection is not None else None,
                state=delivery_state,
            )
        more = show("dlv", found[-1].id) if len(found) == page.limit else None
        lacking = await hub.queries.consents_missing(tenant, found)
        return dto.DeliveryPage([await summary(hub, tenant, d, lacking.get(d.id)) for d in found], more)

    @get(
        "/{delivery_id:str}",
        operation_id="getDelivery",
        opt=scope("deliveries:read", reads="delivery.read"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="One delivery with all its tries",
    )
    async def one(self, request: Request[Any, Any, Any], delivery_id: FromPath[str]) -> dto.DeliveryDetail:
        """Credentials are never kept; bodies are cut at 4,000 characters."""
        hub, tenant = hub_of(request), caller_of(request).tenant
        number = DeliveryId(read("dlv", delivery_id))
        found = await hub.queries.delivery(tenant, number)
        lacking = await hub.queries.consents_missing(tenant, [found])
        s = await summary(hub, tenant, found, lacking.get(number))
        views = await hub.queries.attempts(tenant, number)
        if not await _may_hear(request, found):
            views = [replace(view, talk=[]) for view in views]
        tries = [dto.Attempt.of(view) for view in views]
        return dto.DeliveryDetail(
            s.id, s.event_id, s.connection, s.what, s.state, s.attempts, s.received_at, s.due_at, s.finished_at,
            s.reference, s.replay_of, s.error, tries,
        )  # fmt: skip

    @post(
        "/{delivery_id:str}/replay",
        operation_id="replayDelivery",
        opt=scope("deliveries:replay"),
        status_code=202,
        responses=may_answer(400, 401, 403, 404, 409, 503),
        summary="Send an ended delivery again, or release a held one",
    )
    async def replay(self, request: Request[Any, Any, Any], delivery_id: FromPath[str]) -> dto.Replayed:
        """With a full retry budget; written to the audit trail."""
        caller = caller_of(request)
        fresh = await hub_of(request).replay(caller.tenant, DeliveryId(read("dlv", delivery_id)), caller.id)
        return dto.Replayed(show("dlv", fresh))

    @post(
        "/{delivery_id:str}/edit",
        operation_id="editDelivery",
        operation_class=takes({"data": Schema(type=OpenAPIType.OBJECT), "reason": REASON}, need=["data", "reason"]),
        opt=scope("deliveries:replay", "delivery.edit"),
        status_code=202,
        responses=may_answer(400, 401, 403, 404, 409, 413, 415, 422, 503),
        summary="Deliver the same step with other event data",
    )
    async def edit(self, request: Request[Any, Any, Any], delivery_id: FromPath[str]) -> dto.Replayed:
        """The body holds `data` and `reason`; both go on record as an event that names the old one as its cause."""
        caller, body = caller_of(request), await json_fields(request, need=("data", "reason"))
        data = body.get("data")
        if not isinstance(data, dict):
            raise Invalid("data is an object", code="type", at="data")
        number = DeliveryId(read("dlv", delivery_id))
        fresh = await hub_of(request).replay.edited(caller.tenant, number, data, _reason(body), caller.id)
        return dto.Replayed(show("dlv", fresh))

    @post(
        "/{delivery_id:str}/discard",
        operation_id="discardDelivery",
        operation_class=takes({"reason": REASON}, need=["reason"]),
        opt=scope("deliveries:replay"),
        status_code=204,
        responses=may_answer(400, 401, 403, 404, 409, 413, 415, 422, 503),
        summary="End a held delivery without sending it",
    )
    async def discard(self, request: Request[Any, Any, Any], delivery_id: FromPath[str]) -> None:
        """The body holds the `reason`."""
        caller, body = caller_of(request), await json_fields(request, need=("reason",))
        number = DeliveryId(read("dlv", delivery_id))
        await hub_of(request).replay.discard(caller.tenant, number, _reason(body), caller.id)


def _reason(body: Document) -> str:
    reason = body.get("reason")
    if not isinstance(reason, str):
        raise Invalid("reason is a text", code="type", at="reason")
    return reason


async def _may_hear(request: Request[Any, Any, Any], delivery: Delivery | DoneDelivery) -> bool:
    """Whether what was said may be shown: it is as personal as the event, and a background check's is sensitive."""
    caller = caller_of(request)
    if caller.may("delivery.talk").show < PERSONAL:
        return False
    stored = await hub_of(request).queries.stored(caller.tenant, delivery.event)
    return not stored.type.startswith("background_check.") or caller.asks is None or caller.may("check.read").allow


async def summary(
    hub: Hub, tenant: TenantId, delivery: Delivery | DoneDelivery, lacking: str | None = None
) -> dto.DeliverySummary:
    """A delivery with its names; `lacking`: the consent that it is held for."""
    what = await hub.queries.what(tenant, delivery)
    connection, _, operation = what.partition(": ")
    shown = dto.DeliverySummary.of(delivery, connection, operation)
    return shown if lacking is None else structs.replace(shown, error=lacking)
