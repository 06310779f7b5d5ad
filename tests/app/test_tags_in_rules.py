"""A word that one rule puts on a candidate is read by others, by branches, and by those who ask why later on."""

from __future__ import annotations

from typing import Any

from hub.app.fieldbook import Fieldbook
from hub.app.rules.why_words import event_lines
from hub.domain.replays import ReplayKind, ReplayWanted
from tests.app.conftest import REFERRALS, REPORT
from tests.app.test_runs import accept, checked, later, tags
from tests.support.hubs import CATALOG, START, TENANT, Bench, bench, report

FIELDS = Fieldbook(CATALOG)


def asks(op: str, word: str = "seen") -> Any:
    return {"kind": "clause", "id": "t", "field": "candidate.tags", "op": op, "value": word}


def call(id_: str = "a") -> Any:
    return {"kind": "action", "id": id_, "connection": "referrals", "operation": "referral.create"}


def mark(word: str = "seen", **more: Any) -> Any:
    return {"kind": "tag", "id": f"mark-{word}", "tag": word, **more}


def rule(event: str, *then: Any, when: Any = None) -> Any:
    return {"rule": {"schema": 1, "trigger": {"event": event}, **({"when": when} if when else {}), "then": list(then)}}


async def hub_with(**rules: Any) -> Bench:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": rules})
    return b


CHECK = "background_check.completed"


async def test_one_rule_marks_and_another_asks() -> None:
    b = await hub_with(marks=rule(REPORT, mark()), asks=rule(CHECK, call(), when=asks("contains")))
    await accept(b, checked())
    assert await b.deliveries() == []
    await accept(b, report())
    await accept(b, checked(key="check-2"), checked(key="check-3", candidate="cand_2"))
    [made] = await b.deliveries()
    assert made.step.endswith(".a")


async def test_no_words_is_known_to_be_none_and_what_the_event_tells_counts_too() -> None:
    b = await hub_with(first=rule(REPORT, call(), mark(), when=asks("not_contains")))
    told = report(key="told")
    told.data["candidate"]["tags"] = ["seen"]  # type: ignore[index,call-overload]
    await accept(b, told)
    assert await b.deliveries() == []
    for key in ("one", "two"):
        await accept(b, report(key=key))
    assert len(await b.deliveries()) == 1  # its own mark keeps it from acting twice


async def test_a_branch_sees_the_word_that_its_own_run_has_just_put() -> None:
    branch = {"kind": "branch", "id": "b", "when": asks("contains"), "then": [call("yes")], "else": [call("no")]}
    b = await hub_with(r=rule(REPORT, mark(), branch))
    await accept(b, report())
    assert [one.step.partition(".")[2] for one in await b.deliveries()] == ["yes"]


async def test_an_event_told_in_the_same_batch_sees_it_too() -> None:
    tell = {"kind": "emit", "id": "e", "event": "application.updated", "with": {"application": {"id": "a"}}}
    b = await hub_with(
        tells=rule(REPORT, mark(), tell), asks=rule("application.updated", call(), when=asks("contains"))
    )
    await accept(b, report())
    assert len(await b.deliveries()) == 1


async def test_who_asks_later_sees_the_words_of_then() -> None:
    off = rule("offer.declined", mark(remove=True))
    b = await hub_with(marks=rule(REPORT, mark()), off=off, asks=rule(CHECK, call(), when=asks("contains")))
    [before] = await accept(b, checked())
    await later(b, hours=1)
    await accept(b, report())
    await later(b, hours=1)
    [after] = await accept(b, checked(key="check-2"))
    why = b.hub.why
    assert [one.reason for one in (await why.event(TENANT, before)).findings] == ["not_met"]
    assert [one.reason for one in (await why.event(TENANT, after)).findings] == ["acted"]
    lines = event_lines(await why.event(TENANT, before), FIELDS, "en")
    assert "Tags must contain “seen”, was an empty list" in lines[2]
    [then, now] = [
        (await b.hub.queries.why(TENANT, one, b.clock.now(), "asks"))[0].explanation.verdict for one in (before, after)
    ]
    assert (then, now) == (False, True)
    assert await tags(b) == ["seen"]


async def test_missing_deliveries_are_found_by_the_words_of_now() -> None:
    b = await hub_with(marks=rule(REPORT, mark()))
    await accept(b, checked())
    await accept(b, report())
    await b.configure({"rules": {"asks": rule(CHECK, call(), when=asks("contains"))}})
    await b.hub.replays.start(TENANT, ReplayWanted(kind=ReplayKind.MISSING, since=START, event_type=CHECK), "test")
    await b.hub.replays.advance(60)
    assert len(await b.deliveries()) == 1
