"""The partner role from the ATS's side: it lists our tests, orders one, is called back and fetches the score."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp


async def application(http: aiohttp.ClientSession, twin: Any, auth: dict[str, str]) -> int:
    email = {"value": "lin.yue@example.com", "type": "personal"}
    body = {"first_name": "Yue", "last_name": "Lin", "email_addresses": [email], "application": {"job_id": 701}}
    async with http.post(f"{twin.url}/v3/candidates", headers=auth, json=body) as answer:
        candidate = await answer.json()
    async with http.get(f"{twin.url}/v3/applications?candidate_ids={candidate['id']}", headers=auth) as answer:
        id: int = (await answer.json())[0]["id"]
    move = {"from_stage_id": 7101, "to_stage_id": 7102}
    async with http.post(f"{twin.url}/v3/applications/{id}/move", headers=auth, json=move) as answer:
        assert answer.status == 204
    return id


async def test_an_interview_is_ordered_called_back_and_read(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any, bearer: Any
) -> None:
    twin = await start("greenhouse", partner_url=f"{fake_hub.url}/partner")
    auth = await bearer(twin)
    id = await application(http, twin, auth)
    await twin.wait_sent("partner.order_create")
    (method, name, _, _, key), (_, _, _, order, _) = fake_hub.calls
    assert (method, name) == ("GET", "list_tests")
    assert key == "Basic " + base64.b64encode(b"partner-key:").decode()
    assert order["partner_test_id"] == "ai-interview"
    assert order["candidate"]["email"] == "lin.yue@example.com"
    callback = order["url"]

    async with http.patch(callback) as answer:
        assert answer.status == 401
    headers = {"authorization": key}
    for _ in range(2):
        async with http.patch(callback, headers=headers) as answer:
            assert answer.status == 200
    await twin.wait_sent("partner.order_status")
    assert fake_hub.calls[-1][2] == {"partner_interview_id": "ord_1"}
    assert [e["replayed"] for e in twin.effects("assessments.complete")] == [False, True]
    async with http.get(f"{twin.url}/v3/applications?ids={id}", headers=auth) as answer:
        (read,) = await answer.json()
    assert (read["assessment_score"], read["assessment_status"]) == (86, "complete")


async def test_an_answer_that_lacks_something_is_complained_about_and_asked_again(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any, bearer: Any
) -> None:
    twin = await start("greenhouse", partner_url=f"{fake_hub.url}/partner", speed=1e5)
    fake_hub.order_answers = [{"id": "ord_1"}]
    await application(http, twin, await bearer(twin))
    await twin.wait_sent("partner.order_create")
    names = [call[1] for call in fake_hub.calls]
    assert names == ["list_tests", "send_test", "request_errors", "send_test"]
    assert fake_hub.calls[2][3] == {"api_call": "order_create", "errors": ["partner_interview_id is missing"]}


async def test_a_partner_who_is_not_there_costs_the_order_only(
    start: Any, http: aiohttp.ClientSession, bearer: Any
) -> None:
    twin = await start("greenhouse", partner_url="http://127.0.0.1:1", speed=1e6)
    auth = await bearer(twin)
    await application(http, twin, auth)
    await twin.outbound.sent.wait({"kind": "partner.packages", "try": 7}, 1, 10)
    async with http.get(f"{twin.url}/v3/users", headers=auth) as answer:
        assert answer.status == 200
    assert [s["ok"] for s in twin.sent() if s["kind"] == "partner.packages"] == [False] * 7
