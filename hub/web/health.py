"""Whether this process lives and whether it can take work; what it counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Controller, Request, Response, get

from hub.web import dto
from hub.web.auth import PUBLIC, Open, hub_of, scope
from hub.web.problems import may_answer

Render = Callable[[], Awaitable[tuple[bytes, str]]]


class HealthController(Controller):
    """`/health` and `/metrics`"""

    tags = ("Operations",)

    @get("/health/live", operation_id="live", opt=PUBLIC, operation_class=Open, summary="The process answers")
    async def live(self) -> dto.Health:
        """Says nothing of the database: a restart would not help there."""
        return dto.Health("ok", "")

    @get(
        "/health/ready",
        operation_id="ready",
        opt=PUBLIC,
        operation_class=Open,
        responses=may_answer(503),
        summary="Events can be accepted: the store answers and its schema is ours",
    )
    async def ready(self, request: Request[Any, Any, Any]) -> Response[dto.Health]:
        """503 while they cannot."""
        health = await hub_of(request).store.health()
        body = dto.Health("ok" if health.ok else "unavailable", health.detail)
        return Response(body, status_code=200 if health.ok else 503, headers={} if health.ok else {"Retry-After": "1"})

    @get(
        "/metrics",
        operation_id="metrics",
        opt=scope("metrics:read"),
        media_type="text/plain",
        responses=may_answer(401, 403, 503),
        summary="Prometheus metrics (text format)",
    )
    async def metrics(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Lanes are counted in the store at each scrape."""
        render: Render = request.app.state["metrics"]
        body, content_type = await render()
        return Response(body, headers={"Content-Type": content_type})
