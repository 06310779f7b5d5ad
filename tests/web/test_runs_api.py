"""Runs by HTTP: lists, one, decisions, what the timeline and the explanation say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.hubs import TENANT, report
from tests.web.conftest import Api

GATE = {"kind": "gate", "id": "g", "approvers": "hr_owner", "timeout": "P3D"}
RULE = {
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "then": [{"kind": "tag", "id": "t", "tag": "reviewed"}, GATE],
}


@pytest.fixture
async def asked(api: Api) -> Api:
    await api.bench.configure({"rules": {"ask first": {"rule": RULE}}})  # type: ignore[dict-item]
    await api.bench.accept(report(), report(key="two", candidate="cand_2"))
    await api.bench.advance()
    return api


async def get(api: Api, path: str, status: int = 200) -> Any:
    answer = await api.client.get(path, headers=api.auth)
    assert answer.status_code == status, answer.text
    return answer.json()


async def decide(api: Api, run: str, body: object, status: int = 200) -> Any:
    answer = await api.client.post(f"/v1/runs/{run}/decision", json=body, headers=api.auth)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_runs_are_listed_by_page_state_candidate_and_rule(asked: Api) -> None:
    first = await get(asked, "/v1/runs?limit=1&state=gate")
    assert [item["id"] for item in first["items"]] == ["run_2"]
    second = await get(asked, f"/v1/runs?limit=1&cursor={first['next_cursor']}")
    assert [item["id"] for item in second["items"]] == ["run_1"]
    assert (await get(asked, "/v1/runs?candidate=cand_2&rule=ask%20first"))["items"][0]["id"] == "run_2"
    assert (await get(asked, "/v1/runs?state=held")) == {"items": [], "next_cursor": None}
    await get(asked, "/v1/runs?rule=none", 404)
    await get(asked, "/v1/runs?state=asleep", 422)
    await get(asked, "/v1/runs?cursor=evt_1", 400)


async def test_one_run_says_where_it_stands_in_both_languages(asked: Api) -> None:
    run = await get(asked, "/v1/runs/run_1")
    assert (run["rule"], run["state"], run["approvers"], run["candidate_id"]) == (
        "ask first", "gate", ["hr_owner"], "cand_1"
    )  # fmt: skip
    assert run["stands"] == {
        "en": "Waits for “hr_owner” to approve until 2026-03-05 09:00 UTC.",
        "zh-CN": "等待“hr_owner”批准，直到 2026-03-05 09:00 UTC。",
    }
    await get(asked, "/v1/runs/run_9", 404)
    await get(asked, "/v1/runs/x", 400)


async def test_a_decision_is_carried_out_once_and_audited(asked: Api) -> None:
    run = await decide(asked, "run_1", {"act": "approve", "why": "spoken to the team"})
    assert run["state"] == "ready"
    await asked.bench.advance()
    assert (await get(asked, "/v1/runs/run_1"))["stands"]["en"] == "Done."
    assert (await decide(asked, "run_1", {"act": "approve"}, 409))["code"] == "run_state"
    async with asked.bench.hub.store.look() as look:
        acts = [
            (e.action, e.object, e.detail["why"])
            for e in [row.act for row in await look.acts(TENANT, 50)]
            if "run." in e.action
        ]
    assert acts == [("run.approve", "run_1", "spoken to the team")]


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"act": "bless"}, 422), ({"act": "cancel", "why": 1}, 422), ({"act": "cancel", "x": 1}, 422),
     ([], 422), ({"act": "release"}, 409)],
)  # fmt: skip
async def test_a_decision_that_is_none_is_refused(asked: Api, body: object, status: int) -> None:
    await decide(asked, "run_2", body, status)


async def many(api: Api, query: str, body: object, status: int = 200) -> Any:
    answer = await api.client.post(f"/v1/runs/decisions?{query}", json=body, headers=api.auth)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_all_that_live_are_counted_then_cancelled_each_on_the_record(asked: Api) -> None:
    act = {"act": "cancel", "why": "the role is filled"}
    assert await many(asked, "rule=ask%20first", {**act, "count_only": True}) == {"count": 2, "more": False}
    assert (await get(asked, "/v1/runs/run_1"))["state"] == "gate"
    assert await many(asked, "candidate=cand_2", act) == {"count": 1, "more": False}
    assert await many(asked, "rule=ask%20first&state=gate", act) == {"count": 1, "more": False}
    assert await many(asked, "", act) == {"count": 0, "more": False}
    async with asked.bench.hub.store.look() as look:
        acts = [row.act for row in await look.acts(TENANT, 50)]
    assert {(one.action, one.object, one.detail["why"]) for one in acts if one.action.startswith("run.")} == {
        ("run.cancel", "run_1", "the role is filled"),
        ("run.cancel", "run_2", "the role is filled"),
    }


async def test_many_are_decided_page_by_page(asked: Api) -> None:
    await asked.bench.accept(*(report(key=f"k{n}", candidate=f"c{n}") for n in range(150)))
    while await asked.bench.hub.advance():
        pass
    assert (await many(asked, "", {"act": "cancel", "count_only": True}))["count"] == 152
    assert await many(asked, "", {"act": "cancel"}) == {"count": 152, "more": False}


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [("", {"act": "approve"}, 422), ("", {}, 422), ("rule=none", {"act": "cancel"}, 404),
     ("state=asleep", {"act": "cancel"}, 422), ("", {"act": "cancel", "count_only": "yes"}, 422)],
)  # fmt: skip
async def test_what_cannot_be_said_of_many_is_refused(asked: Api, query: str, body: object, status: int) -> None:
    await many(asked, query, body, status)


async def test_a_held_run_is_released_with_its_like(api: Api) -> None:
    capped = {**RULE, "guards": {"max_per_hour": 1}}
    await api.bench.configure({"rules": {"capped": {"rule": capped}}})  # type: ignore[dict-item]
    await api.bench.accept(*(report(key=f"k{n}", candidate=f"c{n}") for n in range(3)))
    await api.bench.advance()
    assert await many(api, "rule=capped", {"act": "release"}) == {"count": 2, "more": False}
    assert (await get(api, "/v1/runs?state=held"))["items"] == []


async def test_decisions_need_their_scope(asked: Api) -> None:
    _, token = await asked.bench.hub.access.make(TENANT, "reader", ["runs:read"], "test")
    head = {"authorization": f"Bearer {token}"}
    answer = await asked.client.post("/v1/runs/run_1/decision", json={"act": "approve"}, headers=head)
    assert answer.status_code == 403
    assert (await asked.client.get("/v1/runs/run_1", headers=head)).status_code == 200


async def test_a_gate_is_answered_by_who_has_the_role(asked: Api) -> None:
    _, token = await asked.bench.hub.access.make(TENANT, "other", ["runs:decide", "role:finance"], "test")
    head = {"authorization": f"Bearer {token}"}
    for act in ("approve", "reject"):
        answer = await asked.client.post("/v1/runs/run_1/decision", json={"act": act}, headers=head)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_an_approver")
    cancelled = await asked.client.post("/v1/runs/run_1/decision", json={"act": "cancel"}, headers=head)
    assert cancelled.status_code == 200


async def test_the_timeline_and_the_explanation_show_the_run(asked: Api) -> None:
    lines = (await get(asked, "/v1/candidates/cand_1/timeline"))["lines"]
    found = {line["kind"]: line for line in lines}
    assert (found["run"]["what"], found["run"]["state"], found["run"]["id"]) == ("ask first", "gate", "run_1")
    assert "hr_owner" in found["run"]["stands"]["zh-CN"]
    assert (found["tag"]["what"], found["tag"]["caused_by"]) == ("reviewed", "run_1")
    event = found["event"]["id"]
    why = await get(asked, f"/v1/rules/ask%20first/explain/{event}")
    assert why["stands"]["en"].startswith("Waits for “hr_owner”")
    assert (await get(asked, f"/v1/rules/high%20score/explain/{event}"))["stands"] is None
