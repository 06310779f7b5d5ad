"""Connections and what waits in their lanes."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get

from hub.web import dto
from hub.web.auth import caller_of, hub_of, scope
from hub.web.problems import may_answer


class ConnectionsController(Controller):
    """`/v1/connections`"""

    path = "/v1/connections"
    tags = ("Connections",)

    @get(
        "/",
        operation_id="listConnections",
        opt=scope("connections:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="All connections with their lanes; secrets by name only",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.ConnectionView]:
        """By name."""
        hub, tenant = hub_of(request), caller_of(request).tenant
        async with hub.store.look() as look:
            connections = await look.connections(tenant)
            stats = {s.connection: s for s in await look.lanes(tenant)}
        return [
            dto.ConnectionView.of(c, hub.channels.connector(c), stats.get(c.id))
            for c in sorted(connections, key=lambda c: c.name)
        ]
