"""The border by HTTP: counts, limits, targets and what is held; nothing that names anybody."""

from __future__ import annotations

from litestar.testing import AsyncTestClient

from hub.app.access import SCOPES
from tests.app.test_border import abroad, feed, person, send
from tests.support.hubs import TENANT
from tests.support.one_app import app_over


async def test_counts_limits_targets_and_what_is_held() -> None:
    b = await abroad(None, {**feed(region="us"), "border": {"limits": {"persons": 2}, "consent": ["eu"]}})
    await send(b, person(1), person(2), person(3))  # at once: two of them find no place
    _, token = await b.hub.access.make(TENANT, "test", [*SCOPES], "test")
    _, narrow = await b.hub.access.make(TENANT, "narrow", ["connections:read"], "test")
    async with AsyncTestClient(app_over(b.hub)) as client:
        auth = {"authorization": f"Bearer {token}"}
        answer = await client.get("/v1/border", headers=auth)
        other = await client.get("/v1/border?year=2025", headers=auth)
        wrong = await client.get("/v1/border?year=20", headers=auth)
        refused = await client.get("/v1/border", headers={"authorization": f"Bearer {narrow}"})
        [connection] = (await client.get("/v1/connections", headers=auth)).json()
    told = answer.json()
    assert (told["home"], told["year"], told["duty"], told["sensitive_from"]) == ("cn", 2026, "none", 4)
    assert told["tallies"] == [
        {"region": region, "persons": 1, "personal": 1, "sensitive": 0} for region in ("*", "us")
    ]  # fmt: skip
    persons, sensitive = told["limits"]
    assert persons == {"region": "*", "counted": "persons", "count": 1, "limit": 2, "set": True, "held_from": 1}
    assert (sensitive["limit"], sensitive["set"], sensitive["held_from"]) == (10_000, False, None)
    [target] = told["targets"]
    assert target == {"connection": "feed", "region": "us", "abroad": True, "class_4": False, "needs_consent": False}
    [held] = told["held"]
    assert (held["connection"], held["reason"], held["deliveries"]) == ("feed", "border_limit", 2)
    assert "cand_" not in answer.text
    assert (other.json()["tallies"], wrong.status_code, wrong.json()["code"]) == ([], 422, "range")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert connection["region"] == "us"
