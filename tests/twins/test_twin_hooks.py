"""The vendor speaks by itself: reports complete, offers open, and every webhook is signed as the vendor signs."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from hub.adapters.twins import TwinClient, load, run_twin

CONNECTORS = Path(__file__).parents[2] / "connectors"
WHSEC = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


async def order(http: aiohttp.ClientSession, url: str, auth: dict[str, str], email: str) -> Any:
    async with http.post(f"{url}/v1/candidates", headers=auth, json={"email": email, "custom_id": email}) as answer:
        candidate = await answer.json()
    body = {"candidate_id": candidate["id"], "package": "driver_pro", "work_locations": [{"country": "US"}]}
    async with http.post(f"{url}/v1/invitations", headers={**auth, "idempotency-key": email}, json=body) as answer:
        assert answer.status == 201
        return await answer.json()


def of_checkr(headers: dict[str, str], raw: bytes) -> Any:
    wanted = hmac.new(b"key-of-the-account", raw, hashlib.sha256).hexdigest()
    assert headers["x-checkr-signature"] == wanted
    assert b": " not in raw
    return json.loads(raw)


@pytest.mark.parametrize(("email", "result"), [("lin@example.com", "clear"), ("consider.me@example.com", "consider")])
async def test_an_invitation_becomes_a_signed_report(
    start: Any,
    http: aiohttp.ClientSession,
    fake_hub: Any,
    checkr_auth: dict[str, str],
    email: str,
    result: str,
) -> None:
    twin = await start("checkr", hook_url=f"{fake_hub.url}/hook")
    invitation = await order(http, twin.url, checkr_auth, email)
    events = [of_checkr(*await fake_hub.hooks.get()) for _ in range(3)]
    by_type = {event["type"]: event["data"]["object"] for event in events}
    assert set(by_type) == {"invitation.completed", "report.created", "report.completed"}
    assert len({event["id"] for event in events}) == 3
    report = by_type["report.completed"]
    assert (report["status"], report["result"], report["package"]) == ("complete", result, "driver_pro")
    assert by_type["invitation.completed"]["report_id"] == report["id"]
    async with http.get(f"{twin.url}/v1/reports/{report['id']}", headers=checkr_auth) as answer:
        assert await answer.json() == report
    async with http.get(f"{twin.url}/v1/invitations/{invitation['id']}", headers=checkr_auth) as answer:
        assert (await answer.json())["status"] == "completed"


async def test_a_webhook_is_sent_again_until_it_is_taken(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr", hook_url=f"{fake_hub.url}/hook")
    fake_hub.answers = [500, 503]
    async with TwinClient(twin.url) as control:
        id = await control.hook("report.completed", {"report": {"id": "r1", "candidate_id": "c1"}})
        bodies = [(await fake_hub.hooks.get())[1] for _ in range(3)]
        assert bodies[0] == bodies[1] == bodies[2]
        assert json.loads(bodies[0])["id"] == id
        await twin.wait_sent("hook.report.completed")
        assert [(s["try"], s["status"], s["ok"]) for s in await control.sent()] == [
            (1, 500, False),
            (2, 503, False),
            (3, 200, True),
        ]


async def test_a_vendor_gives_up_after_its_last_try(start: Any, fake_hub: Any) -> None:
    twin = await start("checkr", hook_url=f"{fake_hub.url}/hook", speed=1e6)
    fake_hub.answers = [500] * 20
    async with TwinClient(twin.url) as control:
        await control.hook("report.completed", {"report": {"id": "r1"}})
        await control.wait("sent", {"kind": "hook.report.completed", "try": "7"})
        assert await control.waiting() == []
    assert fake_hub.hooks.qsize() == 7


async def test_one_event_can_be_sent_twice(start: Any, fake_hub: Any) -> None:
    twin = await start("checkr", hook_url=f"{fake_hub.url}/hook")
    async with TwinClient(twin.url) as control:
        await control.hook("report.completed", {"report": {"id": "r1"}}, times=2)
    first, second = await fake_hub.hooks.get(), await fake_hub.hooks.get()
    assert first[1] == second[1]


async def test_plans_outlive_a_restart_and_run_when_told(
    tmp_path: Path, http: aiohttp.ClientSession, fake_hub: Any, checkr_auth: dict[str, str]
) -> None:
    options: dict[str, Any] = {"state_dir": tmp_path, "secrets": {"api_key": "key-of-the-account"}, "speed": 0.001}
    async with run_twin(load(CONNECTORS / "checkr"), **options) as twin:
        invitation = await order(http, twin.url, checkr_auth, "lin@example.com")
        assert [w["scenario"] for w in twin.outbound.waiting()] == ["candidate_completes"]
    options["hook_url"] = f"{fake_hub.url}/hook"
    async with run_twin(load(CONNECTORS / "checkr"), **options) as twin, TwinClient(twin.url) as control:
        assert await control.play("candidate_completes", "nobody") == 0
        assert await control.play("candidate_completes", invitation["id"]) == 1
        types = {of_checkr(*await fake_hub.hooks.get())["type"] for _ in range(2)}
        assert types == {"invitation.completed", "report.created"}
        assert await control.play() == 1
        assert of_checkr(*await fake_hub.hooks.get())["type"] == "report.completed"
        assert len((await control.state())["reports"]) == 1


async def test_a_cancelled_invitation_is_never_completed(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr", hook_url=f"{fake_hub.url}/hook", speed=0.001)
    invitation = await order(http, twin.url, checkr_auth, "lin@example.com")
    async with http.delete(f"{twin.url}/v1/invitations/{invitation['id']}", headers=checkr_auth) as answer:
        assert answer.status == 200
    async with TwinClient(twin.url) as control:
        await control.play()
        await control.hook("report.suspended", {"report": {"id": "last"}})
        assert of_checkr(*await fake_hub.hooks.get())["type"] == "report.suspended"
        assert (await control.state())["reports"] == []


async def test_greenhouse_signs_what_it_escaped(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any, bearer: Any
) -> None:
    twin = await start("greenhouse", hook_url=f"{fake_hub.url}/hook")
    auth = await bearer(twin)
    body = {
        "first_name": "悦",
        "last_name": "林",
        "email_addresses": [{"value": "lin.yue@example.com", "type": "personal"}],
        "application": {"job_id": 701},
    }
    async with http.post(f"{twin.url}/v3/candidates", headers=auth, json=body) as answer:
        candidate = await answer.json()
    async with http.get(f"{twin.url}/v3/applications?candidate_ids={candidate['id']}", headers=auth) as answer:
        (application,) = await answer.json()
    url, move = f"{twin.url}/v3/applications/{application['id']}/move", {"from_stage_id": 7101, "to_stage_id": 7105}
    async with http.post(url, headers=auth, json=move) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    async with http.post(url, headers=auth, json=move) as answer:
        assert answer.status == 409  # it is not in that stage any more
    told = {}
    for _ in range(2):
        headers, raw = await fake_hub.hooks.get()
        wanted = "sha256 " + hmac.new(b"hook-secret", raw, hashlib.sha256).hexdigest()
        assert headers["signature"] == wanted
        assert headers["greenhouse-event-id"]
        assert raw.isascii()
        told[json.loads(raw)["action"]] = json.loads(raw)["payload"]
    assert told["candidate_stage_change"]["application"]["current_stage"] == {"id": 7105, "name": "Offer"}
    assert told["candidate_stage_change"]["application"]["candidate"]["first_name"] == "悦"
    assert told["offer_created"]["application_id"] == application["id"]
    async with http.get(f"{twin.url}/v3/offers?ids={told['offer_created']['id']}", headers=auth) as answer:
        assert [o["status"] for o in await answer.json()] == ["Created"]
    (effect,) = twin.effects("applications.move")
    assert (effect["email"], effect["to_stage_id"]) == ("lin.yue@example.com", 7105)


async def test_a_referral_is_decided_and_told_with_a_timestamped_signature(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any
) -> None:
    twin = await start("referral", hook_url=f"{fake_hub.url}/hook")
    auth = {"authorization": "Bearer token-1", "idempotency-key": "k1"}
    body = {"candidate": {"id": "c1", "name": "Lin Yue", "email": "lin@example.com"}, "score": 88.5}
    async with http.post(f"{twin.url}/api/referrals", headers=auth, json=body) as answer:
        made = await answer.json()
        assert (answer.status, made["status"]) == (201, "submitted")
    headers, raw = await fake_hub.hooks.get()
    parts = dict(part.split("=", 1) for part in headers["referral-signature"].split(","))
    wanted = hmac.new(b"ref-secret", parts["t"].encode() + b"." + raw, hashlib.sha256).hexdigest()
    assert parts["v1"] == wanted
    event = json.loads(raw)
    assert (event["type"], event["data"]["id"], event["data"]["status"]) == ("referral.updated", made["id"], "accepted")


async def test_a_candidate_is_referred_once_and_the_reward_comes_when_it_is_played(
    start: Any, http: aiohttp.ClientSession, fake_hub: Any
) -> None:
    twin = await start("referral", hook_url=f"{fake_hub.url}/hook")
    body = {"candidate": {"id": "c1", "name": "林悦", "email": "declined@example.com"}}
    headers = {"authorization": "Bearer token-1"}
    async with http.post(f"{twin.url}/api/referrals", headers=headers, json=body) as answer:
        made = await answer.json()
    async with http.post(f"{twin.url}/api/referrals", headers=headers, json=body) as answer:
        assert answer.status == 409
        refused = await answer.json()
        assert (refused["error"], refused["id"]) == ("duplicate", made["id"])
    assert json.loads((await fake_hub.hooks.get())[1])["data"]["status"] == "rejected"
    async with TwinClient(twin.url) as control:
        assert await control.play("reward_falls_due") == 1
    assert json.loads((await fake_hub.hooks.get())[1])["data"]["status"] == "reward_due"
    async with http.get(f"{twin.url}/api/referrals/{made['id']}", headers=headers) as answer:
        assert (await answer.json())["reward"]["amount"] == 3000
    assert len(twin.effects()) == 1


async def test_the_official_library_verifies_what_the_webhook_twin_sends(start: Any, fake_hub: Any) -> None:
    twin = await start("webhook", hook_url=f"{fake_hub.url}/hook")
    async with TwinClient(twin.url) as control:
        id = await control.hook("event", {"type": "candidate.updated", "data": {"name": "林悦"}})
    headers, raw = await fake_hub.hooks.get()
    assert headers["webhook-id"] == id
    event = Webhook(WHSEC).verify(raw, headers)
    assert (event["type"], event["data"]) == ("candidate.updated", {"name": "林悦"})


async def test_without_an_address_nothing_is_sent(start: Any) -> None:
    twin = await start("checkr")
    async with TwinClient(twin.url) as control:
        await control.hook("report.completed", {"report": {"id": "r1"}})
        (line,) = await control.wait("sent", {"kind": "hook.report.completed"})
    assert (line["status"], line["ok"], line["why"]) == (None, False, "no hook address is set")
