"""The matrix over HTTP, cell by cell; what no role lifts; what two people must agree on; what others see of one another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.app.access import SCOPES
from hub.app.incoming import Incoming
from hub.app.people.approvals import Wanted
from hub.app.people.first_run import Founder
from hub.app.people.people import PeoplePolicy
from hub.app.people.sealing import Profile
from hub.domain.errors import Conflict, Invalid
from hub.domain.ids import TenantId
from hub.domain.permissions import ACTIONS, Role
from tests.support.hubs import TENANT, Bench, bench, report
from tests.support.visitors import Visitor, employ, seated
from tests.web.company import Company, expected

PURPOSE = "hiring_decision"


async def test_every_cell_for_people_by_http(company: Company) -> None:
    """57 actions x 9 roles, each with and without assignment, purpose, step-up."""
    cells = 0
    for fresh in (True, False):
        for role, person in company.staff.items():
            matrix = {
                row["action"]: row["cells"][role]
                for row in (await person.json("GET", "/v1/permissions/matrix"))["actions"]
            }
            assert set(matrix) == set(ACTIONS)
            for action, letters in matrix.items():
                if action.startswith("self."):
                    continue
                cells += fresh
                for candidate, purpose in (("cand_1", PURPOSE), ("cand_2", PURPOSE), ("cand_1", None)):
                    if (not fresh and "s" not in letters) or (purpose is None and "p" not in letters):
                        continue
                    if candidate == "cand_2" and "a" not in letters:
                        continue
                    body = {"action": action, "candidate": candidate} | ({"purpose": purpose} if purpose else {})
                    told = await person.json("POST", "/v1/permissions/check", body)
                    wanted = expected(
                        letters, action, assigned=candidate == "cand_1", purpose=purpose is not None, fresh=fresh
                    )
                    assert told["reason"] == wanted, (role, action, letters, body, fresh)
                    assert told["allow"] == (wanted == "granted")
                    if told["allow"]:
                        assert told["show"] == (2 if "m" in letters else 4)
                        assert told["outcome_only"] == ("o" in letters)
            company.bench.clock.advance(1)
        company.bench.clock.advance(301)
    assert cells == 9 * (len(ACTIONS) - 2)


async def test_only_an_hr_manager_on_the_requisition_watches_and_only_with_purpose_and_step_up(
    company: Company,
) -> None:
    """Written by hand: the one cell that everything hangs on."""
    asked = {"action": "video.play", "candidate": "cand_1", "purpose": PURPOSE}
    may = [
        role for role, one in company.staff.items() if (await one.json("POST", "/v1/permissions/check", asked))["allow"]
    ]
    assert may == [Role.HR_MANAGER]
    manager = company.staff[Role.HR_MANAGER]
    for less in (
        {**asked, "candidate": "cand_2"},
        {"action": "video.play", "purpose": PURPOSE},
        {**asked, "purpose": None},
    ):
        body = {name: value for name, value in less.items() if value}
        assert not (await manager.json("POST", "/v1/permissions/check", body))["allow"]
    people = company.bench.hub.people
    await people.roster.set_clearance(await people.roster.get(TENANT, manager.person), 3, "test")
    await manager.sit()
    assert (await manager.json("POST", "/v1/permissions/check", asked))["reason"] == "above_clearance"


async def test_personal_values_are_hidden_from_who_may_only_see_that_they_are_there(company: Company) -> None:
    [first, _] = (await company.staff[Role.HR_ADMIN].json("GET", "/v1/events"))["items"][::-1]
    path = f"/v1/events/{first['id']}"
    seen = {role: await one.call("GET", path) for role, one in company.staff.items()}
    for role in (Role.HR_ADMIN, Role.HR_MANAGER):
        assert seen[role].json()["data"]["candidate"]["email"] == "ada@example.com"
    for role in (Role.INTEGRATOR, Role.OPS, Role.RECRUITER):
        text = seen[role].text
        assert seen[role].status_code == 200
        assert "ada@example.com" not in text
        assert "Ada" not in text
        assert "Clear and concrete" not in text
        assert seen[role].json()["data"]["job"]["title"] == "Risk analyst"
    for role in (Role.INTERVIEWER, Role.AUDITOR, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN):
        assert seen[role].status_code == 403


async def test_what_was_said_to_vendors_is_hidden_like_the_event(company: Company) -> None:
    company.bench.vendor.answers(201, b'{"id":"ref_9","status":"submitted"}')
    await company.bench.deliver()
    talks = {}
    for role in (Role.HR_ADMIN, Role.INTEGRATOR, Role.OPS, Role.RECRUITER):
        one = await company.staff[role].json("GET", "/v1/deliveries/dlv_1")
        talks[role] = one["tries"][0]["talk"]
    assert talks[Role.HR_ADMIN]
    assert talks[Role.INTEGRATOR] == talks[Role.OPS] == talks[Role.RECRUITER] == []


async def test_a_recruiter_reads_lists_only_of_a_candidate_that_is_assigned(company: Company) -> None:
    recruiter = company.staff[Role.RECRUITER]
    assert (await recruiter.call("GET", "/v1/events")).json()["code"] == "not_assigned"
    assert len((await recruiter.json("GET", "/v1/events?subject=cand_1"))["items"]) == 1
    for path in (
        "/v1/events?subject=cand_2",
        "/v1/candidates/cand_2/timeline",
        "/v1/runs?candidate=cand_2",
        "/v1/events?subject=",
    ):
        assert (await recruiter.call("GET", path)).json()["code"] == "not_assigned", path
    # a name that the handler does not filter by, or one said twice, opens nothing
    assert (await recruiter.call("GET", "/v1/deliveries?subject=cand_1")).json()["code"] == "not_assigned"
    assert (await recruiter.call("GET", "/v1/events?candidate=cand_1")).json()["code"] == "not_assigned"
    twice = await recruiter.call("GET", "/v1/events?subject=cand_1&subject=cand_2")
    assert twice.json()["code"] == "said_twice"


async def test_a_role_in_one_region_ends_at_its_border(company: Company) -> None:
    people = company.bench.hub.people
    group = await people.organisation.add(TENANT, "group", "集团", "test")
    south = await people.organisation.add(TENANT, "region", "华南", "test", parent=group.id)
    north = await people.organisation.add(TENANT, "region", "华北", "test", parent=group.id)
    await people.organisation.assign(TENANT, "job_1", "test", path=south.path)
    await people.organisation.assign(TENANT, "job_2", "test", path=north.path)
    local = await seated(company.client, company.bench, "south", Role.HR_ADMIN, path=south.path)
    for candidate, reason in (("cand_1", "granted"), ("cand_2", "outside_node")):
        told = await local.json("POST", "/v1/permissions/check", {"action": "report.read", "candidate": candidate})
        assert told["reason"] == reason
    whole = await seated(company.client, company.bench, "group", Role.HR_ADMIN, path=group.path)
    told = await whole.json("POST", "/v1/permissions/check", {"action": "report.read", "candidate": "cand_2"})
    assert told["allow"]
    assert (await local.call("GET", "/v1/events")).json()["code"] == "outside_node"


async def test_a_person_puts_a_rule_in_force_only_when_a_second_one_approved_it(company: Company) -> None:
    author = company.staff[Role.INTEGRATOR]
    admin = company.staff[Role.HR_ADMIN]
    rule = (await admin.json("GET", "/v1/rules/high score"))["rule"]
    rule["when"]["value"] = 90
    await author.json("PUT", "/v1/rules/high score/draft", {"rule": rule})
    refused = await admin.call("POST", "/v1/rules/high score/state", {"state": "live", "revision": 2})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_approved")
    await author.json("POST", "/v1/rules/high score/submit", {})
    assert (await author.call("POST", "/v1/rules/high score/approve", {"revision": 2})).status_code == 403
    await admin.json("POST", "/v1/rules/high score/approve", {"revision": 2})
    await admin.json("POST", "/v1/rules/high score/state", {"state": "live", "revision": 2})


async def test_four_eyes_are_bound_to_the_letter(company: Company) -> None:
    admin, security = company.staff[Role.HR_ADMIN], company.staff[Role.SECURITY_ADMIN]
    watcher = company.staff[Role.HR_MANAGER].person
    body = {"person": watcher, "candidate": "cand_2", "reason": "complaint of the candidate"}
    ask = {"action": "break_glass.open", "method": "post", "path": "/v1/break-glass", "body": body, "reason": "urgent"}
    alone = await admin.call("POST", "/v1/break-glass", body)
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    assert (await security.call("POST", "/v1/break-glass", body)).json()["code"] == "approves_only"
    assert (await company.staff[Role.RECRUITER].call("POST", "/v1/approvals", ask)).json()["code"] == "no_role"
    asked = await admin.json("POST", "/v1/approvals", ask, 201)
    decision = {"approve": True, "digest": asked["digest"]}
    path = f"/v1/approvals/{asked['id']}"
    assert (await admin.call("POST", f"{path}/decision", decision)).json()["code"] == "own_request"
    assert (await company.staff[Role.RECRUITER].call("GET", path)).status_code == 404
    assert (await admin.call("POST", "/v1/break-glass", body, x_approval=asked["id"])).json()["code"] == "not_approved"
    read = await security.json("GET", path)
    assert (read["wanted"]["body"], read["reason"]) == (body, "urgent")
    other = await security.call("POST", f"{path}/decision", {**decision, "digest": "0" * 64})
    assert other.json()["code"] == "other_request"
    await security.json("POST", f"{path}/decision", decision)
    for changed in ({**body, "candidate": "cand_1"}, {**body, "person": admin.person}, {**body, "more": 1}):
        refused = await admin.call("POST", "/v1/break-glass", changed, x_approval=asked["id"])
        assert refused.json()["code"] == "not_approved", changed
    refused = await admin.call("POST", "/v1/break-glass?x=1", body, x_approval=asked["id"])
    assert refused.json()["code"] == "not_approved"
    opened = await admin.json("POST", "/v1/break-glass", body, 201, x_approval=asked["id"])
    assert opened["candidates"] == ["cand_2"]
    again = await admin.call("POST", "/v1/break-glass", body, x_approval=asked["id"])
    assert again.json()["code"] == "not_approved"
    assert "break_glass.opened" in [name for name, _ in company.bench.meter.notes]
    assert len(await admin.json("GET", "/v1/break-glass")) == 1
    manager = company.staff[Role.HR_MANAGER]
    await manager.sit()
    asks = {"action": "video.play", "candidate": "cand_2", "purpose": PURPOSE}
    assert (await manager.json("POST", "/v1/permissions/check", asks))["allow"]
    company.bench.clock.advance(30 * 60)
    await manager.sit()
    assert (await manager.json("POST", "/v1/permissions/check", asks))["reason"] == "not_assigned"


async def test_an_approval_is_over_after_a_day_and_not_for_who_made_the_proposer(company: Company) -> None:
    approvals, rights = company.bench.hub.people.approvals, company.bench.hub.people.rights
    security = company.staff[Role.SECURITY_ADMIN]
    person = await employ(company.bench, "new.admin")
    granted = await security.call("POST", f"/v1/people/{person.id}/grants", {"role": "hr_admin"})
    assert granted.status_code == 201
    grants = tuple(await rights.grants(TENANT, person.id))
    from hub.app.people.rights import subject_of

    fresh = subject_of(person, grants, second_factor=True)
    wanted = Wanted("bulk.export", "POST", "/v1/exports", {}, {})
    asked = await approvals.ask(fresh, wanted, "quarter")
    lately = await security.call(
        "POST", f"/v1/approvals/{asked.id}/decision", {"approve": True, "digest": asked.digest.hex()}
    )
    assert lately.status_code == 404  # security administrators do not approve exports at all
    hold = await approvals.ask(fresh, Wanted("break_glass.open", "POST", "/v1/break-glass", {}, {}), "court")
    decide = {"approve": True, "digest": hold.digest.hex()}
    lately = await security.call("POST", f"/v1/approvals/{hold.id}/decision", decide)
    assert lately.json()["code"] == "granted_lately"
    company.bench.clock.advance(24 * 3600 + 1)
    await security.sit()
    late = await security.call("POST", f"/v1/approvals/{hold.id}/decision", decide)
    assert late.json()["code"] == "request_over"


async def test_nobody_grants_to_himself_and_hr_grants_business_roles_only(company: Company) -> None:
    security, admin = company.staff[Role.SECURITY_ADMIN], company.staff[Role.HR_ADMIN]
    system = company.staff[Role.SYSTEM_ADMIN]
    new = await employ(company.bench, "new")
    path = f"/v1/people/{new.id}/grants"
    own = await security.call("POST", f"/v1/people/{security.person}/grants", {"role": "hr_manager"})
    assert own.json()["code"] == "own_rights"
    assert (await admin.call("POST", path, {"role": "security_admin"})).json()["code"] == "no_role"
    assert (await system.call("POST", path, {"role": "recruiter"})).json()["code"] == "no_role"
    assert (await admin.call("POST", path, {"role": "recruiter"})).status_code == 201
    assert (await admin.call("POST", path, {"role": "recruiter"})).json()["code"] == "granted_already"
    assert (await security.call("POST", path, {"role": "client_system"})).json()["code"] == "role_for_programs"
    told = await security.json("GET", f"/v1/people/{new.id}/rights")
    assert [one["role"] for one in told["grants"]] == ["recruiter"]
    assert {one["action"] for one in told["rights"]} >= {"report.read", "candidate.read"}
    [grant] = told["grants"]
    other = f"/v1/people/{admin.person}/grants/{grant['id']}"
    assert (await admin.call("DELETE", other)).status_code == 404
    assert (await admin.call("DELETE", f"{path}/{grant['id']}")).status_code == 204


async def test_what_another_tenant_has_is_not_there(company: Company) -> None:
    """Every route that names something, with the ids of another tenant, as who may do everything here."""
    b, two = company.bench, TenantId(2)
    await b.hub.vault.prepare(two)
    theirs = await employ(b, "theirs", Role.HR_ADMIN, tenant=two)
    place = await b.hub.people.organisation.add(two, "group", "他社", "test")
    await b.hub.people.organisation.assign(two, "job_x", "test", members=[theirs.id])
    account, _ = await b.hub.people.programs.add(two, "theirs", ["events:read"], "test")
    [receipt] = await b.hub.ingest(two, [report(key="theirs", candidate="cand_theirs")])
    _, token = await b.hub.access.make(TENANT, "ours", SCOPES, "test")
    program = {"authorization": f"Bearer {token}"}
    system, security, admin = (company.staff[r] for r in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.HR_ADMIN))
    hidden = [
        (system, "GET", f"/v1/people/{theirs.id}", None),
        (system, "PATCH", f"/v1/people/{theirs.id}", {"enabled": False}),
        (system, "POST", f"/v1/people/{theirs.id}/invitation", None),
        (security, "GET", f"/v1/people/{theirs.id}/rights", None),
        (security, "POST", f"/v1/people/{theirs.id}/grants", {"role": "ops"}),
        (security, "POST", f"/v1/people/{theirs.id}/clearance", {"clearance": 4}),
        (admin, "PATCH", f"/v1/organisation/{place.id}", {"name": "x"}),
        (admin, "DELETE", f"/v1/organisation/{place.id}", None),
        (admin, "PUT", "/v1/organisation/requisitions/job_y", {"members": [theirs.id]}),
        (admin, "PUT", "/v1/organisation/requisitions/job_y", {"members": [], "path": place.path}),
        (security, "POST", f"/v1/service-accounts/{account.id}/secret", None),
        (security, "DELETE", f"/v1/service-accounts/{account.id}", None),
        (admin, "GET", f"/v1/events/{receipt.id}", None),
        (admin, "GET", f"/v1/events/{receipt.id}/why", None),
        (admin, "GET", "/v1/candidates/cand_theirs/timeline", None),
    ]
    for person, method, path, body in hidden:
        answer = await person.call(method, path, body)
        assert answer.status_code == 404, (method, path, answer.text)
    for path in (f"/v1/events/{receipt.id}", "/v1/candidates/cand_theirs/timeline", f"/v1/people/{theirs.id}"):
        assert (await company.client.get(path, headers=program)).status_code == 404, path
    lists = (
        "/v1/people",
        "/v1/organisation",
        "/v1/organisation/requisitions",
        "/v1/events",
        "/v1/approvals",
        "/v1/service-accounts",
    )
    marks = (theirs.id, place.id, "他社", "job_x", receipt.id, account.id, "theirs")
    for path in lists:
        for person in (system, security, admin):
            answer = await person.call("GET", path)
            assert not any(mark in answer.text for mark in marks), path


async def _recorded(b: Bench, candidate: str) -> str:
    async def data() -> AsyncIterator[bytes]:
        yield b"a recording of " + candidate.encode()

    media = b.hub.media
    id_ = await media.begin(TENANT, candidate, "video/webm")
    await media.put_part(TENANT, id_, 1, data())
    await media.complete(TENANT, id_, 1)
    return id_


async def test_a_recording_plays_for_the_one_session_that_may_and_said_what_for(company: Company) -> None:
    mine, other = await _recorded(company.bench, "cand_1"), await _recorded(company.bench, "cand_2")
    manager = company.staff[Role.HR_MANAGER]
    for role, person in company.staff.items():
        answer = await person.call("POST", f"/v1/media/{mine}/links", x_purpose=PURPOSE)
        assert (answer.status_code == 201) == (role is Role.HR_MANAGER), role
    assert (await manager.call("POST", f"/v1/media/{mine}/links")).json()["code"] == "purpose_needed"
    refused = await manager.call("POST", f"/v1/media/{other}/links", x_purpose=PURPOSE)
    assert refused.json()["code"] == "not_assigned"
    link = (await manager.json("POST", f"/v1/media/{mine}/links", None, 201, x_purpose=PURPOSE))["url"]
    assert (await manager.call("GET", link)).content == b"a recording of cand_1"
    again = Visitor(company.client, company.bench, person=manager.person)
    await again.sit()
    assert (await again.call("GET", link)).json()["code"] == "bad_link"
    company.bench.clock.advance(61)
    assert (await manager.call("GET", link)).json()["code"] == "bad_link"
    company.bench.clock.advance(300)
    stale = await manager.call("POST", f"/v1/media/{mine}/links", x_purpose=PURPOSE)
    assert stale.json()["code"] == "step_up_needed"


async def test_a_candidate_s_file_is_cut_to_its_reader_part_by_part(company: Company) -> None:
    checked = Incoming(
        type="background_check.completed", version=1, source="/bgc", key="bgc-1", subject="cand_1",
        data={
            "candidate": {"id": "cand_1"}, "job": {"id": "job_1"},
            "background_check": {"id": "bgc_1", "status": "completed", "result": "consider"},
        },
    )  # fmt: skip
    [event] = await company.bench.accept(checked)
    base = "/v1/candidates/cand_1"

    async def seen(role: Role, part: str) -> Any:
        answer = await company.staff[role].call("GET", f"{base}/{part}")
        return answer.json()["data"] if answer.status_code == 200 else answer.json()["code"]

    assert (await seen(Role.HR_MANAGER, "profile"))["email"] == "ada@example.com"
    assert (await seen(Role.INTEGRATOR, "profile"))["email"] == "***"
    assert (await seen(Role.INTERVIEWER, "profile"))["email"] == "***"
    assert await seen(Role.OPS, "profile") == "no_role"
    whole, score = await seen(Role.HR_MANAGER, "report"), await seen(Role.RECRUITER, "report")
    assert "summary" in whole
    assert score == {"id": "rep_report-1", "overall": {"score": 91, "max": 100}}
    assert (await seen(Role.HR_ADMIN, "background-check"))["result"] == "consider"
    assert await seen(Role.RECRUITER, "background-check") == "no_role"
    assert await seen(Role.RECRUITER, "background-check/status") == {"id": "bgc_1", "status": "completed"}
    path = f"/v1/events/{event}"
    manager = company.staff[Role.HR_MANAGER]
    assert (await manager.json("GET", path))["data"]["background_check"]["result"] == "consider"
    company.bench.clock.advance(301)
    assert await seen(Role.HR_MANAGER, "background-check") == "step_up_needed"
    assert (await manager.json("GET", path))["data"]["background_check"]["result"] == "***"
    assert await seen(Role.HR_MANAGER, "resume") == "not_found"


async def test_three_administrators_are_three_people(company: Company) -> None:
    """三权分立: at set-up, at every grant, and in the table itself."""
    b = bench(people=PeoplePolicy(site="https://hub.example", apart=True))
    await b.hub.vault.prepare(TENANT)
    people = b.hub.people
    three = [(Role.SYSTEM_ADMIN,), (Role.SECURITY_ADMIN,), (Role.AUDITOR,)]

    def founders(*roles: tuple[Role, ...]) -> list[Founder]:
        return [Founder(Profile(f"p{n}", f"P {n}"), one) for n, one in enumerate(roles)]

    for wrong in ([(Role.SECURITY_ADMIN, Role.AUDITOR)], three[:2], [*three, (Role.HR_ADMIN,)]):
        with pytest.raises(Invalid) as caught:
            await people.first_run(await people.first_run.ticket(TENANT), founders(*wrong))
        assert caught.value.code == "powers_apart"
    made = await people.first_run(await people.first_run.ticket(TENANT), founders(*three))
    for (person, _), other in zip(made, (Role.AUDITOR, Role.HR_ADMIN, Role.SYSTEM_ADMIN), strict=True):
        with pytest.raises(Conflict) as refused:
            await people.rights.grant(TENANT, person.id, other, "somebody")
        assert refused.value.code == "powers_apart"
