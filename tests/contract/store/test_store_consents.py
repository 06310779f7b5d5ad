"""The ledger of consents, and what is held for want of one, on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hub.domain.consents import Awaited, Consent
from hub.domain.deliveries import Delivery, Hold, Planned
from hub.domain.ids import DEFAULT_TENANT, DeliveryId, TenantId
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival, claim, complete, completion, fill, make_lane
from tests.support.stores import T0

CHECK = Awaited(DEFAULT_TENANT, "cand-1", "background_check")


def said(given: bool = True, minute: int = 0, **fields: object) -> Consent:
    base = Consent(DEFAULT_TENANT, "cand-1", "background_check", given, T0 + timedelta(minutes=minute), T0, "evt_1")
    return replace(base, **fields)  # type: ignore[arg-type]


async def states(store: Store) -> list[str]:
    async with store.look() as look:
        found = await look.deliveries(DEFAULT_TENANT, Page(50))
    return [one.state.name if isinstance(one, Delivery) else str(one.final) for one in reversed(found)]


async def test_a_statement_is_kept_once_and_whole(store: Store) -> None:
    whole = said(
        text_version="3", locale="zh-CN", expires_at=T0 + timedelta(days=1, microseconds=7), evidence=b"sealed\x00\xff"
    )
    back = said(False, 5)
    async with store.work() as work:
        await work.add_consents([])
        await work.add_consents([back, whole, replace(whole, source="evt_9")])
    async with store.work() as work:
        others = [said(subject="cand-2"), said(tenant=TenantId(2)), said(purpose="other")]
        await work.add_consents([replace(whole, source="evt_8"), *others])
    async with store.look() as look:
        found = await look.consents(DEFAULT_TENANT, "cand-1", "background_check")
        assert [(one.given, one.at) for one in found] == [(True, whole.at), (False, back.at)]
        assert found == [whole, back]
        assert [one.id for one in found] == [whole.id, back.id]
        assert len(await look.consents(DEFAULT_TENANT, "cand-1")) == 3
        assert await look.consents(TenantId(2), "cand-1") == [said(tenant=TenantId(2))]


async def test_what_a_fresh_event_tells_is_in_the_ledger_with_it(store: Store) -> None:
    first = replace(arrival(1), consents=(said(),))
    await accept(store, first, replace(arrival(2, key="key-1"), consents=(said(minute=9),)))  # a repeat tells nothing
    await accept(store, replace(arrival(3), consents=(said(), said(False, 1))))
    async with store.look() as look:
        assert [one.given for one in await look.consents(DEFAULT_TENANT, "cand-1")] == [True, False]


async def test_what_is_held_for_a_consent_is_let_go_by_it_alone(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 3)
    one, two, three = await claim(store, lane.id)
    other = Awaited(DEFAULT_TENANT, "cand-2", "background_check")
    await complete(
        store,
        replace(completion(one, Hold("x"), error="needs_consent:background_check"), awaits=CHECK),
        replace(completion(two, Hold("x"), error="needs_consent:background_check"), awaits=other),
        completion(three, Hold("needs_consent:background_check"), error="needs_consent:background_check"),
    )
    assert await states(store) == ["HELD", "HELD", "HELD"]
    async with store.work() as work:
        assert await work.awaited_consents() == [CHECK, other]
        assert await work.awaited_consents(limit=1) == [CHECK]
        assert await work.awaited_consents(CHECK) == [other]
        assert await work.awaited_among([CHECK, Awaited(TenantId(2), "cand-1", "background_check")]) == {CHECK}
        assert await work.awaited_among([]) == set()
        ids = [one.delivery.id, two.delivery.id, three.delivery.id]
        assert await work.awaited_by(DEFAULT_TENANT, ids) == {ids[0]: CHECK, ids[1]: other}
        assert await work.awaited_by(TenantId(2), ids) == {}
        assert await work.let_go_consented(Awaited(TenantId(2), "cand-1", "background_check")) == 0
        assert await work.let_go_consented(CHECK) == 1
        assert await work.let_go_consented(CHECK) == 0
    assert await states(store) == ["READY", "HELD", "HELD"]
    async with store.work() as work:
        assert await work.awaited_consents() == [other]
        await work.replay(DEFAULT_TENANT, two.delivery.id, now=T0, again=False)  # a person lets it go
        assert await work.awaited_consents() == []


async def test_a_withdrawal_holds_what_waits_and_lets_later_ones_of_the_key_go(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s", okey="c")) for n in (1, 2)])
    await accept(store, arrival(3, Planned(lane.id, "s")), arrival(4, Planned(lane.id, "s"), subject="cand-2"))
    async with store.look() as look:
        mine = await look.open_deliveries(DEFAULT_TENANT, "cand-1")
        assert await look.open_deliveries(TenantId(2), "cand-1") == []
    assert [(int(one.id), one.connection, one.step) for one in mine] == [(n, lane.id, "s") for n in (1, 2, 3)]
    async with store.work() as work:
        assert await work.hold_for_consent(replace(CHECK, tenant=TenantId(2)), [DeliveryId(1)]) == 0
        assert await work.hold_for_consent(CHECK, [DeliveryId(1), DeliveryId(3), DeliveryId(99)]) == 2
    assert await states(store) == ["HELD", "READY", "HELD", "READY"]
    leased = await claim(store, lane.id)
    async with store.work() as work:
        assert await work.hold_for_consent(CHECK, [one.delivery.id for one in leased]) == 0  # a vendor hears it now
        assert await work.let_go_consented(CHECK) == 2
    assert await states(store) == ["WAITING", "LEASED", "READY", "LEASED"]
