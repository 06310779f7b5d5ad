"""Records of people and programs: unique in their tenant, changed only as they were seen, invisible to other tenants."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.errors import Conflict
from hub.domain.ids import DEFAULT_TENANT as ONE
from hub.domain.ids import TenantId
from hub.ports.accounts import (
    BEARERS,
    RECORDS,
    Approval,
    Erasure,
    Factor,
    Group,
    Identity,
    LegalHold,
    Node,
    Notice,
    Person,
    Provider,
    Record,
    Requisition,
    RoleGrant,
    ServiceAccount,
    Session,
    Throttle,
    Ticket,
    View,
)
from hub.ports.store import Store
from tests.support.arrivals import undone
from tests.support.stores import T0

TWO = TenantId(2)
LATER = T0 + timedelta(hours=1)


def samples(tenant: TenantId = ONE) -> list[Record]:
    """One record of every kind."""
    return [
        Person("usr_1", tenant, "aa", "active", 3, b"who", T0, b"hash", T0, "bb", None),
        Factor("fac_1", tenant, "usr_1", "totp", "电话", b"s\x00", T0, 7),
        Session("5e", tenant, "usr_1", T0, T0, LATER, True, ("password", "totp"), T0),
        Ticket("71", tenant, "second_factor", "usr_1", b"", T0, LATER),
        Throttle("login:aa", tenant, 3, T0, LATER, None),
        Node("org_1", tenant, None, "group", "集团", "/org_1/", "G1"),
        RoleGrant("grt_1", tenant, "usr_1", "auditor", "/", "usr_0", T0, power="audit", candidates=("cand_1",)),
        Requisition("job_1", tenant, "/org_1/", ("usr_1", "usr_2")),
        ServiceAccount("svc_1", tenant, "payroll", b"h" * 32, ("events:write",), 3, T0, "usr_0"),
        Approval("apr_1", tenant, "bulk.export", b"d" * 32, b"", "usr_1", "asked", T0, LATER),
        Provider("entra", tenant, "oidc", {"issuer": "https://id.example", "n": [1, None]}, b"secret"),
        Identity("1d", tenant, "entra", "usr_1"),
        Group("grp_1", tenant, "店长", T0, "ext", ("usr_1",), "recruiter", "/org_1/"),
        LegalHold("hld_1", tenant, "cand_1", "in_force", b"why", "usr_1", T0, "usr_2", LATER),
        Erasure(
            "ers_1",
            tenant,
            "cand_1",
            "done",
            b"why",
            "d",
            "usr_1",
            T0,
            ("usr_2", "usr_3"),
            T0,
            True,
            "evt_1",
            ("aa", "bb"),
            "cc",
            T0,
            {"tags": 1},
            T0,
            LATER,
        ),
        Notice(
            "ntc_1",
            tenant,
            "ers_1",
            7,
            "ats",
            "greenhouse",
            "candidate.erase",
            "acknowledged",
            T0,
            b"ids",
            T0,
            "dlv_1",
            "r",
        ),
        View("view_01", tenant, "usr_1", "med_1", "cand_1", "quality_review", "5e", "open", T0, T0, LATER, 12, 1, 3),
    ]


def test_there_is_a_sample_of_every_kind() -> None:
    assert [type(one) for one in samples()] == list(RECORDS)


async def test_what_is_written_is_read_back_and_other_tenants_see_nothing(store: Store) -> None:
    async with store.work() as work:
        for one in samples():
            await work.add_record(one)
    async with store.look() as look:
        for one in samples():
            kind = type(one)
            assert await look.record(kind, ONE, one.id) == replace(one, version=1)
            assert await look.records(kind, ONE) == [replace(one, version=1)]
            assert await look.record(kind, TWO, one.id) is None
            assert await look.records(kind, TWO) == []
            if kind in BEARERS:
                assert await look.bearer(kind, one.id) == replace(one, version=1)


async def test_two_tenants_may_have_the_same_ids_and_names(store: Store) -> None:
    async with store.work() as work:
        for one in samples():
            await work.add_record(one)
        for one in samples(TWO):
            if type(one) not in BEARERS:
                await work.add_record(one)
    async with store.look() as look:
        assert len(await look.records(Person, TWO)) == 1


@pytest.mark.parametrize("kind", BEARERS)
async def test_what_says_by_its_id_whose_it_is_belongs_to_one_tenant(store: Store, kind: type[Record]) -> None:
    [mine], [theirs] = ([one for one in samples(tenant) if type(one) is kind] for tenant in (ONE, TWO))
    async with store.work() as work:
        await work.add_record(mine)
    with pytest.raises(Conflict) as caught:
        async with store.work() as work:
            await work.add_record(theirs)
    assert caught.value.code == "record_exists"
    async with store.look() as look:
        assert await look.record(kind, TWO, mine.id) is None


@pytest.mark.parametrize("number", range(len(samples())))
async def test_an_id_and_what_must_be_unique_are_taken_once(store: Store, number: int) -> None:
    record = samples()[number]
    async with store.work() as work:
        await work.add_record(record)
    again = [record, *(replace(record, id=record.id + "x") for _ in record.unique)]
    for one in again:
        with pytest.raises(Conflict) as caught:
            async with store.work() as work:
                await work.add_record(one)
        assert caught.value.code == "record_exists"
    async with store.look() as look:
        assert len(await look.records(type(record), ONE)) == 1


async def test_a_person_has_one_of_the_three_powers(store: Store) -> None:
    audit = RoleGrant("grt_1", ONE, "usr_1", "auditor", "/", "usr_0", T0, power="audit")
    async with store.work() as work:
        await work.add_record(audit)
    with pytest.raises(Conflict):
        async with store.work() as work:
            await work.add_record(replace(audit, id="grt_2", role="security_admin", power="security"))
    async with store.work() as work:
        await work.add_record(replace(audit, id="grt_3", role="recruiter", power=None))
        await work.add_record(replace(audit, id="grt_4", person="usr_2", role="security_admin", power="security"))


async def test_a_record_is_changed_only_as_it_was_seen(store: Store) -> None:
    async with store.work() as work:
        await work.add_record(samples()[2])
    async with store.look() as look:
        seen = await look.record(Session, ONE, "5e")
    assert seen is not None
    async with store.work() as work:
        fresh = await work.change_record(replace(seen, seen_at=LATER, factors=(), stepped_up_at=None))
    assert (fresh.version, fresh.seen_at) == (2, LATER)
    with pytest.raises(Conflict) as caught:
        async with store.work() as work:
            await work.change_record(replace(seen, full=False))
    assert caught.value.code == "changed_meanwhile"
    async with store.work() as work:
        assert not await work.drop_record(seen)
        assert await work.drop_record(fresh)
    async with store.look() as look:
        assert await look.bearer(Session, "5e") is None


async def test_records_are_found_by_equal_fields_page_by_page_and_an_undone_one_is_not(store: Store) -> None:
    async with store.work() as work:
        for number in range(5):
            await work.add_record(Factor(f"fac_{number}", ONE, f"usr_{number % 2}", "totp", "", b"", T0))
    async with undone(store) as work:
        await work.add_record(Factor("fac_9", ONE, "usr_0", "totp", "", b"", T0))
    async with store.look() as look:
        assert [one.id for one in await look.records(Factor, ONE, person="usr_0")] == ["fac_0", "fac_2", "fac_4"]
        assert [one.id for one in await look.records(Factor, ONE, limit=2)] == ["fac_0", "fac_1"]
        assert [one.id for one in await look.records(Factor, ONE, after="fac_1", limit=2)] == ["fac_2", "fac_3"]


async def test_what_ended_is_swept_and_the_rest_stays(store: Store) -> None:
    session = samples()[2]
    assert isinstance(session, Session)
    async with store.work() as work:
        await work.add_record(session)
        await work.add_record(replace(session, id="60", ends_at=LATER + timedelta(seconds=1)))
    async with store.work() as work:
        assert await work.sweep_records(Session, LATER) == 1
        assert await work.sweep_records(Session, LATER) == 0
    async with store.look() as look:
        assert [one.id for one in await look.records(Session, ONE)] == ["60"]
