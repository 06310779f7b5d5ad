"""Reads are on record before they are answered; the trail is paged, verified and taken away over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler

from hub.adapters.vault.signing import VaultSigner
from hub.app.trail.export import check
from hub.domain.audit import Act, Grade, Outcome
from hub.domain.errors import Unavailable
from hub.web.app import create_app
from tests.support.hubs import TENANT, bench, report
from tests.support.one_app import no_metrics
from tests.web.conftest import Api

# Who may call these sees no personal data of candidates: settings, counts, ids, rules, and what was noted itself.
SHOWS_NOTHING_PERSONAL = {
    "live", "ready", "metrics", "listEvents", "listDeliveries", "listRuns", "getRun", "listReplays", "getReplay",
    "listDeadLetters", "listConnections", "listRules", "getRule", "listRevisions", "diffRevisions", "listObserved",
    "getComparison", "getRuleTable", "listBacktests", "getBacktest", "getRuleSwitch", "getRetention", "getMatrix",
    "listActs", "verifyAudit", "listHeads", "exportAudit", "listMediaParts",
    "getBorder", "getEvidence",
    "partnerGet",  # the vendor whom a report is told is noted where it is told
}  # fmt: skip
# Accounts of those who work here, for who looks after them, and each one's own.
SHOWS_STAFF = {
    "scimGroups", "scimGroup", "scimTypes", "scimConfig", "scimUsers", "scimUser", "listApprovals", "getApproval",
    "listWays", "endElsewhere", "listFactors", "getSession", "listBrokenGlass", "listDirectoryGroups", "getOrganisation",
    "listRequisitions", "getRights", "listServiceAccounts", "getSetup", "listProviders", "listViews",
}  # fmt: skip
# Who asked for what on which candidate's id, and why: for who decides it.
SHOWS_CASES = {"getCandidateRights", "getCertificate", "getErasure", "getHold", "listErasures", "listHolds"}
NOTED_WHERE_DONE = {"exportCandidate"}  # by `hub.app.subjects.export`, with who and what, before the first byte
SHOWS_SENSITIVE = {"playMedia", "linkMedia", "deleteMedia"}


async def acts(api: Api, action: str = "*") -> list[Act]:
    async with api.bench.hub.store.look() as look:
        rows = await look.acts_after(TENANT, 0, 1000)
    return [row.act for row in rows if action in ("*", row.act.action)]


def test_every_route_that_shows_something_is_noted_or_shows_nothing_personal() -> None:
    app = create_app(bench().hub, no_metrics, "0.0.0")
    quiet = {
        handler.operation_id
        for route in app.routes
        for handler in getattr(route, "route_handlers", ())
        if isinstance(handler, HTTPRouteHandler)
        and handler.http_methods & {"GET"}
        and not handler.opt.get("reads")
        and handler.include_in_schema is not False
    }
    named = {name for name in quiet if isinstance(name, str)} - {"openapi"}
    assert named == SHOWS_NOTHING_PERSONAL | SHOWS_STAFF | SHOWS_CASES | NOTED_WHERE_DONE


def test_recordings_are_noted_as_what_they_are() -> None:
    app = create_app(bench().hub, no_metrics, "0.0.0")
    handlers = [one for route in app.routes for one in getattr(route, "route_handlers", ())]
    grades = {one.opt.get("grade") for one in handlers if getattr(one, "operation_id", None) in SHOWS_SENSITIVE}
    assert grades == {Grade.SENSITIVE}


async def test_a_read_of_personal_data_is_on_record_with_who_what_from_where_and_why(api: Api) -> None:
    [event] = await api.bench.accept(report())
    answer = await api.client.get(f"/v1/events/{event}", headers={**api.auth, "x-purpose": "second_round"})
    assert answer.status_code == 200
    [act] = await acts(api, "event.read")
    [token] = [one async for one in _tokens(api)]
    assert (act.actor, act.object, act.outcome, act.grade) == (token, event, Outcome.ALLOWED, Grade.PERSONAL)
    assert (act.origin, act.purpose) == ("api testclient", "second_round")


async def _tokens(api: Api) -> AsyncIterator[str]:
    async with api.bench.hub.store.look() as look:
        for token in await look.tokens(TENANT):
            yield token.id


async def test_whoever_is_refused_is_on_record_too(api: Api) -> None:
    [event] = await api.bench.accept(report())
    _, secret = await api.bench.hub.access.make(TENANT, "metrics", ["metrics:read"], "test")
    answer = await api.client.get(f"/v1/events/{event}", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 403
    [act] = await acts(api, "event.read")
    assert (act.object, act.outcome) == (event, Outcome.REFUSED)


async def test_what_is_no_id_is_not_copied_into_the_record(api: Api) -> None:
    for name in ("ada@example.com", "a%00b", "x" * 300, "%E4%BD%A0"):
        await api.client.get(f"/v1/candidates/{name}/timeline", headers=api.auth)
    assert {act.object for act in await acts(api, "candidate.read")} == {"(no id)"}


async def test_what_cannot_be_noted_is_not_shown(api: Api) -> None:
    [event] = await api.bench.accept(report())

    async def full(_: Sequence[Act]) -> Sequence[None]:
        raise Unavailable("the disk is full", code="store_unavailable")

    api.bench.hub.trail.group.commit = full
    answer = await api.client.get(f"/v1/events/{event}", headers=api.auth)
    assert answer.status_code == 503
    assert "ada@example.com" not in answer.text


async def test_accepting_events_notes_nothing(api: Api) -> None:
    before = len(await acts(api))
    await api.bench.accept(report())
    assert len(await acts(api)) == before


async def test_acts_are_paged_and_filtered(api: Api) -> None:
    for number in range(5):
        await api.client.get(f"/v1/events/evt_{number:032x}", headers=api.auth)

    async def page(**query: Any) -> tuple[list[int], str | None]:
        answer = await api.client.get("/v1/audit", params=query, headers=api.auth)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return [one["seq"] for one in body["items"]], body["next_cursor"]

    everything, more = await page()
    assert everything == [*range(len(everything), 0, -1)]
    assert more is None
    first, cursor = await page(limit=3)
    second, _ = await page(limit=3, cursor=cursor)
    assert [*first, *second] == everything[:6]
    assert len((await page(action="event.*"))[0]) == len((await page(grade=3))[0]) == 5
    assert len((await page(object=f"evt_{2:032x}"))[0]) == 1
    assert (await page(outcome="refused"))[0] == []
    assert (await page(until="2020-01-01T00:00:00Z"))[0] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"cursor": "evt_1"}, 400, "bad_cursor"),
        ({"outcome": "no"}, 422, "enum"),
        ({"since": "2026-01-01T00:00:00"}, 422, "bad_time"),
        ({"object": "a\x00b"}, 422, "unfit_text"),
        ({"grade": "9"}, 400, "malformed"),
    ],
)
async def test_bad_questions_are_refused(api: Api, query: dict[str, str], status: int, code: str) -> None:
    answer = await api.client.get("/v1/audit", params=query, headers=api.auth)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_trail_is_verified_over_http(api: Api) -> None:
    await api.bench.hub.trail.sign_ends(now=True)
    body = (await api.client.get("/v1/audit/verification", headers=api.auth)).json()
    assert (body["holds"], body["heads"], body["fault"]) == (True, 1, None)
    [head] = (await api.client.get("/v1/audit/heads", headers=api.auth)).json()
    assert head["seq"] == body["last"]
    async with api.bench.hub.store.work() as work:
        await work.prune_acts(TENANT, 1)
    body = (await api.client.get("/v1/audit/verification", headers=api.auth)).json()
    assert (body["holds"], body["fault"]["code"]) == (False, "floor")


@asynccontextmanager
async def exported(api: Api) -> AsyncIterator[tuple[dict[str, Any], list[bytes]]]:
    api.bench.clock.advance(60)
    answer = await api.client.get("/v1/audit/export", headers=api.auth)
    assert answer.status_code == 200
    *lines, last = answer.content.splitlines(keepends=True)
    yield json.loads(last)["manifest"], lines


async def test_an_export_holds_and_any_change_to_it_is_found(api: Api) -> None:
    hub = api.bench.hub
    signer = VaultSigner(hub.store, hub.vault, hub.clock)
    async with exported(api) as (manifest, lines):
        assert len(lines) == manifest["acts"] > 2
        assert check(manifest, lines, signer) is None
        public = bytes.fromhex(manifest["public"])
        assert check(manifest, lines, signer, public) is None
        other = check(manifest, lines, signer, b"x" * 32)
        assert other is not None
        assert other.code == "signature"
        edited = [*lines[:1], lines[1].replace(b'"test"', b'"somebody"'), *lines[2:]]
        shorter = {**manifest, "last": manifest["last"] - 1, "acts": manifest["acts"] - 1}
        for changed, told, code in (
            (edited, manifest, "changed"),
            ([*lines[:1], *lines[2:]], manifest, "missing"),
            (lines[:-1], manifest, "missing"),
            (lines[:-1], shorter, "signature"),
        ):
            fault = check(told, changed, signer)
            assert fault is not None, code
            assert fault.code == code
    assert [act.object for act in await acts(api, "audit.export")] == ["audit"]


async def test_an_export_of_an_empty_span_is_not_found(api: Api) -> None:
    answer = await api.client.get("/v1/audit/export", params={"until": "2020-01-01T00:00:00Z"}, headers=api.auth)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_acts")
