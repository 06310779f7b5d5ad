"""Deliveries, candidates, rules, connections, vendors' calls and health by HTTP."""

from __future__ import annotations

import pytest

from tests.support.hubs import TENANT, report
from tests.web.conftest import Api

CREATED = b'{"id":"ref_9","status":"submitted"}'


@pytest.fixture
async def delivered(api: Api) -> Api:
    api.bench.vendor.answers(201, CREATED)
    await api.bench.accept(report())
    await api.bench.deliver()
    return api


async def test_a_delivery_shows_its_tries(delivered: Api) -> None:
    listed = (await delivered.client.get("/v1/deliveries?state=delivered", headers=delivered.auth)).json()
    [item] = listed["items"]
    assert (item["connection"], item["what"], item["state"]) == ("referrals", "referral.create", "delivered")
    one = (await delivered.client.get(f"/v1/deliveries/{item['id']}", headers=delivered.auth)).json()
    [tried] = one["tries"]
    assert (tried["outcome"], tried["status"]) == ("delivered", 201)


async def test_a_delivery_can_be_sent_again(delivered: Api) -> None:
    answer = await delivered.client.post("/v1/deliveries/dlv_1/replay", headers=delivered.auth)
    assert (answer.status_code, answer.json()["delivery_id"]) == (202, "dlv_2")
    refused = await delivered.client.post("/v1/deliveries/dlv_2/replay", headers=delivered.auth)
    assert (refused.status_code, refused.json()["code"]) == (409, "under_way")


@pytest.mark.parametrize("number", ["dlv_x", "evt_1", "1", "dlv_-1", "dlv_99999999999999999999"])
async def test_bad_delivery_ids_are_400(api: Api, number: str) -> None:
    answer = await api.client.get(f"/v1/deliveries/{number}", headers=api.auth)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_id")


async def test_a_candidate_has_one_id_and_a_story(delivered: Api) -> None:
    first = await delivered.client.post(
        "/v1/candidates/identify", json={"email": "Ada@Example.com"}, headers=delivered.auth
    )
    again = await delivered.client.post(
        "/v1/candidates/identify", json={"email": "ada@example.com"}, headers=delivered.auth
    )
    assert first.json() == again.json()
    story = (await delivered.client.get("/v1/candidates/cand_1/timeline", headers=delivered.auth)).json()
    assert [line["what"] for line in story["lines"]] == ["interview.report.completed", "referrals: referral.create"]
    assert story["lines"][1]["caused_by"] == story["lines"][0]["id"]
    nobody = await delivered.client.get("/v1/candidates/cand_none/timeline", headers=delivered.auth)
    assert nobody.status_code == 404


@pytest.mark.parametrize("body", [{}, {"email": 7}, {"email": "x"}, {"email": "a@b.example", "more": 1}, []])
async def test_bad_addresses_are_refused(api: Api, body: object) -> None:
    answer = await api.client.post("/v1/candidates/identify", json=body, headers=api.auth)
    assert answer.status_code == 422


async def test_rules_are_sentences_and_explain_themselves(delivered: Api) -> None:
    [told] = (await delivered.client.get("/v1/rules", headers=delivered.auth)).json()
    assert set(told["sentence"]) == {"en", "zh-CN"}
    assert "85" in told["sentence"]["en"]
    [event] = (await delivered.client.get("/v1/events", headers=delivered.auth)).json()["items"]
    why = await delivered.client.get(f"/v1/rules/high score/explain/{event['id']}", headers=delivered.auth)
    assert why.json()["verdict"] == "yes"
    assert why.json()["lines"]["zh-CN"]


async def test_connections_name_their_secrets_only(api: Api) -> None:
    [told] = (await api.client.get("/v1/connections", headers=api.auth)).json()
    assert "api_token" in told["secrets"]
    assert told["webhook_path"].startswith("/v1/hooks/con_")
    assert "api_token" not in told["config"]


async def test_a_webhook_is_taken_and_a_forged_one_is_not(api: Api) -> None:
    async with api.bench.hub.store.look() as look:
        connection = await look.connection(TENANT, "referrals")
    assert connection is not None
    path = f"/v1/hooks/{connection.handle}"
    body = b'{"id":"whk_1","type":"referral.updated","data":{"id":"ref_9"}}'
    good = await api.client.post(path, content=body, headers={"x-test-signature": "good"})
    assert good.status_code == 200
    forged = await api.client.post(path, content=body)
    assert (forged.status_code, forged.json()["code"]) == (401, "bad_signature")
    nobody = await api.client.post("/v1/hooks/con_none", content=body, headers={"x-test-signature": "good"})
    assert nobody.status_code == 404
    junk = await api.client.post(path, content=b"\xff", headers={"x-test-signature": "good"})
    assert junk.status_code in (400, 422)


