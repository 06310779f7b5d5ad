"""A revision told beside the one in force: that one acts, this one is compared, and nothing else changes."""

from __future__ import annotations

import pytest

from hub.app.fieldbook import Fieldbook
from hub.app.rules.why_words import event_lines
from hub.domain.errors import Conflict, NotFound
from hub.ports.rules import Compared
from tests.app.conftest import REPORT, action, rule
from tests.support.hubs import CATALOG, TENANT, Bench, report

NAME = "high score"


def body(least: int, event: str = REPORT, field: str = "report.overall.score"):  # type: ignore[no-untyped-def]
    return rule(event, field, "gt", least, action("referrals", "referral.create"))["rule"]


async def beside(b: Bench, least: int = 60) -> None:
    await b.hub.lifecycle.draft(TENANT, NAME, body(least), "ann")
    await b.hub.comparisons.begin(TENANT, NAME, "ann")


async def test_the_live_revision_acts_and_the_other_is_counted(referring: Bench) -> None:
    await beside(referring)
    events = [(await referring.accept(report(score=score, key=str(score))))[0] for score in (50, 70, 90)]
    assert [len(await referring.deliveries(one)) for one in events] == [0, 0, 1]
    so_far = await referring.hub.comparisons.so_far(TENANT, NAME)
    assert (so_far.events, so_far.counts) == (3, Compared(both=1, newly=1, no_longer=0))
    assert (so_far.revision.number, so_far.against.number, so_far.newly) == (2, 1, (events[1],))
    found = await referring.hub.why.event(TENANT, events[1])
    assert [(one.rule, one.revision.number, one.reason) for one in found.findings] == [
        (NAME, 1, "not_met"),
        (NAME, 2, "newly"),
    ]
    fields = Fieldbook(CATALOG)
    assert "would act, which that one does not" in event_lines(found, fields, "en")[-1]
    assert "与现行版本并行观察：会执行" in event_lines(found, fields, "zh-CN")[-1]
    assert [verdict for name, verdict in referring.meter.verdicts if name == NAME] == ["no", "no", "fired"]


async def test_what_would_no_longer_happen_is_named(referring: Bench) -> None:
    await beside(referring, 95)
    [event] = await referring.accept(report(score=90))
    so_far = await referring.hub.comparisons.so_far(TENANT, NAME)
    assert (so_far.counts, so_far.no_longer) == (Compared(no_longer=1), (event,))


async def test_it_ends_by_itself_when_a_revision_comes_into_force(referring: Bench) -> None:
    await beside(referring)
    changed, _ = await referring.hub.lifecycle.turn(TENANT, NAME, "live", "ann")
    assert (changed.live, changed.beside) == (changed.latest, None)
    with pytest.raises(NotFound):
        await referring.hub.comparisons.so_far(TENANT, NAME)
    with pytest.raises(Conflict) as caught:
        await referring.hub.comparisons.end(TENANT, NAME, "ann")
    assert caught.value.code == "not_beside"


async def test_it_is_ended_by_a_person_too(referring: Bench) -> None:
    await beside(referring)
    assert (await referring.hub.comparisons.end(TENANT, NAME, "ann")).beside is None
    await referring.accept(report(score=70))
    async with referring.hub.store.look() as look:
        latest = (await referring.hub.lifecycle.rule(TENANT, NAME)).latest
        assert await look.compared(latest.id) == Compared()


@pytest.mark.parametrize("why", ["same_revision", "not_in_force", "other_event"])
async def test_what_cannot_be_compared_is_refused(referring: Bench, why: str) -> None:
    life = referring.hub.lifecycle
    if why == "not_in_force":
        await life.turn(TENANT, NAME, "paused", "ann")
    if why == "other_event":
        await life.draft(TENANT, NAME, body(3, "interview.completed", "interview.duration_ms"), "ann")
    with pytest.raises(Conflict) as caught:
        await referring.hub.comparisons.begin(TENANT, NAME, "ann")
    assert caught.value.code == why
