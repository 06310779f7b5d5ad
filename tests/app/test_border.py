"""The border: persons counted once, held at 80 % of a limit and let go by a higher one, sensitive data only where approved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from hub.app.border import Border, Stays
from hub.app.consents import Told
from hub.app.delivery.deliver import Deliver
from hub.app.incoming import Incoming
from hub.domain.border import BorderPolicy, Counted, Crossing, Duty, Kept, Tally
from hub.domain.deliveries import Delivery, Final
from hub.domain.errors import Invalid
from hub.ports.queue import DoneDelivery
from hub.ports.store import Store
from hub.ports.transport import NotSent
from mappings.documents import Document
from tests.app.conftest import FEED, REFERRALS, REPORT, action
from tests.support.hubs import TENANT, Bench, bench, report

ALWAYS: Document = {"schema": 1, "trigger": {"event": REPORT}}
NAME_ONLY: Document = {
    "name": "name_only",
    "version": 1,
    "source": f"{REPORT}@1",
    "fields": [{"to": "who", "from": "candidate.name.full"}, {"to": "points", "from": "report.overall.score"}],
}
WITH_BIRTH: Document = {
    "name": "with_birth",
    "version": 1,
    "source": f"{REPORT}@1",
    "fields": [{"to": "who", "from": "candidate.id"}, {"to": "born", "from": "candidate.person.birth_date"}],
}


def feed(mapping: str | None = None, **lane: object) -> Document:
    more = {} if mapping is None else {"mapping": mapping}
    return {
        "connections": {"feed": {**FEED, "lane": lane}},  # type: ignore[dict-item]
        "mappings": [NAME_ONLY, WITH_BIRTH],
        "rules": {"all": {"rule": {**ALWAYS, "then": [action("feed", "event.send", **more)]}}},
    }


def person(number: int, *, born: bool = False, key: str | None = None) -> Incoming:
    made = report(candidate=f"cand_{number}", key=key or f"r-{number}")
    if born:
        made.data["candidate"]["person"] = {"birth_date": "1990-01-02"}  # type: ignore[index, call-overload]
    return made


async def abroad(store: Store | None, document: Document, **more: object) -> Bench:
    b = bench(store, home="cn", **more)  # type: ignore[arg-type]
    await b.hub.vault.prepare(TENANT)
    await b.configure(document)
    return b


async def send(b: Bench, *events: Incoming, rounds: int = 1) -> list[str]:
    """Where each delivery stands after these events."""
    if events:
        await b.accept(*events)
    for _ in range(rounds):
        b.vendor.answers(200, b"{}")
        await b.deliver()
    return await standing(b)


async def standing(b: Bench) -> list[str]:
    found = await b.deliveries()
    return [one.state.name if isinstance(one, Delivery) else str(one.final) for one in found]


async def tally(b: Bench, region: str = "*") -> Tally:
    return (await b.hub.border.show(TENANT)).tallies.get(region, Tally())


async def errors(b: Bench) -> list[str | None]:
    found = [await b.hub.queries.attempts(TENANT, one.id) for one in await b.deliveries()]
    return [views[-1].attempt.error if views else None for views in found]


async def test_persons_are_counted_once_whatever_is_sent_again(store: Store) -> None:
    b = await abroad(store, feed(region="us", class_4=True))
    done = [str(Final.DELIVERED)]
    assert await send(b, person(1), person(1, key="again"), person(2)) == done * 3
    assert await tally(b) == await tally(b, "us") == Tally(2, 2, 0)
    first = (await b.deliveries())[0]
    await b.hub.replay(TENANT, first.id, "ann")
    await send(b)
    assert await tally(b) == Tally(2, 2, 0)
    await send(b, person(2, born=True, key="born"))
    assert await tally(b) == Tally(2, 2, 1)
    shown = await b.hub.border.show(TENANT)
    assert (shown.home, shown.year, shown.duty) == ("cn", 2026, Duty.CONTRACT)
    b.clock.advance(366 * 86400)
    await send(b, person(1, key="next-year"))
    assert ((await b.hub.border.show(TENANT)).year, await tally(b)) == (2027, Tally(1, 1, 0))
    assert (await b.hub.border.show(TENANT, 2026)).tallies["*"] == Tally(2, 2, 1)


async def test_only_what_reached_a_vendor_abroad_counts(store: Store) -> None:
    b = await abroad(store, feed(region="us"))
    b.vendor.answers(503)
    await b.accept(person(1))
    await b.deliver()
    assert await tally(b) == Tally(1, 1, 0)  # the vendor heard of the candidate, whatever it answered
    home = await abroad(None, feed(region="cn"))
    assert await send(home, person(1)) == [str(Final.DELIVERED)]
    assert (await home.hub.border.show(TENANT)).tallies == {}
    unsaid = await abroad(None, feed())
    await send(unsaid, person(1))
    assert await tally(unsaid, "unlabelled") == Tally(1, 1, 0)
    nowhere = bench()
    await nowhere.hub.vault.prepare(TENANT)
    await nowhere.configure(feed(region="us"))
    await send(nowhere, person(1, born=True))
    assert (await nowhere.hub.border.show(TENANT)).tallies == {}


async def test_four_fifths_of_a_limit_hold_who_is_new_and_a_higher_one_lets_go(store: Store) -> None:
    limits: Document = {"border": {"limits": {"persons": 5}}}
    b = await abroad(store, {**feed(region="us"), **limits})
    await send(b, *[person(n) for n in range(4)])
    assert (await standing(b)).count(str(Final.DELIVERED)) == 4
    await send(b, person(4), person(5), person(1, key="known"))
    assert await standing(b) == [str(Final.DELIVERED)] * 4 + ["HELD", "HELD", str(Final.DELIVERED)]
    assert (await errors(b))[4:6] == ["border_limit", "border_limit"]
    shown = await b.hub.border.show(TENANT)
    assert [(one.kept, one.count) for one in shown.kept] == [(Kept("border_limit", "*", "persons"), 2)]
    [gauge] = [one for one in shown.gauges if one.counted is Counted.PERSONS]
    assert (gauge.count, gauge.limit, gauge.set, gauge.held_from) == (4, 5, True, 4)
    assert await b.hub.border.sweep() == 0
    held = (await b.deliveries())[4]
    await b.hub.replay(TENANT, held.id, "ann")  # a release by hand does not open the border
    await send(b)
    assert (await standing(b))[4] == "HELD"
    await b.configure({"border": {"limits": {"persons": 7}}})  # four fifths of 7: 5
    assert await b.hub.border.sweep() == 1
    await send(b)
    assert sorted(await standing(b)) == ["HELD"] + [str(Final.DELIVERED)] * 6
    b.clock.advance(366 * 86400)
    assert await b.hub.border.sweep() == 1
    await send(b)
    assert set(await standing(b)) == {str(Final.DELIVERED)}


async def test_those_who_leave_at_once_take_their_places_one_after_another(store: Store) -> None:
    b = await abroad(store, {**feed(region="us"), "border": {"limits": {"persons": 5}}})
    await b.accept(person(0), person(1))
    b.vendor.fails(NotSent("refused", code="connect_failed"))
    await b.deliver()  # nobody heard of anybody: no place is taken, nobody counts
    assert ("HELD" in await standing(b), await tally(b)) == (False, Tally())
    b.vendor.script[:] = []
    b.clock.advance(10)
    found = await send(b, *[person(n) for n in range(2, 9)], person(0, key="again"))
    assert (found.count(str(Final.DELIVERED)), found.count("HELD")) == (5, 5)
    assert await tally(b) == Tally(4, 4, 0)


async def test_a_region_has_limits_of_its_own_and_sensitive_persons_theirs(store: Store) -> None:
    rules: Document = {"border": {"regions": {"us": {"sensitive": 2}, "eu": {"persons": 0}}}}
    b = await abroad(store, {**feed(region="us", class_4=True), **rules})
    await send(b, person(1, born=True))
    await send(b, person(2), person(3, born=True), person(1, born=True, key="known"))
    delivered = str(Final.DELIVERED)
    assert await standing(b) == [delivered, delivered, "HELD", delivered]
    assert await tally(b, "us") == Tally(2, 2, 1)
    await b.configure({"border": {"regions": {"us": {"sensitive": 2}}, "sensitive_from": 3}})
    await send(b, person(4))
    assert (await standing(b))[-1] == "HELD"  # all personal data counts as sensitive now


async def test_bad_input_80_class_4_to_a_target_that_is_not_approved(store: Store) -> None:
    b = await abroad(store, feed("with_birth@1", region="us"))
    assert await send(b, person(1, born=True)) == ["HELD"]
    assert (await errors(b), b.vendor.asked) == (["class_4_not_approved"], [])
    assert await tally(b) == Tally()
    await b.hub.border.sweep()
    assert await standing(b) == ["HELD"]
    await b.configure({"connections": {"feed": {**FEED, "lane": {"region": "us", "class_4": True}}}})
    assert await b.hub.border.sweep() == 1
    assert await send(b) == [str(Final.DELIVERED)]
    assert await tally(b) == Tally(1, 1, 1)


async def test_what_a_mapping_leaves_out_does_not_count(store: Store) -> None:
    b = await abroad(store, feed("name_only@1", region="us"))
    assert await send(b, person(1, born=True)) == [str(Final.DELIVERED)]
    assert await tally(b) == Tally(1, 1, 0)


async def test_a_consent_to_be_sent_abroad_is_asked_where_it_is_wanted(store: Store) -> None:
    b = await abroad(store, {**feed(region="us"), "border": {"consent": ["us"]}})
    assert await send(b, person(1)) == ["HELD"]
    assert (await errors(b), b.vendor.asked) == (["needs_consent:cross_border"], [])
    await b.hub.consents.record(TENANT, "cand_1", Told("cross_border"), "ann")
    b.vendor.script[:] = []
    b.vendor.answers(503)
    await b.deliver()
    assert await standing(b) == ["READY"]
    b.clock.advance(1)
    await b.hub.consents.withdraw(TENANT, "cand_1", Told("cross_border"), "ann")
    assert await standing(b) == ["HELD"]  # at once
    other = await abroad(None, {**feed(region="eu"), "border": {"consent": ["us"]}})
    assert await send(other, person(1)) == [str(Final.DELIVERED)]
    every = await abroad(None, {**feed(region="eu"), "border": {"consent": ["*"]}})
    assert await send(every, person(1)) == ["HELD"]


async def test_configuration_goes_out_as_it_came_in() -> None:
    border: Document = {"limits": {"persons": 9}, "regions": {"us": {"sensitive": 3}}, "consent": ["us"]}
    b = await abroad(None, {**feed(region="us", class_4=True), "border": border})
    kept = await b.hub.configure.export(TENANT)
    assert kept["border"] == border
    assert kept["connections"]["feed"]["lane"]["region"] == "us"  # type: ignore[index, call-overload]
    assert kept["connections"]["feed"]["lane"]["class_4"] is True  # type: ignore[index, call-overload]
    assert await b.hub.configure.plan(TENANT, kept) == []
    async with b.hub.store.look() as look:
        acts = [row.act.action for row in await look.acts(TENANT, 50)]
    assert "border.add" in acts


@pytest.mark.parametrize(
    ("border", "at"),
    [
        ({"limit": {}}, "border.limit"),
        ({"limits": {"persons": -1}}, "border.limits.persons"),
        ({"limits": {"persons": True}}, "border.limits.persons"),
        ({"limits": {"others": 1}}, "border.limits.others"),
        ({"regions": {"U S": {}}}, "border.regions.U S"),
        ({"regions": []}, "border.regions"),
        ({"consent": "us"}, "border.consent"),
        ({"consent": [7]}, "border.consent"),
        ({"sensitive_from": 2}, "border.sensitive_from"),
        ([], "border"),
    ],
)
async def test_a_border_that_is_none_is_refused_with_its_place(border: object, at: str) -> None:
    b = bench(home="cn")
    with pytest.raises(Invalid) as caught:
        await b.configure({"border": border})  # type: ignore[dict-item]
    assert caught.value.at == at
    for lane in ({"region": "Mars!"}, {"region": "unlabelled"}, {"region": 7}, {"class_4": "yes"}):
        with pytest.raises(Invalid):
            await b.configure({"connections": {"r": {**REFERRALS, "lane": lane}}})  # type: ignore[dict-item]


async def two_processes(store: Store, other: Store) -> tuple[Bench, Bench]:
    """Two that deliver from one database, with four places left."""
    one = await abroad(store, {**feed(region="us"), "border": {"limits": {"persons": 5}}})
    two = bench(other, home="cn", seed=8, clock=one.clock)
    for b in (one, two):
        b.vendor.answers(200, b"{}")
    return one, two


async def through_both(one: Bench, two: Bench) -> int:
    """How many of twelve persons reached a vendor while both delivered."""
    for first in (0, 6):
        await one.accept(*[person(n) for n in range(first, first + 6)])
        await asyncio.gather(one.deliver(), two.deliver())
    return len(one.vendor.asked) + len(two.vendor.asked)


async def test_two_processes_never_give_the_last_place_away_twice(
    store: Store, open_another: Callable[[], Store]
) -> None:
    one, two = await two_processes(store, open_another())
    assert await through_both(one, two) == 4
    assert await tally(one) == Tally(4, 4, 0)
    assert (await standing(one)).count("HELD") == 8


async def test_a_try_that_died_on_the_way_keeps_its_place_and_is_counted_in_the_end(store: Store) -> None:
    b = await abroad(store, {**feed(region="us"), "border": {"limits": {"persons": 5}}})
    await b.accept(person(0))
    async with store.work() as work:
        await work.set_out(Crossing(TENANT, 2026, "us", "cand_dead", 3), (await b.deliveries())[0], b.clock.now())  # type: ignore[arg-type]
    found = await send(b, *[person(n) for n in range(1, 5)])
    assert (found.count(str(Final.DELIVERED)), found.count("HELD")) == (3, 2)
    assert await tally(b) == Tally(3, 3, 0)
    assert await b.hub.border.sweep() == 0
    assert await tally(b) == Tally(4, 4, 0)  # it may have arrived


async def beyond_the_limit(b: Bench) -> int:
    """How many deliveries left although their limit was reached."""
    await send(b, *[person(n) for n in range(4)])
    await send(b, *[person(n) for n in range(4, 8)])
    return (await standing(b)).count(str(Final.DELIVERED)) - 4


async def counted_twice(b: Bench) -> int:
    """How many persons too many a replay makes."""
    await send(b, person(1))
    done = (await b.deliveries())[0]
    assert isinstance(done, DoneDelivery)
    b.clock.advance(1)
    await b.hub.replay(TENANT, done.id, "ann")
    await send(b)
    return (await tally(b)).persons - 1


class Open(Border):
    """The planted fault: nobody looks at limits."""

    async def gate(self, event: object, *more: object, **named: object) -> Crossing | None:  # type: ignore[override]
        return None


class Alone(Border):
    """The planted fault: who is under way elsewhere is not seen."""

    async def _takes_its_place(self, crossing: Crossing, policy: BorderPolicy, delivery: Delivery) -> None:
        async with self.store.look() as look:
            counted = (await look.tallies(crossing.tenant, crossing.year)).get("*", Tally())
        if policy.stops("*", counted, None, crossing.data_class) is not None:
            raise Stays(Kept("border_limit", "*", "persons"))


class Forgetful(Border):
    """The planted fault: each delivery is a person."""

    async def gate(self, *about: object, **named: object) -> Crossing | None:
        crossing = await Border.gate(self, *about, **named)  # type: ignore[arg-type]
        return None if crossing is None else replace(crossing, person=self.clock.now().isoformat())


def planted(b: Bench, fault: type[Border]) -> None:
    guarded = b.hub.lanes.deliver
    assert isinstance(guarded, Deliver)
    border = fault(**{one.name: getattr(guarded.border, one.name) for one in fields(guarded.border)})
    kept = {one.name: getattr(guarded, one.name) for one in fields(guarded)}
    b.hub.lanes.deliver = Deliver(**{**kept, "border": border})


@pytest.mark.parametrize("fault", [None, Open])
async def test_a_skipped_border_turns_the_limit_red(fault: type[Border] | None) -> None:
    b = await abroad(None, {**feed(region="us"), "border": {"limits": {"persons": 5}}})
    if fault is not None:
        planted(b, fault)
    assert (await beyond_the_limit(b) > 0) is (fault is not None)


async def test_places_that_nobody_takes_turn_the_last_place_red(
    store: Store, open_another: Callable[[], Store]
) -> None:
    one, two = await two_processes(store, open_another())
    planted(one, Alone)
    planted(two, Alone)
    assert await through_both(one, two) > 4


@pytest.mark.parametrize("fault", [None, Forgetful])
async def test_a_person_counted_by_delivery_turns_the_count_red(fault: type[Border] | None) -> None:
    b = await abroad(None, feed(region="us"))
    if fault is not None:
        planted(b, fault)
    assert (await counted_twice(b) > 0) is (fault is not None)
