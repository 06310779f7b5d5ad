"""What cannot be stored or mapped stays its own trouble: neighbours in the same commit and lane do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hub.adapters.db import open_store
from hub.app.incoming import Incoming
from hub.domain.deliveries import Final
from hub.domain.errors import Invalid
from hub.domain.ids import EventId
from hub.ports.queue import DoneDelivery
from mappings.documents import Document, Json
from tests.support.hubs import TENANT, Bench, bench, report

ODD = ["a\u200d\u202eb", "\ufdd0\uffff", "\U0001f468‍\U0001f469‍\U0001f467", "林\u0301悦", "\x01\x7f\x85\u2028", "𠮷野家"]
POISON: list[tuple[str, Json, str]] = [
    ("nul", "Ada\x00Sample", "unfit_text"),
    ("nul alone", "\x00", "unfit_text"),
    ("half a pair", "Ada\ud83d", "not_json"),
    ("the other half", "\udc00", "not_json"),
]


@pytest.fixture(params=["sqlite", "postgres"])
async def b(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A hub on a real database, whose time stands still; a report goes to the referral system."""
    store = open_store(str(request.getfixturevalue(f"{request.param}_database")))
    made = bench(store)
    await made.hub.vault.prepare(TENANT)
    step: Document = {"kind": "action", "id": "refer", "connection": "referrals", "operation": "referral.create"}
    rule: Document = {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [step]}
    referrals: Document = {
        "connector": "referral",
        "config": {"base_url": "https://ref.example"},
        "secrets": {"api_token": "t"},
    }
    await made.configure({"connections": {"referrals": referrals}, "rules": {"all": {"rule": rule}}})
    made.vendor.answers(201, b'{"id": "r-1", "status": "received"}')
    yield made
    await store.close()


def named(key: str, name: Json, **more: object) -> Incoming:
    """A report of a candidate of this name."""
    plain = replace(report(key="named", candidate=f"cand_{len(key)}"), key=key)
    candidate = plain.data["candidate"]
    assert isinstance(candidate, dict)
    data = {**plain.data, "candidate": {**candidate, "name": {"full": name}}}
    return replace(plain, data=data, **more)  # type: ignore[arg-type]


async def accepted(b: Bench, incoming: Incoming) -> EventId | Invalid:
    """The event's id, or how it was refused."""
    try:
        [receipt] = await b.hub.ingest(TENANT, [incoming])
    except Invalid as error:
        return error
    return receipt.id


async def test_text_that_cannot_be_stored_is_refused_and_its_neighbours_in_the_commit_are_accepted(b: Bench) -> None:
    """One event with NUL or half a surrogate pair is refused at its place; the others of that group are accepted."""
    told = [named(f"bad-{n}", text) for n, (_, text, _) in enumerate(POISON)]
    told += [
        named("key\x00", "Ada", subject="cand_x"),
        named("subject", "Ada", subject="cand\x00"),
        named("source", "Ada", source="/ai\ud800"),
    ]
    good = [named(f"good-{n}", text) for n, text in enumerate(ODD)]
    answers = await asyncio.gather(
        *(accepted(b, one) for pair in zip(told, [*good, report()], strict=True) for one in pair)
    )
    refused = [one for one in answers if isinstance(one, Invalid)]
    places = [(one.code, one.at) for one in refused]
    name = "data.candidate.name.full"
    assert places == [
        ("unfit_text", name), ("unfit_text", name), ("not_json", "data"), ("not_json", "data"),
        ("unfit_text", "id"), ("unfit_text", "subject"), ("unfit_text", "source"),
    ]  # fmt: skip
    assert not any("Ada" in str(one) for one in refused)
    assert len({one for one in answers if not isinstance(one, Invalid)}) == len(good) + 1
    await b.deliver()
    sent = {post.json["candidate"]["name"] for post in b.vendor.posts}  # type: ignore[index,call-overload]
    assert sent >= {*ODD[:4], ODD[5]}
    assert all(isinstance(one, DoneDelivery) and one.final is Final.DELIVERED for one in await b.deliveries())


@pytest.mark.parametrize("place", ["note", "no\x00te"])
async def test_nul_in_an_open_field_is_found_by_value_and_by_name(b: Bench, place: str) -> None:
    """Where a customer's own fields may stand, names are checked as well as values."""
    bad = report()
    candidate = bad.data["candidate"]
    assert isinstance(candidate, dict)
    data: Document = {**bad.data, "candidate": {**candidate, "custom": {place: "a\x00b"}}}
    refused = await accepted(b, replace(bad, data=data))
    assert isinstance(refused, Invalid)
    assert refused.code in {"unfit_text", "bad_name"}


async def test_text_that_only_speaks_of_nul_is_accepted(b: Bench) -> None:
    """A backslash, a u and four noughts in a text are six plain characters."""
    event = await accepted(b, named("spoken", r"Ada \u0000"))
    assert not isinstance(event, Invalid)


async def test_a_delivery_that_cannot_be_mapped_is_dead_and_the_others_complete(b: Bench) -> None:
    """A mapping that fails is tried as often as the policy says, then dead; the others of the batch are delivered."""
    own: Document = {
        "name": "needs_phone",
        "version": 1,
        "fields": [
            {"to": "candidate.id", "from": "candidate.id", "required": True},
            {"to": "candidate.name", "from": "candidate.phone", "required": True},
        ],
    }
    step: Document = {
        "kind": "action", "id": "call", "connection": "referrals", "operation": "referral.create",
        "mapping": "needs_phone@1",
    }  # fmt: skip
    rule: Document = {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [step]}
    await b.configure({"mappings": [own], "rules": {"all": {"rule": rule}}})
    b.hub.library.forget()
    whole = [report(key=f"whole-{n}", candidate=f"cand_{n}") for n in range(40)]
    lame = []
    for n in range(10):
        plain = report(key=f"lame-{n}", candidate=f"lame_{n}")
        candidate = plain.data["candidate"]
        assert isinstance(candidate, dict)
        lame.append(
            replace(plain, data={**plain.data, "candidate": {k: v for k, v in candidate.items() if k != "phone"}})
        )
    mixed = [one for n in range(10) for one in (lame[n], *whole[4 * n : 4 * n + 4])]
    events = await b.accept(*mixed)
    for _ in range(4):
        await b.deliver()
        b.clock.advance(3600)
    finals = {}
    for one in await b.deliveries():
        assert isinstance(one, DoneDelivery)
        finals[one.event] = one.final
    assert [finals[event] for event in events] == [Final.DEAD if one in lame else Final.DELIVERED for one in mixed]
    assert len(b.vendor.posts) == 40
