"""Sessions and approvals through any order of events; each machine is shown to find a fault that was planted."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from hub.app.people import approvals as approvals_module
from hub.app.people.approvals import Approvals, Wanted
from hub.app.people.rights import subject_of
from hub.app.people.sealing import Profile
from hub.app.people.sessions import Sessions
from hub.domain.errors import Conflict, Forbidden, NotFound, Unauthorized
from hub.domain.permissions import Role, Subject
from hub.ports.accounts import Person
from tests.support.hubs import TENANT, bench

T = TypeVar("T")
STEPS = settings(max_examples=40, stateful_step_count=30, deadline=None, derandomize=True, database=None)


class World(RuleBasedStateMachine):
    """A hub in memory and an event loop of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.bench = bench()
        self.people = self.bench.hub.people

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def now(self) -> datetime:
        return self.bench.clock.now()

    def employ(self, login: str, *roles: Role) -> Person:
        profile = Profile(login, login)
        person = self.run(self.people.roster.add(TENANT, profile, "test", clearance=4, state="active"))
        for role in roles:
            self.run(self.people.rights.grant(TENANT, person.id, role, "test"))
        return person

    def teardown(self) -> None:
        self.loop.close()


@dataclass
class Known:
    """What the model knows of a cookie."""

    began: datetime
    seen: datetime
    gone: bool = False


class SessionLife(World):
    """A cookie is good exactly while its session lives: used in time, not too old, not turned, not ended."""

    sessions_class: type[Sessions] = Sessions

    @initialize()
    def begin(self) -> None:
        policy = self.people.sessions.policy
        self.sessions = self.sessions_class(self.bench.hub.store, self.bench.clock, self.bench.hub.ids, policy)
        self.person = self.employ("ada", Role.RECRUITER)
        self.enabled = True
        self.known: dict[str, Known] = {}

    @rule()
    def sign_in(self) -> None:
        async def open() -> str:
            async with self.bench.hub.store.work() as work:
                return (await self.sessions.open(work, self.person, ("password",), full=True))[1]

        self.known[self.run(open())] = Known(self.now(), self.now())

    @rule(minutes=st.sampled_from([1, 14, 15, 16, 61]))
    def wait(self, minutes: int) -> None:
        self.bench.clock.advance(minutes * 60)

    @rule(number=st.integers(0, 3))
    def use(self, number: int) -> None:
        for cookie in list(self.known)[-1 - number :][:1]:
            self.look(cookie)

    def look(self, cookie: str) -> bool:
        known = self.known[cookie]
        policy = self.people.sessions.policy
        alive = (
            self.enabled
            and not known.gone
            and self.now() < known.seen + policy.idle
            and self.now() < known.began + policy.life
        )
        try:
            self.run(self.sessions.check(cookie))
        except Unauthorized:
            assert not alive, "a session that lives was refused"
            return False
        assert alive, "a session that is over was taken"
        if self.now() - known.seen >= timedelta(seconds=30):
            known.seen = self.now()
        return True

    @rule()
    def step_up(self) -> None:
        for cookie in list(self.known)[-1:]:
            if self.look(cookie):
                signed = self.run(self.sessions.check(cookie))
                _, fresh = self.run(self.sessions.turn(signed.session, factor="totp"))
                self.known[cookie].gone = True
                self.known[fresh] = Known(self.known[cookie].began, self.now())

    @rule()
    def sign_out(self) -> None:
        for cookie in list(self.known)[-1:]:
            if self.look(cookie):
                self.run(self.sessions.end(self.run(self.sessions.check(cookie)).session))
                self.known[cookie].gone = True

    @rule(really=st.sampled_from([False, False, False, True]))
    def disable(self, really: bool) -> None:
        if not really:
            return
        there = self.run(self.people.roster.get(TENANT, self.person.id))
        act = self.people.roster.enable if there.state == "disabled" else self.people.roster.disable
        changed = self.run(act(there, "test"))
        self.enabled = changed.state == "active"
        if not self.enabled:
            for known in self.known.values():
                known.gone = True
            self.run(self.people.roster.enable(replace(changed, external="x"), "test"))
            self.enabled = True


class EndlessSessions(Sessions):
    """The planted fault: time is over and nobody looks."""

    def is_over(self, *_: Any) -> bool:
        return False


class UnturnedSessions(Sessions):
    """The planted fault: the old cookie stays good after a step-up."""

    async def turn(self, session: Any, *, factor: str | None = None) -> Any:
        async with self.store.work() as work:
            return await self.open(work, await self._person(work, session), ("totp",), full=True)

    async def _person(self, work: Any, session: Any) -> Person:
        found = await work.record(Person, session.tenant, session.person)
        assert found is not None
        return found


def test_a_session_lives_exactly_as_long_as_it_should() -> None:
    run_state_machine_as_test(SessionLife, settings=STEPS)


@pytest.mark.parametrize("fault", [EndlessSessions, UnturnedSessions])
def test_a_session_that_outlives_its_time_or_its_turn_is_found(fault: type[Sessions]) -> None:
    """The machine's own rules, in an order that meets the fault: its judgement is what is tried here."""

    class Faulty(SessionLife):
        sessions_class = fault

    life = Faulty()
    life.begin()
    life.sign_in()
    if fault is EndlessSessions:
        life.wait(15)
    else:
        life.step_up()
    with pytest.raises(AssertionError, match="over was taken"):
        life.use(0 if fault is EndlessSessions else 1)
    life.teardown()


