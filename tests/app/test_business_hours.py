"""Delays end within business hours: by the national calendar, and by the company's own days."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.adapters.clock import ManualClock
from hub.domain.errors import Invalid
from tests.app.test_runs import accept, call, hub_with, only
from tests.support.hubs import START, TENANT, bench, report


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (datetime(2026, 3, 4, 4, 0, tzinfo=UTC), datetime(2026, 3, 4, 4, 0, tzinfo=UTC)),  # Wednesday noon in China
        (datetime(2026, 3, 6, 12, 0, tzinfo=UTC), datetime(2026, 3, 9, 1, 0, tzinfo=UTC)),  # Friday evening: Monday
        (datetime(2026, 2, 14, 4, 0, tzinfo=UTC), datetime(2026, 2, 14, 4, 0, tzinfo=UTC)),  # a Saturday that is worked
        (datetime(2026, 2, 14, 12, 0, tzinfo=UTC), datetime(2026, 2, 24, 1, 0, tzinfo=UTC)),  # Spring Festival
    ],
)
async def test_business_hours_by_the_chinese_calendar(at: datetime, due: datetime) -> None:
    b = await hub_with(call("offer"), guards={"hours": "business"}, b=bench(clock=ManualClock(at)))
    await b.accept(report())
    [delivery] = await b.deliveries()
    assert delivery.due_at == due  # type: ignore[union-attr]


async def test_the_companys_own_days_come_first() -> None:
    calendar = {"holidays": ["2026-03-09"], "workdays": ["2026-03-07"], "opens": "08:30", "closes": "17:00"}
    delay = {"kind": "delay", "id": "d", "for": "PT24H", "until": "business_hours"}
    b = await hub_with(delay, call("offer"), calendar=calendar)
    b.clock.advance((datetime(2026, 3, 7, 10, 0, tzinfo=UTC) - START).total_seconds())  # Saturday evening in China
    await accept(b, report())
    assert (await only(b)).run.until == datetime(2026, 3, 10, 0, 30, tzinfo=UTC)
    assert (await b.hub.configure.export(TENANT))["calendar"] == calendar


@pytest.mark.parametrize(
    ("calendar", "at"),
    [
        ({"opens": 1080}, "calendar.opens"),
        ({"opens": "18:00", "closes": "09:00"}, "calendar.closes"),
        ({"zone": "Mars/Base"}, "calendar.zone"),
        ({"country": "XX"}, "calendar.country"),
        ({"holidays": ["soon"]}, "calendar.holidays"),
        ({"open": "09:00"}, "calendar.open"),
    ],
)
async def test_a_calendar_that_makes_no_sense_is_refused(calendar: dict[str, Any], at: str) -> None:
    with pytest.raises(Invalid) as caught:
        await bench().configure({"calendar": calendar})
    assert caught.value.at == at
