"""The life of a rule, why and backtests by HTTP: who may, what is refused, what stays hidden."""

from __future__ import annotations

import pytest

from mappings.documents import Document
from tests.app.conftest import REPORT, action, rule
from tests.support.hubs import TENANT, report
from tests.web.conftest import Api

PATH = "/v1/rules/high%20score"


def body(least: int) -> Document:
    made = rule(REPORT, "report.overall.score", "gt", least, action("referrals", "referral.create"))["rule"]
    assert isinstance(made, dict)
    return made


async def other(api: Api, *scopes: str) -> dict[str, str]:
    """The header of another person's token."""
    _, token = await api.bench.hub.access.make(TENANT, "other", scopes, "test")
    return {"authorization": f"Bearer {token}"}


async def put(api: Api, least: int = 50) -> Document:
    answer = await api.client.put(f"{PATH}/draft", json={"rule": body(least), "reason": "more"}, headers=api.auth)
    assert answer.status_code == 200, answer.text
    found: Document = answer.json()
    return found


async def test_a_rule_is_drafted_reviewed_by_somebody_else_and_put_in_force(api: Api) -> None:
    drafted = await put(api)
    assert (drafted["revision"], drafted["in_force"], drafted["state"]) == (2, 1, "live")
    diff = (await api.client.get(f"{PATH}/diff?before=1&after=2", headers=api.auth)).json()
    assert [(p["change"], p["text"]) for p in diff["sentence"]["en"] if p["change"] != "same"] == [
        ("removed", "85"),
        ("added", "50"),
    ]
    assert diff["changes"] == ["- when.value: 85", "+ when.value: 50"]
    submitted = await api.client.post(f"{PATH}/submit", headers=api.auth)
    assert submitted.json()["review"] == "in_review"
    own = await api.client.post(f"{PATH}/approve", json={"revision": 2}, headers=api.auth)
    assert (own.status_code, own.json()["code"]) == (403, "own_change")
    second = await other(api, "rules:approve")
    stale = await api.client.post(f"{PATH}/approve", json={"revision": 1}, headers=second)
    assert (stale.status_code, stale.json()["code"]) == (409, "newer_revision")
    approved = await api.client.post(f"{PATH}/approve", json={"revision": 2}, headers=second)
    assert (approved.status_code, approved.json()["review"]) == (200, "approved")
    live = await api.client.post(f"{PATH}/state", json={"state": "live"}, headers=api.auth)
    assert live.json() == {"name": "high score", "state": "live", "in_force": 2, "cases": [], "held": {}}
    revisions = (await api.client.get(f"{PATH}/revisions", headers=api.auth)).json()
    assert [(r["number"], r["in_force"], r["reason"]) for r in revisions] == [(2, True, "more"), (1, False, None)]
    restored = await api.client.post(f"{PATH}/restore", json={"revision": 1}, headers=api.auth)
    assert restored.json()["revision"] == 3
    returned = await api.client.post(f"{PATH}/return", json={}, headers=second)
    assert (returned.status_code, returned.json()["code"]) == (409, "wrong_review_state")


async def test_a_pause_says_what_it_holds_and_is_told_what_becomes_of_it(api: Api) -> None:
    await api.bench.accept(report())

    async def turn(**more: str) -> Document:
        answer = await api.client.post(f"{PATH}/state", json=more, headers=api.auth)
        found: Document = answer.json()
        return found

    assert (await turn(state="paused"))["held"] == {"referrals": 1}
    refused = await turn(state="paused", held="release")
    assert (refused["status"], refused["code"], refused["at"]) == (422, "enum", "held")
    assert (await turn(state="live", held="release"))["held"] == {}
    assert [one.state.name for one in await api.bench.deliveries()] == ["READY"]  # type: ignore[union-attr]
    assert (await turn(state="paused", held="discard"))["held"] == {}


async def test_each_verb_needs_its_scope(api: Api) -> None:
    reader = await other(api, "rules:read")
    for verb, path in (
        ("put", f"{PATH}/draft"),
        ("post", f"{PATH}/restore"),
        ("post", f"{PATH}/submit"),
        ("post", f"{PATH}/approve"),
        ("post", f"{PATH}/return"),
        ("post", f"{PATH}/state"),
        ("post", f"{PATH}/backtests"),
        ("put", "/v1/rule-switch"),
    ):
        answer = await api.client.request(verb.upper(), path, json={}, headers=reader)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), path


