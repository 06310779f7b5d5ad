"""Access, erasure and legal hold over HTTP: who may, in which order, and what is said."""

from __future__ import annotations

import io
import json
import zipfile

from hub.domain.permissions import Role
from hub.domain.subjects import SETTLED
from tests.support.hubs import report
from tests.support.visitors import seated
from tests.web.conftest import Api


async def test_asked_approved_by_two_carried_out_and_certified(api: Api) -> None:
    b, client = api.bench, api.client
    await b.hub.keys.set_apart()
    while await b.hub.keys.advance():
        pass

    b.vendor.answers(201, b'{"id": "ref_1"}')
    await b.accept(report())
    await b.deliver()
    hr = await seated(client, b, "hr", Role.HR_ADMIN)
    first = await seated(client, b, "first", Role.SECURITY_ADMIN)
    second = await seated(client, b, "second", Role.SECURITY_ADMIN)
    assert (await hr.call("GET", "/v1/candidates/cand_none/rights")).json()["held"] is False
    held = await hr.json("POST", "/v1/candidates/cand_1/legal-hold", {"reason": "a court"}, 201)
    assert (await hr.call("POST", "/v1/candidates/cand_1/erasure", {"reason": "asks"})).json()["code"] == "legal_hold"
    assert (await hr.json("GET", "/v1/candidates/cand_1/timeline"))["legal_hold"] is True
    assert (await hr.call("POST", f"/v1/legal-holds/{held['id']}/decision", {"approve": True})).status_code == 403
    assert (await first.json("POST", f"/v1/legal-holds/{held['id']}/decision", {"approve": True}))[
        "state"
    ] == "in_force"
    assert (await first.call("POST", f"/v1/legal-holds/{held['id']}/lift", {"reason": "over"})).status_code == 403
    lifting = await hr.json("POST", f"/v1/legal-holds/{held['id']}/lift", {"reason": "over"})
    assert (lifting["state"], lifting["holds"]) == ("lift_asked", True)
    assert (await second.json("GET", f"/v1/legal-holds/{held['id']}"))["lift_reason"] == "over"
    assert (await second.json("POST", f"/v1/legal-holds/{held['id']}/decision", {"approve": True}))["holds"] is False
    assert [one["id"] for one in (await hr.json("GET", "/v1/legal-holds"))["items"]] == [held["id"]]

    asked = await client.post("/v1/candidates/cand_1/erasure", json={"reason": "asks"}, headers=api.auth)
    assert asked.status_code == 201  # a program with the scope may ask
    id_ = asked.json()["id"]
    wanted = {"approve": True, "digest": asked.json()["digest"]}
    assert (await hr.call("POST", f"/v1/erasures/{id_}/decision", wanted)).status_code == 403
    by_token = await client.post(f"/v1/erasures/{id_}/decision", json=wanted, headers=api.auth)
    assert by_token.status_code == 403
    assert (await first.json("POST", f"/v1/erasures/{id_}/decision", wanted))["state"] == "asked"
    again = await first.call("POST", f"/v1/erasures/{id_}/decision", wanted)
    assert (again.status_code, again.json()["code"]) == (403, "approved_already")
    assert (await hr.call("GET", f"/v1/erasures/{id_}/certificate")).json()["code"] == "not_erased"
    assert (await second.json("POST", f"/v1/erasures/{id_}/decision", wanted))["state"] == "stopping"
    await b.hub.carry_out()
    b.clock.advance(SETTLED.total_seconds())
    await b.hub.carry_out()
    shown = await hr.json("GET", f"/v1/erasures/{id_}")
    assert (shown["state"], shown["keys"], shown["reason"]) == ("telling", 1, "asks")
    [notice] = shown["notices"]
    assert set(notice["instruction"]) == {"en", "zh-CN"}
    path = f"/v1/erasures/{id_}/notices/{notice['id']}/acknowledgement"
    assert (await first.call("POST", path, {})).status_code == 403
    assert (await hr.json("POST", path, {"reference": "mail 7"}))["state"] == "acknowledged"
    assert (await hr.call("POST", path, {})).json()["code"] == "acknowledged_already"
    await b.hub.carry_out()
    certificate = await hr.json("GET", f"/v1/erasures/{id_}/certificate")
    assert certificate["all_acknowledged"] is True
    assert (await hr.json("GET", "/v1/candidates/cand_1/rights"))["erased"] is True
    late = {
        "specversion": "1.0",
        "id": "late",
        "source": "/ai",
        "type": "interview.report.completed",
        "subject": "cand_1",
    }
    headers = {**api.auth, "content-type": "application/cloudevents+json"}
    refused = await client.post("/v1/events", content=json.dumps({**late, "data": report().data}), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "candidate_erased")


async def test_the_archive_is_for_hr_administrators_with_a_recent_second_factor(api: Api) -> None:

    await api.bench.accept(report())
    hr = await seated(api.client, api.bench, "hr", Role.HR_ADMIN)
    security = await seated(api.client, api.bench, "sec", Role.SECURITY_ADMIN)
    path = "/v1/candidates/cand_1/export"
    assert (await security.call("GET", path)).status_code == 403
    assert (await api.client.get(path, headers=api.auth)).status_code == 403
    answer = await hr.call("GET", path)
    if answer.status_code == 403:
        assert answer.json()["code"] == "step_up_needed"
        await hr.json("POST", "/v1/auth/step-up", {"code": hr.code()})
        answer = await hr.call("GET", path)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert json.loads(archive.read("data.json"))["candidate"] == "cand_1"
    nobody = await hr.call("GET", "/v1/candidates/cand_nobody/export")
    assert nobody.status_code == 404
