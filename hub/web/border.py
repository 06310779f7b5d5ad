"""The border: how many persons' data went abroad, which limits stand, what is held."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromQuery

from hub.app.border import Shown
from hub.domain.errors import Invalid
from hub.web.auth import caller_of, hub_of, scope
from hub.web.problems import may_answer


class TallyView(msgspec.Struct):
    """Distinct persons of the year in one region; `*` is all regions together, each person once."""

    region: str
    persons: int
    personal: int
    sensitive: int


class BorderLimitView(msgspec.Struct):
    """A limit. `set` false: the law's figure for a security assessment, at which nothing is held.
    From `held_from` on, whoever would be counted anew waits."""

    region: str
    counted: str
    count: int
    limit: int
    set: bool
    held_from: int | None


class TargetView(msgspec.Struct):
    """A connection. `region` null: nobody said. `class_4`: whether sensitive data may go there."""

    connection: str
    region: str | None
    abroad: bool
    class_4: bool
    needs_consent: bool


class KeptView(msgspec.Struct):
    """Deliveries that are held at the border."""

    connection: str
    reason: str
    region: str
    counted: str | None
    deliveries: int


class BorderView(msgspec.Struct):
    """`home` null: nothing is abroad. `duty`: what the law asks for at this year's counts."""

    home: str | None
    year: int
    duty: str
    sensitive_from: int
    tallies: list[TallyView]
    limits: list[BorderLimitView]
    targets: list[TargetView]
    held: list[KeptView]

    @classmethod
    def of(cls, one: Shown) -> BorderView:
        """From the use case."""
        return cls(
            one.home,
            one.year,
            str(one.duty),
            one.sensitive_from,
            [TallyView(r, t.persons, t.personal, t.sensitive) for r, t in one.tallies.items()],
            [BorderLimitView(g.region, str(g.counted), g.count, g.limit, g.set, g.held_from) for g in one.gauges],
            [TargetView(t.name, t.region, t.abroad, t.class_4, t.needs_consent) for t in one.targets],
            [
                KeptView(one.names[k.connection], k.kept.reason, k.kept.region, k.kept.counted or None, k.count)
                for k in one.kept
            ],
        )


class BorderController(Controller):
    """`/v1/border`"""

    path = "/v1/border"
    tags = ("Operations",)

    @get(
        "/",
        operation_id="getBorder",
        opt=scope("border:read"),
        responses=may_answer(400, 401, 403, 422, 503),
        summary="How many persons' data went abroad in a year, the limits, and what is held",
    )
    async def show(self, request: Request[Any, Any, Any], year: FromQuery[int | None] = None) -> BorderView:
        """Of this year unless another is asked for. Limits are set in the configuration, under `border`."""
        if year is not None and not 2000 <= year <= 9999:
            raise Invalid("a year has four digits", code="range", at="year")
        return BorderView.of(await hub_of(request).border.show(caller_of(request).tenant, year))
