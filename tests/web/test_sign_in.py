"""Signing in by HTTP: passwords, codes, authenticators, recovery, step-up, lockout, time-outs, forged requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from litestar.testing import AsyncTestClient

from hub.app.people.throttles import NETWORK_TRIES
from hub.domain import rfc6238
from hub.domain.permissions import Role
from hub.ports.accounts import Session, Ticket
from tests.support.authenticator import SoftAuthenticator
from tests.support.hubs import TENANT, Bench, bench
from tests.support.one_app import app_over
from tests.support.visitors import PASSWORD, Visitor, employ, visitor


@pytest.fixture
async def site() -> AsyncIterator[Visitor]:
    """A stranger in front of an empty hub."""
    b = bench()
    await b.hub.vault.prepare(TENANT)
    async with AsyncTestClient(app_over(b.hub)) as client:
        yield Visitor(client, b)


def another(site: Visitor) -> Visitor:
    return Visitor(site.client, site.bench)


async def sessions(b: Bench) -> list[Session]:
    async with b.hub.store.look() as look:
        return await look.records(Session, TENANT)


async def test_the_first_people_are_made_with_the_ticket_of_the_command_line(site: Visitor) -> None:
    assert (await site.json("GET", "/v1/setup")) == {"needed": True, "separation": False}
    ada = {
        "login": "ada",
        "name": "Ada Sample",
        "roles": ["security_admin", "system_admin", "hr_admin"],
        "clearance": 3,
    }
    refused = await site.call("POST", "/v1/setup", {"ticket": "ht_guess", "people": [ada]})
    assert (refused.status_code, refused.json()["code"]) == (401, "bad_ticket")
    ticket = await site.bench.hub.people.first_run.ticket(TENANT)
    nobody = await site.call("POST", "/v1/setup", {"ticket": ticket, "people": [{**ada, "roles": ["hr_admin"]}]})
    assert nobody.json()["code"] == "no_security_admin"
    [made] = await site.json("POST", "/v1/setup", {"ticket": ticket, "people": [ada]}, 201)
    weak = await site.call("POST", "/v1/auth/accept", {"ticket": made["invitation"], "password": "Hirewire1234"})
    assert weak.json()["code"] == "password_common"
    await site.json("POST", "/v1/auth/accept", {"ticket": made["invitation"], "password": PASSWORD}, 204)
    again = await site.call("POST", "/v1/auth/accept", {"ticket": made["invitation"], "password": PASSWORD})
    assert again.status_code == 401
    assert (await site.json("GET", "/v1/setup"))["needed"] is False
    assert (await site.call("POST", "/v1/setup", {"ticket": ticket, "people": [ada]})).status_code in (401, 409)
    await site.sign_in("ADA")
    told = await site.json("GET", "/v1/auth/session")
    assert (told["name"], told["full"]) == ("Ada Sample", True)
    assert set(told["roles"]) == {"security_admin", "system_admin", "hr_admin"}


async def test_without_a_second_factor_nothing_but_enrolling_is_possible(site: Visitor) -> None:
    await employ(site.bench, "ada", Role.HR_ADMIN)
    assert (await site.login("ada"))["state"] == "enrol"
    for path in ("/v1/events", "/v1/people", "/v1/permissions/matrix"):
        refused = await site.call("GET", path)
        assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    before = site.cookie
    await site.enrol_totp()
    assert site.cookie != before
    assert (await site.call("GET", "/v1/events")).status_code == 200


async def test_the_cookie_is_new_at_every_step_and_its_old_value_is_worth_nothing(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    cookies = [ada.cookie]
    await ada.step_up()
    cookies.append(ada.cookie)
    changed = await ada.call("POST", "/v1/auth/password", {"old": PASSWORD, "new": "Another-Horse-8-Battery"})
    assert changed.status_code == 200
    cookies.append(ada.cookie)
    assert len(set(cookies)) == 3
    flags = changed.headers["set-cookie"]
    assert flags.startswith("__Host-hirewire=hs_")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(flags.split("; "))
    for old in cookies[:2]:
        ada.cookie = old
        assert (await ada.call("GET", "/v1/auth/session")).status_code == 401
    [row] = await sessions(site.bench)
    assert cookies[-1] not in repr(row)


async def test_a_session_id_that_an_attacker_chose_is_never_adopted(site: Visitor) -> None:
    """The framework's own sessions adopt it (session fixation)."""
    await employ(site.bench, "ada", Role.HR_ADMIN)
    site.cookie = "hs_" + "a" * 64
    await site.login("ada")
    assert site.cookie != "hs_" + "a" * 64
    site.cookie = "hs_" + "a" * 64
    assert (await site.call("GET", "/v1/auth/session")).status_code == 401


