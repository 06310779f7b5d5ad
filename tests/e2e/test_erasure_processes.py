"""A person is erased by real processes that are killed at it, with real twins of vendors: no mark of them can be read after."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hub.adapters.twins import Twin, load, run_twin
from hub.bootstrap import open_hub
from hub.domain.deliveries import Final
from hub.domain.errors import Conflict
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page
from hub.settings import Settings
from tests.e2e.test_canary_scan import Marks, database_of
from tests.support.hubs import report
from tests.support.processes import Product, product, until
from tests.support.subjects import CANDIDATE, rule

CONNECTORS = Path(__file__).parents[2] / "connectors"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SECRETS: dict[str, dict[str, Any]] = {
    "ats": {
        "client_id": "id",
        "client_secret": "secret",
        "acting_user_id": "4001",
        "webhook_secret": "h",
        "partner_key": "p",
    },
    "feed": {"signing_secret": WHSEC, "webhook_secret": WHSEC},
}
KEPT_SECRET = ("client_secret", "webhook_secret", "partner_key", "signing_secret")


async def told(made: Product, ats: Twin, feed: Twin, marks: Marks) -> None:
    """A marked person in the hub, at an ATS and at a receiver of webhooks."""
    hub = made.opened.hub
    document: dict[str, Any] = {
        "hirewire": 1,
        "connections": {
            "ats": {"connector": "greenhouse", **_settings(ats, SECRETS["ats"])},
            "feed": {"connector": "webhook", **_settings(feed, SECRETS["feed"])},
        },
        "rules": {"all": rule(("ats", "candidate.upsert"), ("feed", "event.send"))},
    }
    await hub.configure.apply(TENANT, document, "test")
    one = report()
    candidate: Any = one.data["candidate"]
    candidate["name"] = {
        "full": marks("name"),
        "given": marks("given"),
        "family": marks("family"),
        "order": "given_first",
    }
    candidate["email"] = f"{marks('mail')}@example.com"
    await hub.ingest(TENANT, [one])


def _settings(twin: Twin, secrets: dict[str, Any]) -> dict[str, Any]:
    whole = {**twin.config, **secrets}
    return {
        "config": {name: value for name, value in whole.items() if name not in KEPT_SECRET},
        "secrets": {name: value for name, value in whole.items() if name in KEPT_SECRET},
    }


async def delivered(made: Product) -> bool:
    async with made.opened.hub.store.look() as look:
        found = await look.deliveries(TENANT, Page(50))
    return len(found) >= 2 and all(isinstance(d, DoneDelivery) and d.final is Final.DELIVERED for d in found)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_processes_killed_at_it_erase_a_person_for_good(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue(f"{kind}_database")
    home, marks = tmp_path / "home", Marks()
    async with (
        run_twin(load(CONNECTORS / "greenhouse"), state_dir=tmp_path / "t1", secrets=SECRETS["ats"]) as ats,
        run_twin(load(CONNECTORS / "webhook"), state_dir=tmp_path / "t2", secrets=SECRETS["feed"]) as feed,
        product(
            home, database, HIREWIRE_EGRESS_PORTS=f"{ats.url.rpartition(':')[2]},{feed.url.rpartition(':')[2]}"
        ) as made,
    ):
        hub = made.opened.hub
        await told(made, ats, feed, marks)
        await hub.keys.set_apart()
        while await hub.keys.advance():
            pass
        worker = await made.start("work")
        await until(lambda: delivered(made), "both vendors have it")
        backup = await copied(kind, database, tmp_path)
        assert await readable(made, backup)
        asked = await hub.erasures.ask(TENANT, CANDIDATE, "the candidate asks", "usr_hr")
        await hub.erasures.decide(TENANT, asked.id, asked.digest, "usr_s1", approve=True)
        await hub.erasures.decide(TENANT, asked.id, asked.digest, "usr_s2", approve=True)

        async def state() -> str:
            return (await hub.erasures.one(TENANT, asked.id))[0].state

        seen: set[str] = set()
        while (before := await state()) != "done":
            seen.add(before)
            await made.kill(worker)
            worker = await made.start("work")

            async def moved(known: str = before) -> bool:
                return await state() != known

            await until(moved, f"it goes on behind {before}", 90)
        one, notices = await hub.erasures.one(TENANT, asked.id)
        assert {n.state for n in notices} == {"acknowledged"}
        assert {n.operation for n in notices} == {"candidate.erase", "event.send"}
        assert len(seen) >= 2
        assert await unreadable(made, backup)
        found: dict[str, list[str]] = {}
        for path in sorted(home.rglob("*")):
            if path.is_file() and (hits := marks.found_in(path.read_bytes())):
                found[str(path)] = hits
        if kind == "postgres":
            async for where, raw in database_of(database, None):
                if hits := marks.found_in(raw):
                    found[where] = hits
        assert found == {}
        certificate = await hub.erasures.certificate(TENANT, asked.id, "usr_hr")
        assert certificate["all_acknowledged"] is True
        assert not marks.found_in(json.dumps(certificate).encode())
        assert one.counts["look_ups"]
        await made.stop(worker)


async def copied(kind: str, database: str, at: Path) -> list[tuple[str, bytes]]:
    """The sealed bodies as a backup has them: (event id, envelope)."""
    if kind == "sqlite":
        path = database.removeprefix("sqlite:///")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as source, sqlite3.connect(at / "backup.db") as target:
            source.backup(target)
            rows = target.execute("SELECT event_id, body FROM event_body").fetchall()
        return [(f"evt_{id_}", body) for id_, body in rows]
    import asyncpg

    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("SELECT event_id, body FROM event_body")
    finally:
        await connection.close()
    return [(f"evt_{id_.hex}", body) for id_, body in rows]


async def _opens(made: Product, backup: list[tuple[str, bytes]]) -> list[str]:
    """How each body of the backup ends with the keys of now, in a process that starts now: `open`, or the refusal."""
    from hub.app.places import body_place
    from hub.domain.ids import EventId

    fresh, said = open_hub(Settings.read({k: v for k, v in made.environment.items() if k.startswith("HIREWIRE_")})), []
    try:
        for id_, body in backup:
            await fresh.hub.vault.prepare(TENANT, sealed=[body])
            try:
                fresh.hub.vault.open(body_place(TENANT, EventId(id_)), body)
                said.append("open")
            except Conflict as error:
                said.append(error.code)
    finally:
        await fresh.close()
    return said


async def readable(made: Product, backup: list[tuple[str, bytes]]) -> bool:
    return bool(backup) and set(await _opens(made, backup)) == {"open"}


async def unreadable(made: Product, backup: list[tuple[str, bytes]]) -> bool:
    return bool(backup) and set(await _opens(made, backup)) == {"key_destroyed"}
