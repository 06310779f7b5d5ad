"""One wide line per attempt: who, what, how it went and where the time was spent."""

from __future__ import annotations

from hub.adapters.logs import ATTEMPT_FIELDS
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.transport import HttpResponse, Request, Response
from tests.support.hubs import Bench, report

GIVEN_BY_THE_METER = {"connector", "connection", "outcome", "took_ms"}


async def test_a_line_says_who_what_how_and_where_the_time_went(referring: Bench) -> None:
    def slow(request: Request) -> Response:
        referring.clock.advance(0.25)
        return HttpResponse(503, {}, b"{}")

    referring.vendor.does(slow)
    [event] = await referring.accept(report())
    referring.clock.advance(3)
    await referring.deliver()
    [line] = referring.meter.attempts
    assert set(line) <= set(ATTEMPT_FIELDS)
    assert set(ATTEMPT_FIELDS) - set(line) <= GIVEN_BY_THE_METER
    assert (line["tenant"], line["event"], line["event_type"]) == (DEFAULT_TENANT, event, "interview.report.completed")
    assert (line["connector"], line["connection"], line["operation"]) == ("referral", "referrals", "referral.create")
    assert (line["attempt"], line["outcome"], line["status"], line["next"]) == (1, "try_later", 503, "again")
    assert (line["waited_ms"], line["prepare_ms"], line["vendor_ms"]) == (3000, 0, 250)
    assert line["revision"] is not None
    assert line["mapping"] is not None
    assert line["connector_version"] is not None
    assert "ada@example.com" not in repr(line)