WHOSE = st.sampled_from(["own", "second", "own", "second", "stranger"])


class ApprovalLife(World):
    """A request is carried out at most once, within its day, to the letter, after somebody else said yes."""

    @initialize()
    def begin(self) -> None:
        self.admin = self.seat("admin", Role.HR_ADMIN)
        self.other = self.seat("other", Role.HR_ADMIN)
        self.security = self.seat("security", Role.SECURITY_ADMIN)
        self.asked: dict[str, dict[str, Any]] = {}

    def who(self, proposer: str, whose: str) -> str:
        return {"own": proposer, "second": "other" if proposer == "admin" else "admin"}.get(whose, "security")

    def seat(self, login: str, role: Role) -> Subject:
        person = self.employ(login, role)
        grants = self.run(self.people.rights.grants(TENANT, person.id))
        return subject_of(person, grants, second_factor=True)

    @rule(size=st.integers(1, 3), by=st.sampled_from(["admin", "other"]), agreed=st.booleans())
    def ask(self, size: int, by: str, agreed: bool) -> None:
        wanted = Wanted("bulk.export", "POST", "/v1/exports", {}, {"size": size})
        asked = self.run(self.people.approvals.ask(getattr(self, by), wanted, "because"))
        self.asked[asked.id] = {"size": size, "by": by, "at": self.now(), "state": "asked", "digest": asked.digest}
        if agreed:  # so that the machine is often where it matters
            self.decide_one(asked.id, "second", True)

    @rule(number=st.integers(0, 1), whose=WHOSE, yes=st.sampled_from([True, True, False]))
    def decide(self, number: int, whose: str, yes: bool) -> None:
        for id_ in list(self.asked)[-1 - number :][:1]:
            self.decide_one(id_, whose, yes)

    def decide_one(self, id_: str, whose: str, yes: bool) -> None:
        about = self.asked[id_]
        who = self.who(about["by"], whose)
        may = who in ("admin", "other") and who != about["by"]
        open_ = about["state"] == "asked" and self.now() < about["at"] + timedelta(hours=24)
        try:
            self.run(self.people.approvals.decide(getattr(self, who), id_, about["digest"].hex(), approve=yes))
        except (Forbidden, NotFound, Conflict):
            assert not (may and open_), "who may decide was refused"
        else:
            assert may, "somebody decided who may not"
            assert open_, "a request was decided that is over"
            about["state"] = "approved" if yes else "rejected"

    @rule(number=st.integers(0, 1), whose=WHOSE, more=st.sampled_from([0, 0, 1]))
    def redeem(self, number: int, whose: str, more: int) -> None:
        for id_, about in list(self.asked.items())[-1 - number :][:1]:
            size = about["size"] + more
            who = self.who(about["by"], whose)
            wanted = Wanted("bulk.export", "POST", "/v1/exports", {}, {"size": size})
            may = (
                about["state"] == "approved"
                and who == about["by"]
                and size == about["size"]
                and self.now() < about["at"] + timedelta(hours=24)
            )
            try:
                self.run(self.people.approvals.redeem(getattr(self, who), id_, wanted))
            except Forbidden:
                assert not may, "an approved request was refused"
            else:
                assert may, "something was done that nobody approved"
                about["state"] = "used"

    @rule(hours=st.integers(1, 9))
    def wait(self, hours: int) -> None:
        self.bench.clock.advance(hours * 3600)


def test_nothing_is_done_that_two_people_did_not_agree_on() -> None:
    run_state_machine_as_test(ApprovalLife, settings=STEPS)


def same_action(approval: Any, subject: Any, wanted: Wanted) -> bool:
    """The planted fault: an approval for one change is taken for another."""
    return approval.state == "approved" and approval.proposer == subject.id and approval.action == wanted.action


def used_again(approval: Any, subject: Any, wanted: Wanted) -> bool:
    """The planted fault: an approval is taken again and again."""
    return (
        approval.state in ("approved", "used")
        and approval.proposer == subject.id
        and (approval.digest == wanted.digest())
    )


@pytest.mark.parametrize("fault", [same_action, used_again])
def test_an_approval_for_another_change_or_a_second_use_is_found(fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals_module, "fits", fault)
    life = ApprovalLife()
    life.begin()
    life.ask(1, "admin", True)
    if fault is used_again:
        life.redeem(0, "own", 0)
    with pytest.raises(AssertionError, match="nobody approved"):
        life.redeem(0, "own", 1 if fault is same_action else 0)
    life.teardown()


class DeafApprovals(Approvals):
    """The planted fault: the proposer approves alone."""

    async def decide(self, subject: Any, id: str, digest: str, *, approve: bool) -> Any:
        found, _ = await self.one(subject, id)
        async with self.store.work() as work:
            return await work.change_record(replace(found, state="approved", decided_by=subject.id))


def test_who_approves_alone_is_found() -> None:
    life = ApprovalLife()
    life.begin()
    p = life.people.approvals
    alone = DeafApprovals(p.store, p.sealing, p.rights, p.clock, p.ids)
    wanted = Wanted("bulk.export", "POST", "/v1/exports", {}, {})
    asked = life.run(alone.ask(life.admin, wanted, "because"))
    life.run(alone.decide(life.admin, asked.id, asked.digest.hex(), approve=True))
    with pytest.raises(Forbidden):  # `fits` looks at who decided, too
        life.run(p.redeem(life.admin, asked.id, wanted))
    life.teardown()
