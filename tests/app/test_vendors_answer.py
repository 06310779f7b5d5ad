"""Vendors answer: webhooks are verified, stored, read as deliveries, and their facts fire the next rule."""

from __future__ import annotations

import json

import pytest

from hub.domain.deliveries import Final, State
from hub.domain.errors import NotFound, Unauthorized
from hub.ports.queue import DoneDelivery
from hub.ports.transport import HttpRequest, HttpResponse, Request, Response
from tests.app.conftest import CHECKS, ORDER_CHECK, REFERRALS, action, rule
from tests.support.hubs import TENANT, Bench, report

GOOD = {"x-test-signature": "good", "content-type": "application/json"}
CLEAR = rule(
    "background_check.completed", "background_check.result", "eq", "clear", action("referrals", "referral.create")
)


class Checkr:
    """As much of the vendor as the story needs."""

    def __init__(self) -> None:
        self.reports = 0

    def __call__(self, request: Request) -> Response:
        assert isinstance(request, HttpRequest)
        match request.method, request.url.rsplit("/v1/", 1)[-1].split("/")[0]:
            case "GET", "candidates":
                return answer(200, {"object": "list", "data": []})
            case "POST", "candidates":
                return answer(201, {"id": "chk_cand_1", "object": "candidate", "custom_id": "cand_1"})
            case "POST", "invitations":
                return answer(201, {"id": "inv_1", "status": "pending", "candidate_id": "chk_cand_1"})
            case "GET", "reports":
                self.reports += 1
                body = {
                    "id": "rep_77",
                    "object": "report",
                    "status": "complete",
                    "result": "clear",
                    "candidate_id": "chk_cand_1",
                }
                return answer(200, {**body, "completed_at": "2026-03-02T10:00:00Z"})
        return answer(201, {"id": "ref_1", "status": "submitted"})


def answer(status: int, body: object) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())


def completed(id_: str = "whk_1") -> bytes:
    report_ = {
        "id": "rep_77",
        "object": "report",
        "status": "complete",
        "result": "clear",
        "candidate_id": "chk_cand_1",
    }
    return json.dumps({"id": id_, "object": "event", "type": "report.completed", "data": {"object": report_}}).encode()


@pytest.fixture
async def ordered(b: Bench) -> Bench:
    """A background check has been ordered for a recommended candidate."""
    await b.configure(
        {"connections": {"checks": CHECKS, "referrals": REFERRALS}, "rules": {"check": ORDER_CHECK, "clear": CLEAR}}
    )
    b.vendor.does(Checkr())
    await b.accept(report())
    await b.deliver()
    return b


async def handle(b: Bench, name: str = "checks") -> str:
    async with b.hub.store.look() as look:
        connection = await look.connection(TENANT, name)
    assert connection is not None
    return connection.handle


async def test_the_order_reaches_the_vendor_with_its_prerequisite(ordered: Bench) -> None:
    [order] = await ordered.deliveries()
    assert isinstance(order, DoneDelivery)
    assert order.final is Final.DELIVERED
    assert [p.url.rsplit("/", 1)[-1] for p in ordered.vendor.posts] == ["candidates", "invitations"]


async def test_a_webhook_fires_the_next_rule_with_the_whole_context(ordered: Bench) -> None:
    await ordered.hub.receive(await handle(ordered), GOOD, completed())
    await ordered.deliver(rounds=2)
    [check] = await ordered.events("background_check.completed")
    assert isinstance(check["background_check"], dict)
    assert check["background_check"]["result"] == "clear"
    assert isinstance(check["candidate"], dict)
    assert check["candidate"]["email"] == "ada@example.com"
    referred = ordered.vendor.posts[-1]
    assert referred.url == "https://ref.example/referrals"


async def test_the_story_is_one_chain_of_causes(ordered: Bench) -> None:
    await ordered.hub.receive(await handle(ordered), GOOD, completed())
    await ordered.deliver(rounds=2)
    lines = await ordered.hub.queries.timeline(TENANT, "cand_1")
    whats = [line.what for line in lines]
    assert whats[0] == "interview.report.completed"
    assert "background_check.completed" in whats
    check = next(line for line in lines if line.what == "background_check.completed")
    order = next(line for line in lines if line.what == "checks: order_check")
    assert check.caused_by == order.id


async def test_the_same_webhook_again_is_one_event(ordered: Bench) -> None:
    address = await handle(ordered)
    first = await ordered.hub.receive(address, GOOD, completed())
    await ordered.deliver(rounds=2)
    again = await ordered.hub.receive(address, GOOD, completed())
    await ordered.deliver(rounds=2)
    assert (first.fresh, again.fresh) == (True, False)
    assert len(await ordered.events("background_check.completed")) == 1


async def test_a_forged_webhook_leaves_nothing(ordered: Bench) -> None:
    with pytest.raises(Unauthorized):
        await ordered.hub.receive(await handle(ordered), {"x-test-signature": "bad"}, completed())
    assert await ordered.events("hook.received") == []


async def test_an_unknown_address_is_not_found(ordered: Bench) -> None:
    with pytest.raises(NotFound):
        await ordered.hub.receive("con_000000", GOOD, completed())


async def test_a_webhook_waits_while_the_vendor_is_down(ordered: Bench) -> None:
    ordered.vendor.script[:] = []
    ordered.vendor.answers(503)
    await ordered.hub.receive(await handle(ordered), GOOD, completed())
    await ordered.deliver()
    reading = (await ordered.deliveries())[-1]
    assert reading.step == "@hook"
    assert getattr(reading, "state", None) is State.READY
    ordered.vendor.script[:] = []
    ordered.vendor.does(Checkr())
    ordered.clock.advance(10)
    await ordered.deliver(rounds=2)
    assert len(await ordered.events("background_check.completed")) == 1