async def test_health_needs_no_token_and_metrics_do(api: Api) -> None:
    assert (await api.client.get("/health/live")).json()["status"] == "ok"
    assert (await api.client.get("/health/ready")).status_code == 200
    assert (await api.client.get("/metrics")).status_code == 401
    answer = await api.client.get("/metrics", headers=api.auth)
    assert answer.text.startswith("hirewire_store_up")


async def test_calls_are_measured_by_operation_and_a_stranger_s_path_is_not(api: Api) -> None:
    await api.client.get("/health/live")
    await api.client.get("/v1/events")
    await api.client.get("/v1/events/evt_none", headers=api.auth)
    await api.client.get("/wp-login.php")
    seen = api.bench.meter.requests
    assert [operation for operation, _ in seen] == ["live", "listEvents", "getEvent"]
    assert [status // 100 for _, status in seen] == [2, 4, 4]


async def test_nothing_is_cached_or_sniffed(api: Api) -> None:
    headers = (await api.client.get("/v1/rules", headers=api.auth)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_token_without_the_scope_is_403(api: Api) -> None:
    _, secret = await api.bench.hub.access.make(TENANT, "narrow", ["events:write"], "test")
    answer = await api.client.get("/v1/events", headers={"authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer " + "x" * 300, "Bearer hw_wrong"])
async def test_a_bad_token_is_401_in_the_same_words(api: Api, header: str) -> None:
    answer = await api.client.get("/v1/events", headers={"authorization": header})
    assert (answer.status_code, answer.json()["detail"]) == (401, "a valid API token is needed")


async def test_the_openapi_document_declares_problems(api: Api) -> None:
    schema = (await api.client.get("/schema")).json()
    assert schema["openapi"].startswith("3.1")
    events = schema["paths"]["/v1/events"]["post"]
    assert "application/problem+json" in events["responses"]["422"]["content"]
    assert "application/cloudevents+json" in events["requestBody"]["content"]


async def test_dead_letters_are_listed_by_cause_and_released_by_a_replay(api: Api) -> None:
    api.bench.vendor.answers(422)
    await api.bench.accept(report())
    for _ in range(4):
        await api.bench.deliver()
        api.bench.clock.advance(3600)
    [group] = (await api.client.get("/v1/dead-letters", headers=api.auth)).json()
    assert (group["connection"], group["error"], group["count"]) == ("referrals", "invalid_input:http_422", 1)
    assert set(group["fix"]) == {"en", "zh-CN"}
    wanted = {"connection": "referrals", "error": group["error"]}
    counted = await api.client.post("/v1/replays", json={**wanted, "dry_run": True}, headers=api.auth)
    assert (counted.status_code, counted.json()["total"], counted.json()["id"]) == (202, 1, None)
    started = (await api.client.post("/v1/replays", json=wanted, headers=api.auth)).json()
    api.bench.vendor.script[:] = []
    api.bench.vendor.answers(201, CREATED)
    for _ in range(3):
        await api.bench.hub.replays.advance()
        await api.bench.deliver()
    seen = (await api.client.get(f"/v1/replays/{started['id']}", headers=api.auth)).json()
    assert (seen["state"], seen["done"]) == ("done", 1)
    again = await api.client.post(f"/v1/replays/{started['id']}/cancel", headers=api.auth)
    assert (again.status_code, again.json()["code"]) == (409, "replay_ended")
    assert (await api.client.get("/v1/dead-letters", headers=api.auth)).json() == []


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"kind": "all"}, "kind"),
        ({"states": []}, "states"),
        ({"states": ["gone"]}, "states"),
        ({"connection": "none"}, "connection"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-01T00:00:00"}, "since"),
        ({"per_second": 0, "dry_run": True}, "per_second"),
        ({"kind": "missing"}, "since"),
        ({"current": 1}, "current"),
        ({"what": 1}, None),
        ({"error": None}, "error"),
    ],
)
async def test_a_replay_that_makes_no_sense_is_refused_at_its_place(api: Api, body: object, at: str) -> None:
    answer = await api.client.post("/v1/replays", json=body, headers=api.auth)
    assert (answer.status_code, answer.json().get("at")) == (422, at)


async def test_a_delivery_is_edited_or_discarded_with_a_reason(delivered: Api) -> None:
    body = {"data": report().data, "reason": "again, corrected"}
    edited = await delivered.client.post("/v1/deliveries/dlv_1/edit", json=body, headers=delivered.auth)
    assert (edited.status_code, edited.json()["delivery_id"]) == (202, "dlv_2")
    for wrong in ({"data": 1, "reason": "x"}, {"data": {}, "reason": "x"}, {"data": report().data}, []):
        answer = await delivered.client.post("/v1/deliveries/dlv_1/edit", json=wrong, headers=delivered.auth)
        assert answer.status_code == 422
    refused = await delivered.client.post("/v1/deliveries/dlv_1/discard", json={"reason": "x"}, headers=delivered.auth)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_held")
