"""Consents by HTTP."""

from __future__ import annotations

from tests.app.conftest import CHECKS, ORDER_CHECK
from tests.support.hubs import TENANT, report
from tests.web.conftest import Api

AT = "/v1/candidates/cand_1/consents"
BODY = {
    "purpose": "recording",
    "text_version": "3",
    "locale": "en",
    "evidence": "rec 7",
    "at": "2026-03-01T10:00:00+08:00",
}


async def test_record_read_and_take_back(api: Api) -> None:
    assert (await api.client.get(AT, headers=api.auth)).json() == {"items": []}
    recorded = await api.client.post(AT, json=BODY, headers=api.auth)
    again = await api.client.post(AT, json=BODY, headers=api.auth)
    assert (recorded.status_code, again.json()) == (201, recorded.json())
    [one] = (await api.client.get(AT, headers=api.auth)).json()["items"]
    assert one == {
        "id": recorded.json()["id"],
        "purpose": "recording",
        "given": True,
        "at": "2026-03-01T02:00:00Z",
        "recorded_at": "2026-03-02T09:00:00Z",
        "text_version": "3",
        "locale": "en",
        "evidence": "rec 7",
        "expires_at": None,
        "in_force": True,
        "source": one["source"],
    }
    taken = await api.client.post(f"{AT}/withdraw", json={"purpose": "recording"}, headers=api.auth)
    assert taken.status_code == 201
    items = (await api.client.get(AT, headers=api.auth)).json()["items"]
    assert [(item["given"], item["in_force"]) for item in items] == [(True, False), (False, False)]


async def test_what_is_wrong_is_said_and_not_echoed(api: Api) -> None:
    for body, code, at in (
        ({}, "missing", "purpose"),
        ({"purpose": "dancing"}, "enum", "purpose"),
        ({"purpose": 7}, "type", "purpose"),
        ({**BODY, "at": "yesterday"}, "format", "at"),
        ({**BODY, "at": "2026-03-01T10:00:00"}, "format", "at"),
        ({**BODY, "at": "2099-03-01T10:00:00Z"}, "range", "at"),
        ({**BODY, "at": "0001-01-01T00:00:00+08:00"}, "range", "at"),
        ({**BODY, "expires_at": "9999-12-31T23:59:59-08:00"}, "range", "expires_at"),
        ({**BODY, "evidence": "secret\nperson"}, "format", "evidence"),
        ({**BODY, "name": "Ada"}, "unknown_field", None),
    ):
        answer = await api.client.post(AT, json=body, headers=api.auth)
        assert answer.status_code == 422, body
        problem = answer.json()
        assert (problem["code"], problem.get("at")) == (code, at)
        assert "secret" not in answer.text


async def test_each_way_needs_its_scope(api: Api) -> None:
    _, reader = await api.bench.hub.access.make(TENANT, "r", ["consents:read"], "test")
    _, writer = await api.bench.hub.access.make(TENANT, "w", ["consents:write"], "test")
    for token, read, write in ((reader, 200, 403), (writer, 403, 201)):
        auth = {"authorization": f"Bearer {token}"}
        assert (await api.client.get(AT, headers=auth)).status_code == read
        assert (await api.client.post(AT, json=BODY, headers=auth)).status_code == write
        assert (await api.client.post(f"{AT}/withdraw", json=BODY, headers=auth)).status_code == write


async def test_a_held_delivery_says_which_consent_it_waits_for(api: Api) -> None:
    await api.bench.configure({"connections": {"checks": CHECKS}, "rules": {"check": ORDER_CHECK}})
    await api.bench.accept(report(consents=(), score=1))
    await api.bench.deliver()
    [one] = (await api.client.get("/v1/deliveries?state=held", headers=api.auth)).json()["items"]
    shown = (await api.client.get(f"/v1/deliveries/{one['id']}", headers=api.auth)).json()
    assert one["error"] == shown["error"] == shown["tries"][0]["error"] == "needs_consent:background_check"
    given = await api.client.post(AT, json={"purpose": "background_check"}, headers=api.auth)
    assert given.status_code == 201
    assert (await api.client.get("/v1/deliveries?state=held", headers=api.auth)).json()["items"] == []
