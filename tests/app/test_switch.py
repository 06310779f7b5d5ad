"""A connection that was switched off, mended and resumed delivers what was held for it."""

from __future__ import annotations

import pytest

from hub.app.queries import state_name
from hub.domain.connections import ConnectionState
from hub.domain.errors import NotFound
from tests.support.hubs import TENANT, Bench, report


async def test_resuming_releases_what_was_held_and_is_on_the_record(referring: Bench) -> None:
    referring.vendor.answers(410).then(201, b'{"id":"ref_9","status":"submitted"}')
    await referring.accept(report())
    await referring.deliver()
    assert [state_name(one) for one in await referring.deliveries()] == ["held"]
    before = await referring.hub.switch(TENANT, "referrals", ConnectionState.ACTIVE, "ops")
    assert before is ConnectionState.DISABLED
    await referring.deliver()
    assert [state_name(one) for one in await referring.deliveries()] == ["delivered"]
    async with referring.hub.store.look() as look:
        newest = next(row.act for row in await look.acts(TENANT, 1))
    assert (newest.actor, newest.action, newest.object) == ("ops", "connection.switch", "referrals")
    assert newest.detail == {"from": "disabled", "to": "active"}


async def test_a_stranger_is_not_found(referring: Bench) -> None:
    with pytest.raises(NotFound):
        await referring.hub.switch(TENANT, "nobody", ConnectionState.PAUSED, "ops")
