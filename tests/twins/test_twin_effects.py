"""What a twin takes, how often it happened, and that nobody can talk it into happening twice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hub.adapters.twins import TwinClient, applied_twice, load, run_twin
from hub.domain.errors import Conflict, Rejected, Unavailable

CONNECTORS = Path(__file__).parents[2] / "connectors"
LIN = {"custom_id": "cand-1", "email": "lin.yue@example.com", "first_name": "Yue", "last_name": "Lin"}


async def post(http: Any, url: str, headers: dict[str, str], **body: Any) -> tuple[int, Any]:
    async with http.post(url, headers=headers, **body) as answer:
        return answer.status, await answer.json()


async def ordered(http: Any, url: str, auth: dict[str, str], key: str) -> tuple[int, Any]:
    status, candidate = await post(http, f"{url}/v1/candidates", auth, data=LIN)
    assert status == 201
    order = {"candidate_id": candidate["id"], "package": "driver_pro", "work_locations": [{"country": "US"}]}
    return await post(http, f"{url}/v1/invitations", {**auth, "idempotency-key": key}, json=order)


async def test_a_candidate_is_created_and_found(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    status, made = await post(http, f"{twin.url}/v1/candidates", checkr_auth, data=LIN)
    assert status == 201
    assert len(made["id"]) == 24
    async with http.get(f"{twin.url}/v1/candidates?custom_id=cand-1", headers=checkr_auth) as answer:
        assert (await answer.json())["data"] == [made]
    async with http.get(f"{twin.url}/v1/candidates/{made['id']}", headers=checkr_auth) as answer:
        assert await answer.json() == made
    async with http.get(f"{twin.url}/v1/candidates/nobody", headers=checkr_auth) as answer:
        assert answer.status == 404
    (effect,) = twin.effects()
    assert {k: effect[k] for k in ("n", "kind", "id", "key", "email", "custom_id", "replayed")} == {
        "n": 1,
        "kind": "candidates.create",
        "id": made["id"],
        "key": "cand-1",
        "email": "lin.yue@example.com",
        "custom_id": "cand-1",
        "replayed": False,
    }


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({}, 400, "present"),
        ({"email": "no-at-sign"}, 400, "form"),
        ({"email": "a@example.com", "first_name": "悦"}, 400, "characters"),
        ({"email": "a@example.com", "last_name": "X"}, 400, "characters"),
        ({"email": "a@example.com", "surname": "Lin"}, 400, "parameter"),
        ({"email": 7}, 400, "type"),
        ({"email": "a@example.com", "work_locations": [{"state": "CA"}]}, 400, "present"),
    ],
)
async def test_what_the_vendor_would_refuse_is_refused(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str], body: Any, status: int, word: str
) -> None:
    twin = await start("checkr")
    got, answer = await post(http, f"{twin.url}/v1/candidates", checkr_auth, json=body)
    assert got == status
    assert word in answer["error"]
    assert twin.effects() == []


async def test_bodies_that_are_no_bodies(start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]) -> None:
    twin = await start("checkr")
    url = f"{twin.url}/v1/candidates"
    json_type = {**checkr_auth, "content-type": "application/json"}
    assert (await post(http, url, json_type, data=b"{"))[0] == 400
    assert (await post(http, url, json_type, data=b"[]"))[0] == 400
    assert (await post(http, url, json_type, data=b'{"email": NaN}'))[0] == 400
    assert (await post(http, url, json_type, data=b'{"metadata": ' + b"[" * 500 + b"]" * 500 + b"}"))[0] == 400
    assert (await post(http, url, json_type, data=b'{"email": "a@example.com", "phone": "\\ud800"}'))[0] == 201
    assert (await post(http, url, {**checkr_auth, "content-type": "text/xml"}, data=b"<a/>"))[0] == 415
    async with http.put(url, headers=checkr_auth, json={}) as answer:
        assert answer.status == 405
    async with http.get(f"{twin.url}/v1/nowhere", headers=checkr_auth) as answer:
        assert answer.status == 404


async def test_rack_style_forms_are_nested(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    form = [("email", "a@example.com"), ("work_locations[][country]", "US"), ("work_locations[][state]", "CA")]
    form += [("work_locations[][country]", "DE"), ("copy_requested", "true"), ("geo_ids[]", "g1"), ("geo_ids[]", "g2")]
    status, made = await post(http, f"{twin.url}/v1/candidates", checkr_auth, data=form)
    assert status == 201
    assert made["work_locations"] == [{"country": "US", "state": "CA"}, {"country": "DE"}]
    assert made["geo_ids"] == ["g1", "g2"]


async def test_one_idempotency_key_is_one_effect(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    status, first = await ordered(http, twin.url, checkr_auth, "k1")
    assert status == 201
    again = {k: first[k] for k in ("candidate_id", "package", "work_locations")}
    headers = {**checkr_auth, "idempotency-key": "k1"}
    assert await post(http, f"{twin.url}/v1/invitations", headers, json=again) == (201, first)
    status, refused = await post(http, f"{twin.url}/v1/invitations", headers, json={**again, "package": "driver_pro "})
    assert status == 409
    assert "another request" in refused["error"]
    lines = [(e["key"], e["idempotency_key"], e["replayed"]) for e in twin.effects("invitations.create")]
    assert lines == [("k1", "k1", False), ("k1", "k1", True)]
    other = {**checkr_auth, "idempotency-key": "k2"}
    assert (await post(http, f"{twin.url}/v1/invitations", other, json=again))[1]["id"] != first["id"]


async def test_a_refusal_is_not_kept_under_its_key(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    headers = {**checkr_auth, "idempotency-key": "k1"}
    assert (await post(http, f"{twin.url}/v1/candidates", headers, json={}))[0] == 400
    assert (await post(http, f"{twin.url}/v1/candidates", headers, json=LIN))[0] == 201


async def test_a_duplicate_shows_in_the_ledger(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    await ordered(http, twin.url, checkr_auth, "k1")
    assert applied_twice(twin.effects()) == []
    await post(http, f"{twin.url}/v1/candidates", checkr_auth, json=LIN)
    assert applied_twice(twin.effects()) == [("candidates.create", "cand-1")]


async def test_references_must_exist(start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]) -> None:
    twin = await start("checkr")
    order = {"candidate_id": "0" * 24, "package": "driver_pro", "work_locations": [{"country": "US"}]}
    assert (await post(http, f"{twin.url}/v1/invitations", checkr_auth, json=order))[0] == 404


async def test_cancelling_twice_is_one_effect(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr", speed=0.001)
    _, order = await ordered(http, twin.url, checkr_auth, "k1")
    for _ in range(2):
        async with http.delete(f"{twin.url}/v1/invitations/{order['id']}", headers=checkr_auth) as answer:
            assert (await answer.json())["status"] == "deleted"
    assert [e["replayed"] for e in twin.effects("invitations.cancel")] == [False, True]


async def test_scripted_statuses_have_no_effect(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    match = {"method": "POST", "path": "/v1/*"}
    async with TwinClient(twin.url) as control:
        await control.faults(
            {"match": match, "times": 2, "do": {"status": 503}},
            {"match": match, "do": {"status": 429, "retry_after": 1}},
        )
    url = f"{twin.url}/v1/candidates"
    assert (await post(http, url, checkr_auth, json=LIN))[0] == 503
    assert (await post(http, url, checkr_auth, json=LIN))[0] == 503
    async with http.post(url, headers=checkr_auth, json=LIN) as answer:
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert list(await answer.json()) == ["error"]
    assert (await post(http, url, checkr_auth, json=LIN))[0] == 201
    assert [(r["status"], r["fault"]) for r in twin.requests()] == [
        (503, "status 503"),
        (503, "status 503"),
        (429, "status 429"),
        (201, None),
    ]
    assert len(twin.effects()) == 1


async def test_a_limit_is_enforced_with_retry_after(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    async with TwinClient(twin.url) as control:
        await control.settings({"limit": {"limit": 2, "per_s": 60}})
    left = []
    for _ in range(3):
        async with http.get(f"{twin.url}/v1/packages", headers=checkr_auth) as answer:
            left.append((answer.status, answer.headers.get("x-ratelimit-remaining"), "retry-after" in answer.headers))
    assert left == [(200, "1", False), (200, "0", False), (429, None, True)]


@pytest.mark.parametrize("fault", [{"drop": True}, {"hold": True, "timeout_s": 0.01}])
async def test_an_effect_without_an_answer_then_a_retry_is_one_effect(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str], fault: Any
) -> None:
    twin = await start("checkr")
    twin.faults.add({"match": {"path": "/v1/invitations"}, "do": fault})
    with pytest.raises(aiohttp.ClientError):
        await ordered(http, twin.url, checkr_auth, "k1")
    body = {"candidate_id": twin.effects()[0]["id"], "package": "driver_pro", "work_locations": [{"country": "US"}]}
    headers = {**checkr_auth, "idempotency-key": "k1"}
    assert (await post(http, f"{twin.url}/v1/invitations", headers, json=body))[0] == 201
    assert [e["replayed"] for e in twin.effects("invitations.create")] == [False, True]
    assert twin.requests()[1]["status"] is None


async def test_a_held_answer_comes_when_it_is_released(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    async with TwinClient(twin.url) as control:
        await control.faults({"match": {"path": "/v1/candidates"}, "do": {"hold": True}})
        waiting = asyncio.create_task(post(http, f"{twin.url}/v1/candidates", checkr_auth, json=LIN))
        (effect,) = await control.wait_effect("candidates.create")
        assert not waiting.done()
        await control.release()
        status, made = await waiting
    assert (status, made["id"]) == (201, effect["id"])


async def test_a_refused_connection_has_no_effect(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    twin.faults.add({"do": {"refuse": True}})
    with pytest.raises(aiohttp.ClientError):
        await post(http, f"{twin.url}/v1/candidates", checkr_auth, json=LIN)
    assert twin.effects() == []


async def test_a_twin_keeps_its_state_over_a_restart(
    tmp_path: Path, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    spec = load(CONNECTORS / "checkr")
    options: dict[str, Any] = {"state_dir": tmp_path, "secrets": {"api_key": "key-of-the-account"}, "speed": 0.001}
    async with run_twin(spec, **options) as twin:
        _, first = await ordered(http, twin.url, checkr_auth, "k1")
        before, plans = twin.effects(), twin.outbound.waiting()
    journal, ledger = tmp_path / "checkr" / "state.jsonl", tmp_path / "checkr" / "received.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"ops":[["put","cand')  # torn by a kill
    ledger.write_bytes(ledger.read_bytes()[:-5])  # killed between the two files
    async with run_twin(spec, **options) as twin:
        assert twin.effects() == before
        assert [json.loads(line) for line in ledger.read_text().splitlines()] == before
        assert twin.outbound.waiting() == plans
        async with http.get(f"{twin.url}/v1/invitations/{first['id']}", headers=checkr_auth) as answer:
            assert await answer.json() == first
        again = {k: first[k] for k in ("candidate_id", "package", "work_locations")}
        headers = {**checkr_auth, "idempotency-key": "k1"}
        assert await post(http, f"{twin.url}/v1/invitations", headers, json=again) == (201, first)
        assert len(twin.vendor.state.items["invitations"]) == 1


async def test_reset_forgets_records_and_keeps_the_ledger(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr", speed=0.001)
    _, first = await ordered(http, twin.url, checkr_auth, "k1")
    async with TwinClient(twin.url) as control:
        await control.reset()
        assert await control.waiting() == []
        assert (await control.state())["invitations"] == []
        assert len(await control.effects()) == 2
    _, second = await ordered(http, twin.url, checkr_auth, "k1")
    assert second["id"] != first["id"]


async def test_two_twins_cannot_share_records_or_a_port(start: Any, tmp_path: Path) -> None:
    twin = await start("checkr")
    with pytest.raises(Conflict) as shared:
        await start("checkr")
    assert shared.value.code == "state_in_use"
    port = int(twin.url.rpartition(":")[2])
    with pytest.raises(Unavailable) as taken:
        await start("checkr", state_dir=tmp_path / "other", port=port)
    assert taken.value.code == "port_taken"


async def test_a_wrong_control_call_is_named(start: Any) -> None:
    twin = await start("checkr")
    async with TwinClient(twin.url) as control:
        with pytest.raises(Rejected) as caught:
            await control.faults({"do": {"explode": True}})
        assert caught.value.code == "bad_fault"
        with pytest.raises(Rejected) as caught:
            await control.settings({"colour": "red"})
        assert caught.value.code == "bad_setting"
        with pytest.raises(TimeoutError):
            await control.wait_effect("candidates.create", timeout=0.01)