async def test_a_signed_out_cookie_cannot_be_replayed(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    cookie, csrf = ada.cookie, ada.csrf
    answer = await ada.call("POST", "/v1/auth/logout")
    assert "cookies" in answer.headers["clear-site-data"]
    ada.cookie, ada.csrf = cookie, csrf
    assert (await ada.call("GET", "/v1/auth/session")).status_code == 401


async def test_wrong_logins_are_told_alike_and_lock_known_and_unknown_names_alike(site: Visitor) -> None:
    await employ(site.bench, "ada", Role.HR_ADMIN)
    answers = []
    for login in ("ada", "nobody"):
        told = [await site.call("POST", "/v1/auth/login", {"login": login, "password": f"no {n}"}) for n in range(6)]
        answers.append([(one.status_code, one.json()["code"], one.json()["detail"]) for one in told])
        assert told[5].headers["retry-after"] == "900"
    assert answers[0] == answers[1]
    assert [status for status, *_ in answers[0]] == [401] * 5 + [429]
    assert _locks(site) == ["login", "login"]
    right = await site.call("POST", "/v1/auth/login", {"login": "ada", "password": PASSWORD})
    assert right.json()["code"] == "locked"
    site.bench.clock.advance(901)
    assert (await site.login("ada"))["state"] == "enrol"


async def test_a_disabled_person_is_out_at_the_next_request_and_is_told_nothing(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    people = site.bench.hub.people
    await people.roster.disable(await people.roster.get(TENANT, ada.person), "test")
    assert (await ada.call("GET", "/v1/auth/session")).status_code == 401
    assert (await another(site).login("ada"))["code"] == "bad_login"


async def test_a_session_ends_unused_and_ends_anyway(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.RECRUITER)
    for _ in range(8 * 60 // 14):
        site.bench.clock.advance(14 * 60)
        assert (await ada.call("GET", "/v1/auth/session")).status_code == 200
    site.bench.clock.advance(14 * 60)
    assert (await ada.call("GET", "/v1/auth/session")).status_code == 401
    await ada.sign_in("ada")
    site.bench.clock.advance(15 * 60)
    assert (await ada.call("GET", "/v1/auth/session")).status_code == 401


async def test_an_administrator_has_one_session_and_ten_minutes(site: Visitor) -> None:
    first = await visitor(site.client, site.bench, "sam", Role.SYSTEM_ADMIN)
    second = Visitor(site.client, site.bench, secret=first.secret)
    await second.sign_in("sam")
    assert (await first.call("GET", "/v1/auth/session")).status_code == 401
    site.bench.clock.advance(10 * 60)
    assert (await second.call("GET", "/v1/auth/session")).status_code == 401


async def test_a_code_counts_once_within_a_step_of_its_time(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    code = ada.code()
    begun = await another(site).login("ada")
    await ada.json("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "code": code})
    begun = await another(site).login("ada")
    answer = {"ticket": begun["ticket"], "code": code}
    assert (await another(site).call("POST", "/v1/auth/second-factor", answer)).json()["code"] == "bad_code"
    late = rfc6238.code(ada.secret, rfc6238.step_at(ada.bench.clock.now()) + 1)  # never used
    ada.bench.clock.advance(3 * rfc6238.STEP_S)
    begun = await another(site).login("ada")
    answer = {"ticket": begun["ticket"], "code": late}
    assert (await another(site).call("POST", "/v1/auth/second-factor", answer)).status_code == 401


@pytest.mark.parametrize("fault", ["a code counts again", "a code counts long", "any code will do"])
async def test_a_planted_fault_of_codes_turns_that_red(
    site: Visitor, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    real = rfc6238.accepted_step

    def accepted(secret: bytes, given: str, now: datetime, last: int) -> int | None:
        if fault == "a code counts again":
            return real(secret, given, now, 0)
        return max(last + 1, rfc6238.step_at(now)) if fault == "any code will do" else real(secret, given, now, last)

    if fault == "a code counts long":
        monkeypatch.setattr(rfc6238, "DRIFT", 10)
    monkeypatch.setattr(rfc6238, "accepted_step", accepted)
    with pytest.raises((AssertionError, KeyError)):
        await test_a_code_counts_once_within_a_step_of_its_time(site)


async def test_a_ticket_is_good_for_five_minutes_five_tries_and_one_session(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    other = another(site)
    begun = await other.login("ada")
    site.bench.clock.advance(5 * 60)
    late = await other.call("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "code": ada.code()})
    assert late.json()["code"] == "bad_ticket"
    begun = await other.login("ada")
    good = {"ticket": begun["ticket"], "code": ada.code()}
    assert (await other.call("POST", "/v1/auth/second-factor", good)).status_code == 200
    assert (await another(site).call("POST", "/v1/auth/second-factor", good)).json()["code"] == "bad_ticket"
    begun = await other.login("ada")
    tries = [
        await other.call("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "code": "000000"})
        for _ in range(6)
    ]
    assert [one.status_code for one in tries] == [401] * 5 + [401]
    assert tries[-1].json()["code"] == "bad_ticket"
    begun = await other.login("ada")
    locked = await other.call("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "code": ada.code()})
    assert locked.json()["code"] == "locked"
    assert _locks(site) == ["factor"]


def _locks(site: Visitor) -> list[object]:
    """What was counted as locked."""
    return [fields["by"] for name, fields in site.bench.meter.notes if name == "sign_in.locked"]


async def test_the_last_free_try_may_be_right_and_locks_nobody(site: Visitor) -> None:
    await employ(site.bench, "ada", Role.HR_ADMIN)
    told = [(await site.login("ada", f"no {n}"))["code"] for n in range(4)]
    assert told == ["bad_login"] * 4
    assert (await site.login("ada"))["state"] == "enrol"
    assert _locks(site) == []


async def test_an_office_behind_one_address_signs_in_all_day(site: Visitor) -> None:
    await employ(site.bench, "ada", Role.HR_ADMIN)
    assert {(await site.login("ada"))["state"] for _ in range(NETWORK_TRIES + 10)} == {"enrol"}
    assert _locks(site) == []


async def test_a_hundred_failures_lock_an_address_whoever_signs_in_between(site: Visitor) -> None:
    """Whoever tries others' names has an account too: its successes do not give the address new tries."""
    await employ(site.bench, "ada", Role.HR_ADMIN)
    for number in range(NETWORK_TRIES):
        assert (await site.login(f"somebody-{number}"))["code"] == "bad_login"
        if number % 5 == 0 and number < NETWORK_TRIES - 1:
            assert (await site.login("ada"))["state"] == "enrol"
    assert _locks(site) == ["net"]
    assert (await site.login("ada"))["code"] == "locked"


async def test_an_authenticator_signs_in_and_a_copy_of_it_does_not(site: Visitor) -> None:
    ada, device = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN), SoftAuthenticator()
    begun = await ada.json("POST", "/v1/auth/factors", {"kind": "webauthn"})
    answer = device.create(begun["options"])
    await ada.json("POST", "/v1/auth/factors/confirm", {"ticket": begun["ticket"], "name": "key", "answer": answer})
    assert sorted(one["kind"] for one in await ada.json("GET", "/v1/auth/factors")) == ["totp", "webauthn"]
    other = another(site)
    begun = await other.login("ada")
    assert begun["factors"] == ["totp", "webauthn"]
    signed = device.get(begun["options"])
    told = await other.json("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "assertion": signed})
    assert told["state"] == "signed_in"
    for wrong in ("old counter", "other challenge", "not verified", "other site", "other key"):
        begun = await other.login("ada")
        options = begun["options"]
        if wrong == "old counter":
            device.count = 0
        if wrong == "other challenge":
            options = {"publicKey": {"challenge": "AAAA"}}
        speaker = device
        if wrong == "other site":
            speaker = SoftAuthenticator("https://hub.example.evil.example")
            speaker._key, speaker._id, speaker.count = device._key, device._id, 50
        if wrong == "other key":
            speaker = SoftAuthenticator()
            speaker._id, speaker.count = device._id, 60
        bad = speaker.get(options, verified=wrong != "not verified")
        refused = await other.call("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "assertion": bad})
        assert (refused.status_code, refused.json()["code"]) == (401, "bad_code"), wrong
        device.count = max(device.count, 10)
        site.bench.clock.advance(3600 * 24 + 1)  # tries are forgotten


async def test_a_recovery_code_stands_in_once(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    codes = (await ada.json("POST", "/v1/auth/factors/recovery"))["codes"]
    assert len(set(codes)) == 10
    other = another(site)
    begun = await other.login("ada")
    await other.json("POST", "/v1/auth/second-factor", {"ticket": begun["ticket"], "recovery": codes[3].upper()})
    begun = await other.login("ada")
    again = {"ticket": begun["ticket"], "recovery": codes[3]}
    assert (await other.call("POST", "/v1/auth/second-factor", again)).json()["code"] == "bad_code"


async def test_factors_are_changed_only_after_a_step_up_and_the_last_one_stays(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    site.bench.clock.advance(6 * 60)
    refused = await ada.call("POST", "/v1/auth/factors", {"kind": "totp"})
    assert refused.json()["code"] == "step_up_needed"
    await ada.step_up()
    [factor] = await ada.json("GET", "/v1/auth/factors")
    kept = await ada.call("DELETE", f"/v1/auth/factors/{factor['id']}")
    assert kept.json()["code"] == "last_factor"


async def test_a_password_is_strong_and_none_of_the_last_five(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada.lovelace", Role.HR_ADMIN)
    wrong = {
        "Short-1a": "password_short",
        "alllowercaseletters": "password_plain",
        "Qwerty123456!": "password_common",
        "Ada.Lovelace1": "password_common",
        PASSWORD: "password_used",
        "x" * 300: "password_long",
    }
    for new, code in wrong.items():
        refused = await ada.call("POST", "/v1/auth/password", {"old": PASSWORD, "new": new})
        assert refused.json()["code"] == code, new
        assert new not in refused.text
    assert (await ada.call("POST", "/v1/auth/password", {"old": "wrong", "new": "x"})).json()["code"] == "bad_login"


FORGED = [
    {"x_csrf_token": ""},
    {"x_csrf_token": "0" * 64},
    {"origin": "https://evil.example"},
    {"origin": "https://hub.example.evil.example"},
    {"origin": "http://hub.example"},
    {"origin": "null"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
]


async def test_a_forged_change_is_refused(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    for headers in FORGED:
        refused = await ada.call("PUT", "/v1/rule-switch", {"stopped": True}, **headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "forged"), headers
    assert (await ada.call("PUT", "/v1/rule-switch", {"stopped": True})).status_code == 200


async def test_one_session_s_page_token_is_of_no_use_to_another(site: Visitor) -> None:
    ada = await visitor(site.client, site.bench, "ada", Role.HR_ADMIN)
    eve = await visitor(site.client, site.bench, "eve", Role.HR_ADMIN)
    assert ada.csrf is not None
    ada.headers = {"x-csrf-token": eve.csrf or ""}
    ada.csrf = None
    assert (await ada.call("PUT", "/v1/rule-switch", {"stopped": True})).json()["code"] == "forged"


async def test_nothing_that_names_a_person_is_stored_in_the_clear(site: Visitor) -> None:
    await visitor(site.client, site.bench, "ada@hr.example", Role.HR_ADMIN)
    store = site.bench.hub.store
    rows = repr([*store._tables.records.items()]) + repr([*store._tables.acts.items()])  # type: ignore[attr-defined]
    for marked in ("ada@hr.example", "Sample ada", PASSWORD, "argon2"):
        assert marked not in rows
    assert not any(isinstance(one, Ticket) for _, one in store._tables.records.items() if one.id.startswith("ht_"))
