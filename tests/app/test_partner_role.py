"""An ATS orders an interview from us and asks for its result."""

from __future__ import annotations

import json

import pytest

from hub.domain.errors import Invalid, NotFound, Unauthorized
from mappings.documents import Document, Json
from tests.support.hubs import TENANT, Bench, report

GOOD = {"x-test-signature": "good"}
ORDER: Document = {
    "partner_test_id": "ai-interview",
    "candidate": {"first_name": "Ada", "last_name": "Sample", "email": "ada@example.com", "phone_number": None},
    "url": "https://ats.example/callback/1",
}


@pytest.fixture
async def ats(b: Bench) -> Bench:
    connection: Document = {"connector": "greenhouse", "config": {"client_id": "id"}, "secrets": {"client_secret": "s"}}
    await b.configure({"connections": {"ats": connection}})
    return b


async def call(
    b: Bench, method: str, path: str, body: Json = None, headers: dict[str, str] = GOOD, **query: str
) -> Json:
    async with b.hub.store.look() as look:
        connection = await look.connection(TENANT, "ats")
    assert connection is not None
    return await b.hub.provide(connection.handle, method, path, headers, query, body)


async def test_the_packages_are_told(ats: Bench) -> None:
    assert "ai-interview" in json.dumps(await call(ats, "GET", "/list_tests"))


async def test_an_order_becomes_an_event_once(ats: Bench) -> None:
    first = await call(ats, "POST", "/send_test", ORDER)
    again = await call(ats, "POST", "/send_test", ORDER)
    assert first == again
    [event] = await ats.events("interview.ordered")
    subject = await ats.hub.identify(TENANT, "ada@example.com")
    assert isinstance(event["candidate"], dict)
    assert event["candidate"]["id"] == subject


async def test_the_result_is_answered_when_the_report_is_there(ats: Bench) -> None:
    ordered = await call(ats, "POST", "/send_test", ORDER)
    assert isinstance(ordered, dict)
    number = str(ordered["partner_interview_id"])
    before = await call(ats, "GET", "/test_status", partner_interview_id=number)
    ats.clock.advance(1)
    await ats.accept(report(score=88, candidate=await ats.hub.identify(TENANT, "ada@example.com")))
    after = await call(ats, "GET", "/test_status", partner_interview_id=number)
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert before.get("partner_status") != "complete"
    assert after["partner_status"] == "complete"
    assert after["partner_score"] == 88


async def test_nobody_orders_without_the_key(ats: Bench) -> None:
    with pytest.raises(Unauthorized):
        await call(ats, "POST", "/send_test", ORDER, headers={})
    assert await ats.events("interview.ordered") == []


async def test_unknown_paths_orders_and_packages_are_refused(ats: Bench) -> None:
    with pytest.raises(NotFound):
        await call(ats, "GET", "/nothing")
    with pytest.raises(NotFound):
        await call(ats, "GET", "/test_status", partner_interview_id="ord_none")
    with pytest.raises(Invalid):
        await call(ats, "POST", "/send_test", {**ORDER, "partner_test_id": "other"})
    with pytest.raises(Invalid):
        await call(ats, "POST", "/send_test", {"partner_test_id": "ai-interview"})
