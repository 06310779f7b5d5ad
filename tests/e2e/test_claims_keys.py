"""Keys of every level are exchanged while two real processes accept and deliver: nothing refused, lost or unreadable."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.app.keys.exchange import DONE, Level
from hub.bootstrap import open_hub
from hub.domain.identifiers import Identifier
from hub.ports.store import Page
from hub.settings import Settings
from tests.support.hubs import TENANT
from tests.support.processes import cloud_event, producer, product, until
from tests.support.sink import run_sink

LEVELS = ("root", "class:1:pii", "owners:1:pii", "class:1:credential", "index:1")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_keys_are_exchanged_under_load(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database = str(request.getfixturevalue(f"{kind}_database"))
    async with run_sink(0.0) as sink, product(tmp_path, database) as made:
        await made.configure(sink.url)
        await made.start("serve")
        await made.start("work")
        nodes = made.opened.hub.keys.nodes

        async def two() -> bool:
            return len(await nodes.alive()) == 2

        await until(two, "both processes report their keys")
        sent, over = 0, asyncio.Event()
        async with producer(made, at_once=8) as client:

            async def load() -> None:
                nonlocal sent
                while not over.is_set():
                    sent += 1
                    number = sent
                    status, body = await client.post(cloud_event(number))
                    assert status == 202, (status, body, made.logs())
                    client.answered[str(number)] = "there"
                    await asyncio.sleep(0.1)  # a load, not a flood: the exchange needs the database too

            loads = [asyncio.create_task(load()) for _ in range(2)]
            for level in LEVELS:
                await made.opened.hub.keys.rotate(Level.read(level))
            keys = made.opened.hub.keys

            async def done() -> bool:
                [one.result() for one in loads if one.done()]
                return {one.name for one in await keys.status() if one.step == DONE} >= {*LEVELS}

            await until(done, "every exchange is done", 90)
            took = {
                one.name: (one.moved, round((one.changed_at - one.started_at).total_seconds(), 1))
                for one in await keys.status()
                if one.name in LEVELS
            }
            over.set()
            await asyncio.gather(*loads)
        await sink.until(sent)
        await made.drained()
        assert (len(sink.tries), sink.doubled, len(client.answered)) == (sent, 0, sent)
        roots = {one.id: one.roots[0] for one in await nodes.alive()}
        fresh = open_hub(Settings.read(made.environment))
        read, before = 0, None
        while True:
            async with fresh.hub.store.look() as look:
                events = await look.events(TENANT, Page(200, before))
            for event in events:
                assert (await fresh.hub.queries.data(event))["candidate"]
                read += 1
            if len(events) < 200:
                break
            before = events[-1].id
        assert read == sent
        assert len(await fresh.hub.find(TENANT, Identifier.EMAIL, "ada@example.com")) == min(sent, 100)
        assert not await fresh.hub.keys.index.left(TENANT)
        assert {row[3] for row in await fresh.hub.keys.shelf.count_keys() if row[1] == "class"} == {"rk_2"}
        await fresh.close()
    print(f"{kind}: {sent} events under way, moved and seconds by level {took}, roots {sorted(roots.values())}")
