"""Evidence over HTTP: for the audit and security administrators, of their own tenant."""

from __future__ import annotations

from datetime import timedelta

from hub.domain.permissions import Role
from tests.support.visitors import seated
from tests.web.conftest import Api


async def test_an_auditor_reads_it_and_a_recruiter_does_not(api: Api) -> None:
    auditor = await seated(api.client, api.bench, "aud", Role.AUDITOR)
    [report] = await auditor.json("GET", "/v1/evidence/?standard=djcp&lang=zh")
    assert report["controls"][0]["standing"] == "unmet"
    assert "不是认证" in report["note"]
    assert {one["standard"] for one in await auditor.json("GET", "/v1/evidence/")} == {"djcp", "asvs", "iso27001"}
    recruiter = await seated(api.client, api.bench, "rec", Role.RECRUITER)
    assert (await recruiter.call("GET", "/v1/evidence/")).status_code == 403


async def test_accounts_count_as_they_are(api: Api) -> None:
    auditor = await seated(api.client, api.bench, "aud", Role.AUDITOR)

    async def standing(id: str) -> tuple[str, str]:
        [report] = await auditor.json("GET", "/v1/evidence/?standard=djcp")
        [found] = [one for one in report["controls"] if one["id"] == id]
        return found["standing"], found["why"] or ""

    stale, _ = await standing("L3-CES1-07")
    assert stale == "met"
    auditor.bench.clock.advance(timedelta(days=91).total_seconds())
    fresh = await seated(api.client, api.bench, "new", Role.AUDITOR)
    [report] = await fresh.json("GET", "/v1/evidence/?standard=djcp")
    [found] = [one for one in report["controls"] if one["id"] == "L3-CES1-07"]
    assert (found["standing"], "accounts unused for 90 days = 1" in found["why"]) == ("unmet", True)


async def test_a_question_that_is_none_is_refused(api: Api) -> None:
    assert (await api.client.get("/v1/evidence/?standard=x", headers=api.auth)).status_code == 422
    assert (await api.client.get("/v1/evidence/?lang=fr", headers=api.auth)).status_code == 422
    assert (await api.client.get("/v1/evidence/?standard=asvs", headers=api.auth)).status_code == 200
