"""Accepting: checked, stored once, routed in the same transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hub.domain.deliveries import Delivery
from hub.domain.errors import Invalid
from tests.app.conftest import REFERRALS, REPORT, action, rule
from tests.support.hubs import TENANT, Bench, report


async def test_a_matching_event_owes_a_delivery(referring: Bench) -> None:
    [event] = await referring.accept(report(score=91))
    [delivery] = await referring.deliveries(event)
    assert isinstance(delivery, Delivery)
    assert delivery.step == "1.a1"
    assert ("high score", "fired") in referring.meter.verdicts


async def test_an_event_below_the_threshold_owes_nothing(referring: Bench) -> None:
    [event] = await referring.accept(report(score=80))
    assert await referring.deliveries(event) == []
    assert ("high score", "no") in referring.meter.verdicts


async def test_the_same_event_again_is_the_same_event(referring: Bench) -> None:
    first = await referring.accept(report())
    again = await referring.accept(report())
    assert first == again
    assert len(await referring.deliveries()) == 1


async def test_a_hundred_callers_at_once_make_one_event(referring: Bench) -> None:
    answers = await asyncio.gather(*(referring.accept(report()) for _ in range(100)))
    assert len({tuple(a) for a in answers}) == 1
    assert len(await referring.deliveries()) == 1


async def test_the_same_key_with_another_body_is_refused(referring: Bench) -> None:
    await referring.accept(report(score=91))
    with pytest.raises(Invalid) as caught:
        await referring.accept(report(score=92))
    assert caught.value.code == "key_reused"


async def test_a_batch_is_accepted_whole_or_not_at_all(referring: Bench) -> None:
    good, bad = report(key="one"), replace(report(key="two"), data={"candidate": {"id": 7}})
    with pytest.raises(Invalid) as caught:
        await referring.accept(good, bad)
    assert caught.value.at is not None
    assert caught.value.at.startswith("1.")
    assert await referring.events() == []


async def test_an_unknown_type_is_named(referring: Bench) -> None:
    with pytest.raises(Invalid) as caught:
        await referring.accept(replace(report(), type="interview.imagined"))
    assert caught.value.code == "unknown_type"


async def test_personal_data_is_not_in_the_stored_row(referring: Bench) -> None:
    [event] = await referring.accept(report())
    async with referring.hub.store.look() as look:
        stored = await look.event(TENANT, event)
    assert stored is not None
    assert b"Ada" not in stored.body
    assert b"example.com" not in repr(stored).encode()


async def test_two_rules_with_one_name_for_their_steps_have_two_effects(b: Bench) -> None:
    same = action("referrals", "referral.create", id="a1")
    both = {name: rule(REPORT, "report.overall.score", "gt", least, same) for name, least in (("one", 10), ("two", 20))}
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": both})
    await b.accept(report())
    first, second = await b.deliveries()
    assert isinstance(first, Delivery)
    assert isinstance(second, Delivery)
    assert first.key != second.key
