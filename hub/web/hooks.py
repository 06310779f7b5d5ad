"""What vendors call: webhooks and partner endpoints. Each call proves itself; no API token is involved."""

from __future__ import annotations

from typing import Any

import orjson
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath

from hub.domain.audit import act_from
from hub.web.auth import PUBLIC, Open, counting_strangers, hub_of
from hub.web.bodies import parse_json
from hub.web.inflow import inflow_of
from hub.web.problems import may_answer


class HooksController(Controller):
    """`/v1/hooks` and `/v1/partner`; public to the guard because the vendor's signature is checked instead."""

    path = "/v1"
    tags = ("Vendors",)
    opt = PUBLIC

    @post(
        "/hooks/{connection:str}",
        operation_id="receiveWebhook",
        operation_class=Open,
        status_code=200,
        responses=may_answer(401, 404, 413, 422, 503),
        summary="Receive a vendor's webhook: verified over the raw bytes, stored, then answered",
    )
    async def receive(self, request: Request[Any, Any, Any], connection: FromPath[str]) -> Response[bytes]:
        """An empty object, or the echo that the vendor asks for."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        here = counting_strangers(hub_of(request), request.client.host if request.client else "")
        async with inflow_of(request.scope).body(request) as body, here:
            taken = await hub_of(request).receive(connection, headers, body)
        return Response(orjson.dumps(taken.reply if taken.reply is not None else {}), media_type="application/json")

    @get(
        "/partner/{connection:str}/{path:path}",
        operation_id="partnerGet",
        operation_class=Open,
        responses=may_answer(400, 401, 404, 422, 503),
        summary="An endpoint that a vendor's manifest says we provide",
    )
    async def partner_get(
        self, request: Request[Any, Any, Any], connection: FromPath[str], path: FromPath[str]
    ) -> Response[bytes]:
        """Authenticated as the manifest's `provides.auth` says."""
        return await _partner(request, connection, path)

    @post(
        "/partner/{connection:str}/{path:path}",
        operation_id="partnerPost",
        operation_class=Open,
        status_code=200,
        responses=may_answer(400, 401, 404, 413, 422, 503),
        summary="An endpoint that a vendor's manifest says we provide",
    )
    async def partner_post(
        self, request: Request[Any, Any, Any], connection: FromPath[str], path: FromPath[str]
    ) -> Response[bytes]:
        """Authenticated as the manifest's `provides.auth` says."""
        return await _partner(request, connection, path)


async def _partner(request: Request[Any, Any, Any], connection: str, path: str) -> Response[bytes]:
    async with inflow_of(request.scope).body(request) as raw:
        return await _answer(request, connection, path, raw)


async def _answer(request: Request[Any, Any, Any], connection: str, path: str, raw: bytes) -> Response[bytes]:
    act_from(f"partner {request.client.host}" if request.client else "partner")
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = dict(request.query_params.items())
    body = parse_json(raw) if raw else None
    async with counting_strangers(hub_of(request), request.client.host if request.client else ""):
        answer = await hub_of(request).provide(
            connection, request.method, "/" + str(path).strip("/"), headers, query, body
        )
    return Response(orjson.dumps(answer), media_type="application/json")
