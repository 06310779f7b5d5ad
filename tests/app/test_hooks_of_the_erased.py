"""What vendors tell of a person lies under that person's key, and of an erased one nothing is taken."""

from __future__ import annotations

import json

import pytest

from hub.domain.errors import Conflict
from hub.ports.store import Page
from tests.app.conftest import CHECKS, ORDER_CHECK
from tests.app.test_vendors_answer import GOOD, Checkr, completed
from tests.support.hubs import TENANT, Bench, report
from tests.support.subjects import CANDIDATE, approved, carried


async def hooked(b: Bench) -> str:
    """A check is ordered; the address of the connection's hooks."""
    await b.hub.keys.set_apart()
    while await b.hub.keys.advance():
        pass
    await b.configure({"connections": {"checks": CHECKS}, "rules": {"order": ORDER_CHECK}})
    b.vendor.does(Checkr())
    await b.accept(report())
    await b.deliver()
    async with b.hub.store.look() as look:
        connection = await look.connection(TENANT, "checks")
    assert connection is not None
    return connection.handle


async def told(b: Bench, handle: str) -> None:
    """The vendor says that the report is there."""
    await b.hub.receive(handle, GOOD, completed())
    await b.deliver()


async def bodies(b: Bench, type_: str) -> list[bytes]:
    async with b.hub.store.look() as look:
        return [event.body for event in await look.events(TENANT, Page(50), type=type_)]


async def test_a_webhook_that_was_read_dies_with_the_person(b: Bench) -> None:
    await told(b, await hooked(b))
    assert len(await bodies(b, "background_check.completed")) == 1
    async with b.hub.store.look() as look:
        [hook] = await look.events(TENANT, Page(5), type="hook.received")
        [read] = await look.deliveries(TENANT, Page(5), event=hook.id)
        [tried] = await look.attempts(TENANT, read.id)
    assert "rep_77" in json.dumps((await b.hub.queries.attempts(TENANT, read.id))[0].talk)
    assert tried.talk is not None
    await carried(b, (await approved(b.hub.erasures)).id)
    for opened in (b.hub.queries.data(hook), b.hub.queries.attempts(TENANT, read.id)):
        with pytest.raises(Conflict) as caught:
            await opened
        assert caught.value.code == "key_destroyed"


async def test_what_a_vendor_tells_of_an_erased_person_is_not_taken(b: Bench) -> None:
    handle = await hooked(b)
    async with b.hub.store.look() as look:
        holders = await look.holders(TENANT, CANDIDATE)
    assert [sorted(refs) for refs in holders.values()] == [["background_check", "candidate"]]
    await carried(b, (await approved(b.hub.erasures)).id)
    await told(b, handle)  # keys are gone, look-ups too; the vendor's hook was on its way
    assert await bodies(b, "background_check.completed") == []
    async with b.hub.store.look() as look:
        [hook] = await look.events(TENANT, Page(5), type="hook.received")
        [read] = await look.deliveries(TENANT, Page(5), event=hook.id)
    assert await b.hub.queries.data(hook) == {}
    assert (await b.hub.queries.attempts(TENANT, read.id))[0].talk == []
    assert b.meter.notes