@pytest.mark.parametrize(
    ("path", "sent", "status", "code"),
    [
        ("draft", {}, 422, "missing"),
        ("draft", {"rule": 1}, 422, "type"),
        ("draft", {"rule": {}, "more": 1}, 422, "unknown_field"),
        ("draft", {"rule": {"schema": 1}}, 422, "missing"),
        ("draft", [], 422, "type"),
        ("restore", {"revision": True}, 422, "type"),
        ("restore", {"revision": None}, 422, "type"),
        ("restore", {"revision": 9}, 404, "not_found"),
        ("state", {"state": "draft"}, 422, "enum"),
        ("state", {"state": 7}, 422, "type"),
        ("state", {"state": "live", "revision": 9}, 404, "not_found"),
        ("submit", {"reason": "x" * 501}, 422, "too_long"),
        ("backtests", {"days": 0}, 422, "range"),
        ("backtests", {"days": "many"}, 422, "type"),
        ("backtests", {"revision": 9}, 404, "not_found"),
    ],
)
async def test_what_cannot_be_taken_says_why(api: Api, path: str, sent: object, status: int, code: str) -> None:
    verb = "PUT" if path == "draft" else "POST"
    answer = await api.client.request(verb, f"{PATH}/{path}", json=sent, headers=api.auth)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_the_switch_of_all_rules(api: Api) -> None:
    assert (await api.client.get("/v1/rule-switch", headers=api.auth)).json() == {"stopped": False, "held": {}}
    bad = await api.client.put("/v1/rule-switch", json={"stopped": "yes"}, headers=api.auth)
    assert bad.status_code == 422
    stopped = await api.client.put("/v1/rule-switch", json={"stopped": True}, headers=api.auth)
    assert stopped.json() == {"stopped": True, "held": {}}
    [event] = await api.bench.accept(report())
    assert await api.bench.deliveries(event) == []
    observed = (await api.client.get(f"{PATH}/observed", headers=api.auth)).json()
    assert observed == {"revision": 1, "events": [event]}


async def test_why_hides_personal_values_from_who_may_not_read_events(api: Api) -> None:
    [event] = await api.bench.accept(report(score=72))
    answer = (await api.client.get(f"/v1/events/{event}/why", headers=api.auth)).json()
    [one] = answer["rules"]
    assert (one["rule"], one["reason"], one["verdict"]) == ("high score", "not_met", "no")
    assert "72" not in str(answer["rules"])
    revealed = (await api.client.get(f"/v1/events/{event}/why?reveal=true", headers=api.auth)).json()
    assert "was 72" in revealed["rules"][0]["lines"]["en"][1]
    assert "实际 72" in revealed["rules"][0]["lines"]["zh-CN"][1]
    reader = await other(api, "rules:read")
    assert (await api.client.get(f"/v1/events/{event}/why", headers=reader)).status_code == 200
    for path in (f"/v1/events/{event}/why", "/v1/candidates/cand_1/why"):
        refused = await api.client.get(f"{path}?reveal=true", headers=reader)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    candidate = (await api.client.get("/v1/candidates/cand_1/why", headers=reader)).json()
    assert [e["event_id"] for e in candidate["events"]] == [event]
    assert (await api.client.get("/v1/candidates/nobody/why", headers=reader)).status_code == 404
    assert (await api.client.get(f"/v1/events/evt_{'0' * 32}/why", headers=reader)).status_code == 404


async def test_a_backtest_is_started_polled_and_cancelled(api: Api) -> None:
    await api.bench.accept(report(score=91), report(score=60, key="2"))
    await put(api)
    started = await api.client.post(f"{PATH}/backtests", headers=api.auth)
    assert (started.status_code, started.json()["state"], started.json()["revision"]) == (202, "queued", 2)
    id_ = started.json()["id"]
    await api.bench.hub.backtests.work_off("worker")
    done = (await api.client.get(f"/v1/backtests/{id_}", headers=api.auth)).json()
    assert (done["state"], done["seen"], done["total"]) == ("done", 2, 2)
    assert (done["result"]["fires"], done["result"]["live_fires"], done["result"]["newly"]) == (2, 1, 1)
    late = await api.client.post(f"/v1/backtests/{id_}/cancel", headers=api.auth)
    assert (late.status_code, late.json()["code"]) == (409, "not_open")
    second = (await api.client.post(f"{PATH}/backtests", json={"days": 7, "revision": 1}, headers=api.auth)).json()
    cancelled = (await api.client.post(f"/v1/backtests/{second['id']}/cancel", headers=api.auth)).json()
    assert cancelled["state"] == "cancelled"
    listed = (await api.client.get(f"{PATH}/backtests", headers=api.auth)).json()
    assert {one["id"] for one in listed} == {id_, second["id"]}
    assert (await api.client.get("/v1/backtests/bkt_none", headers=api.auth)).status_code == 404


async def test_the_names_in_a_backtest_are_for_who_may_read_events(api: Api) -> None:
    await api.bench.accept(report(score=91))
    job = (await api.client.post(f"{PATH}/backtests", headers=api.auth)).json()["id"]
    api.bench.clock.advance(1)
    await api.bench.hub.backtests.work_off("worker")
    done = (await api.client.get(f"/v1/backtests/{job}", headers=api.auth)).json()
    assert (done["state"], done["result"]["who"]["fires"]) == ("done", ["cand_1"])
    assert "Ada" not in repr(done)
    named = await api.client.get(f"/v1/backtests/{job}/candidates", headers=api.auth)
    assert named.json() == {"cand_1": "Ada Sample"}
    refused = await api.client.get(f"/v1/backtests/{job}/candidates", headers=await other(api, "rules:read"))
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
