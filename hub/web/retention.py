"""How long records are kept, and what is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Request, get

from hub.app.retain import COUNTED, Over
from hub.web.auth import caller_of, hub_of, scope
from hub.web.problems import may_answer


class KeptView(msgspec.Struct):
    """One kind of record. `days` null: kept for good. `over`: how many of the caller's rows the next sweep removes, counted up to
    100,000; `more` says that the count ended there."""

    kind: str
    days: int | None
    before: datetime | None
    over: int
    more: bool

    @classmethod
    def of(cls, one: Over) -> KeptView:
        """From the use case."""
        return cls(str(one.kind), one.days or None, one.cut, one.over, one.over >= COUNTED)


class KeptPage(msgspec.Struct):
    """Every kind, in the order of removal."""

    items: list[KeptView]


class RetentionController(Controller):
    """`/v1/retention`"""

    path = "/v1/retention"
    tags = ("Operations",)

    @get(
        "/",
        operation_id="getRetention",
        opt=scope("retention:read"),
        responses=may_answer(401, 403, 503),
        summary="How long each kind of record is kept, and how many are over",
    )
    async def kept(self, request: Request[Any, Any, Any]) -> KeptPage:
        """Removal is the scheduler's; this only looks."""
        found = await hub_of(request).retain.look(caller_of(request).tenant)
        return KeptPage([KeptView.of(one) for one in found])
