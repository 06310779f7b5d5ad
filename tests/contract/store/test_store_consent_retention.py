"""A consent is kept as long as it proves something: while it holds, and its days after it stopped; never half of a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hub.domain.consents import Consent, in_force
from hub.domain.ids import DEFAULT_TENANT as ONE
from hub.domain.ids import TenantId
from hub.domain.retention import DEFAULT_DAYS, Keep, Kind
from hub.ports.store import Store
from tests.support.arrivals import accept, arrival
from tests.support.stores import T0

DAYS = DEFAULT_DAYS[Kind.CONSENTS]
OVER = T0 + timedelta(days=DAYS + 1)


def said(subject: str, given: bool = True, minute: int = 0, **fields: object) -> Consent:
    base = Consent(ONE, subject, "recording", given, T0 + timedelta(minutes=minute), T0, "ann")
    return replace(base, **fields)  # type: ignore[arg-type]


async def ledger(store: Store, *statements: Consent) -> None:
    async with store.work() as work:
        await work.add_consents(statements)


async def sweep(store: Store, now: object = OVER, limit: int = 500, steps: int = 100) -> int:
    cuts, rows = Keep().cuts(now), 0  # type: ignore[arg-type]
    for _ in range(steps):
        async with store.work() as work:
            removed = await work.remove(Kind.CONSENTS, cuts, limit=limit)
        rows += removed.rows
        if removed.after is None:
            break
    return rows


async def left(store: Store, *subjects: str) -> dict[str, int]:
    async with store.look() as look:
        return {one: len(await look.consents(ONE, one)) for one in subjects}


def test_the_default_is_three_years() -> None:
    assert DAYS == 1095


async def test_what_was_taken_back_or_ran_out_goes_after_its_days(store: Store) -> None:
    await ledger(
        store,
        said("back"), said("back", False, 1),
        said("late"), said("late", False, 60 * 72),
        said("out", expires_at=T0 + timedelta(minutes=9)),
        said("long", expires_at=OVER + timedelta(days=1)),
        said("holds"),
        said("gone"),
        said("other", tenant=TenantId(2)),
    )  # fmt: skip
    await accept(store, *[arrival(n, subject=one) for n, one in enumerate(("out", "long", "holds", "back"), 1)])
    async with store.look() as look:
        assert await look.removable(Kind.CONSENTS, Keep().cuts(T0 + timedelta(days=DAYS - 1))) == 0
        events_stay = {Kind.CONSENTS: OVER - timedelta(days=DAYS)}
        assert await look.removable(Kind.CONSENTS, events_stay) == 5
        assert await look.removable(Kind.CONSENTS, events_stay, ONE) == 4
        assert await look.removable(Kind.CONSENTS, Keep().cuts(OVER), ONE) == 6  # events are over too
        assert await look.oldest(Kind.CONSENTS) == T0
    assert await sweep(store, T0 + timedelta(days=DAYS - 1)) == 0
    assert await sweep(store) == 5
    assert await left(store, "back", "late", "out", "long", "holds", "gone") == {
        "back": 0, "late": 2, "out": 0, "long": 1, "holds": 1, "gone": 0,
    }  # fmt: skip


async def test_no_step_leaves_a_yes_where_the_last_word_was_no(store: Store) -> None:
    history = [said("back"), said("back", False, 0), said("back", True, 2), said("back", False, 3)]
    await ledger(store, *history)
    await accept(store, arrival(1, subject="back"))
    rest: list[Consent] = history
    while rest:  # in memory a step is the whole of a kind
        assert await sweep(store, limit=1, steps=1) > 0
        async with store.look() as look:
            rest = await look.consents(ONE, "back")
        assert not in_force(rest, OVER)


async def test_kept_for_good_is_kept(store: Store) -> None:
    await ledger(store, said("back"), said("back", False, 1))
    async with store.work() as work:
        assert (await work.remove(Kind.CONSENTS, Keep.read("consents=0").cuts(OVER))).rows == 0
        assert await work.removable(Kind.CONSENTS, Keep.read("consents=0").cuts(OVER)) == 0
