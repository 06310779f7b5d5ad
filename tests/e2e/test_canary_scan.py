"""Sixty marked values go through a whole scenario; none is found in the clear in files, database, its log, logs, metrics, traces.

Files too: let through at once, kept in quarantine and let go, kept for good, refused as malware.

A mark is looked for as it is, in base64 (as webhooks are kept), in hex and as JSON escapes.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from hub.adapters.vault.sealed_box import generate
from hub.bootstrap import open_backup
from hub.settings import Settings
from tests.support.collector import collector
from tests.support.hubs import TENANT
from tests.support.postgres import binaries
from tests.support.processes import SINGLE, Product, cloud_event, product
from tests.support.scanner import EICAR, Twin, twin

CANDIDATES = 10
COMMON = "canary7261"  # how every mark begins: a quick look before the long one


class Marks:
    """Values that stand for personal data, each its own."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def __call__(self, what: str, chinese: bool = False) -> str:
        mark = f"{COMMON}{what}{os.urandom(6).hex()}"
        self.all.append(mark)
        return f"{'林' if chinese else ''}{mark}"

    def found_in(self, raw: bytes) -> list[str]:
        if not any(form in raw for form in _forms(COMMON)):
            return []
        return [mark for mark in self.all if any(form in raw for form in _forms(mark))]


def _forms(mark: str) -> Iterable[bytes]:
    raw = mark.encode()
    yield raw
    yield raw.hex().encode()
    for shift in range(3):  # the same text at each of the three places of base64
        yield base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]


def test_the_scan_sees_what_it_looks_for() -> None:
    """Planted: plain, hex, base64 at any offset. Without this the test below could pass blind."""
    marks = Marks()
    mark = marks("canary")
    for lead in range(5):
        text = b"x" * lead + mark.encode() + b"tail"
        assert marks.found_in(text) == [mark]
        assert marks.found_in(base64.b64encode(text)) == [mark]
        assert marks.found_in(text.hex().encode()) == [mark]
    assert marks.found_in(b"nothing of it") == []


@asynccontextmanager
async def vendor(marks: Marks) -> AsyncIterator[str]:
    """Fails at every third once with personal data in its answer, then takes it, saying personal data again.

    Not at all: then the breaker may open, and half a minute goes by.
    """
    seen: set[str] = set()

    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        key = request.headers.get("idempotency-key", body)
        fails, _ = key not in seen and len(seen) % 3 == 0, seen.add(key)
        told = {"error": marks("vendorfail"), "id": f"ref_{len(seen)}", "status": "submitted", "note": body}
        return web.json_response(told, status=500 if fails else 201, headers={"x-note": marks("vendorhead")})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def scenario(made: Product, marks: Marks) -> str:
    """Events good and bad, deliveries that fail and succeed, a recording, look-ups; the metrics in the end."""
    hub = made.opened.hub
    scopes = ("events:write", "events:read", "media:write", "media:read", "metrics:read", "deliveries:read")
    _, token = await hub.access.make(TENANT, "canary", scopes, "test")
    auth = {"authorization": f"Bearer {token}"}
    base = f"http://127.0.0.1:{made.port}"
    async with aiohttp.ClientSession(headers=auth) as client:
        for number in range(CANDIDATES):
            event = cloud_event(number)
            candidate, about = event["data"]["candidate"], event["data"]["report"]
            candidate["name"]["full"], candidate["name"]["family"] = marks("name", True), marks("family")
            candidate["email"] = f"{marks('mail')}@example.com"
            about["summary"] = {"en": marks("summary"), "zh-CN": marks("summary", True)}
            about["text"] = {"en": marks("text") + " sentence" * 50, "zh-CN": "面试报告"}
            async with client.post(made.url, json=event, headers={"content-type": SINGLE}) as answer:
                assert answer.status == 202, await answer.text()
        for bad in ({"data": {"candidate": {"email": marks("bad")}}}, {**cloud_event(1), "type": marks("badtype")}):
            async with client.post(made.url, json=bad, headers={"content-type": SINGLE}) as answer:
                assert 400 <= answer.status < 500
        async with client.post(
            made.url, data=f'{{"x": "{marks("notjson")}"', headers={"content-type": SINGLE}
        ) as answer:
            assert answer.status == 400
        async with client.get(
            f"{base}/v1/candidates/{marks('path')}@example.com/timeline?x={marks('query')}"
        ) as answer:
            assert answer.status in (400, 404)
        async with client.post(
            f"{base}/v1/candidates/identify", json={"email": f"{marks('who')}@example.com"}
        ) as answer:
            assert answer.status == 200
        async with client.post(
            f"{base}/v1/candidates/find", json={"email": f"{marks('sought')}@example.com"}
        ) as answer:
            assert answer.status == 200
        async with client.post(f"{base}/v1/media", json={"content_type": "video/webm", "subject": "cand_1"}) as answer:
            id = (await answer.json())["id"]
        async with client.put(f"{base}/v1/media/{id}/parts/1", data=f"{marks('video')}".encode() * 10_000) as answer:
            assert answer.status == 200
        async with client.post(f"{base}/v1/media/{id}/complete", json={"parts": 1}) as answer:
            assert answer.status == 200
        await made.drained(90)
        async with client.get(f"{base}/metrics") as answer:
            assert answer.status == 200
            return await answer.text()


async def uploaded(
    client: aiohttp.ClientSession, base: str, marks: Marks, content: bytes = b""
) -> tuple[str, int, Any]:
    """A file with a marked name and marked content; its id, and how its completion is answered."""
    begin = {"content_type": "application/pdf", "subject": f"cand_{os.urandom(4).hex()}"}
    named = {"content-disposition": f'attachment; filename="{marks("filename")}.pdf"'}
    async with client.post(f"{base}/v1/media", json=begin, headers=named) as answer:
        id = (await answer.json())["id"]
    data = content + f"%PDF-1.7 {marks('content')}".encode() * 2_000 + marks("filemeta", True).encode()
    for number, part in enumerate((data[:30_000], data[30_000:]), 1):
        async with client.put(f"{base}/v1/media/{id}/parts/{number}", data=part, headers=named) as answer:
            assert answer.status == 200, await answer.text()
    async with client.post(f"{base}/v1/media/{id}/complete", json={"parts": 2}, headers=named) as answer:
        return id, answer.status, await answer.json()


async def quarantined(made: Product, scanner: Twin, marks: Marks) -> None:
    """Every way of a file through the scanner; the last one stays in quarantine."""
    hub, base = made.opened.hub, f"http://127.0.0.1:{made.port}"
    _, token = await hub.access.make(TENANT, "files", ("media:write", "media:read"), "test")
    headers = {"authorization": f"Bearer {token}", "x-purpose": "quality_review"}
    async with aiohttp.ClientSession(headers=headers) as client:
        _, status, told = await uploaded(client, base, marks)
        assert (status, told.get("state")) == (200, "ready"), told
        id, status, told = await uploaded(client, base, marks, EICAR)
        assert (status, told["code"]) == (422, "malware_found")
        async with client.get(f"{base}/v1/media/{id}/parts") as answer:
            assert answer.status == 409, "its bytes are gone"
        scanner.away = True
        id, status, told = await uploaded(client, base, marks)
        assert (status, told.get("state")) == (200, "quarantined"), told
        async with client.post(f"{base}/v1/media/{id}/links") as answer:
            assert answer.status == 409, await answer.text()
        scanner.away = False
        await hub.quarantine.work_off()
        async with client.post(f"{base}/v1/media/{id}/links") as answer:
            assert answer.status == 201, await answer.text()
        scanner.says = f"stream: {marks('scannersaid')} ERROR".encode()
        for _ in range(2):
            _, status, told = await uploaded(client, base, marks)
            assert (status, told.get("state")) == (200, "quarantined"), told
        await hub.quarantine.work_off()


SPOOLS = """
import tempfile

from hub.adapters import clamd

real = clamd.Clamd.scan


async def scan(self, pieces):
    with tempfile.NamedTemporaryFile(delete=False) as spool:
        async for piece in pieces:
            spool.write(piece)

    async def again():
        with open(spool.name, "rb") as kept:
            yield kept.read()

    return await real(self, again())


clamd.Clamd.scan = scan
"""  # a file is written in the clear before it is scanned, and left behind


async def test_a_planted_file_in_the_clear_before_the_scanner_is_found(sqlite_database: str, tmp_path: Path) -> None:
    planted, temporary, marks = tmp_path / "planted", tmp_path / "tmp", Marks()
    planted.mkdir()
    temporary.mkdir()
    (planted / "sitecustomize.py").write_text(SPOOLS, "utf-8")
    found: dict[bool, set[str]] = {}
    for faulty in (False, True):
        async with (
            twin() as (scanner, _),
            product(tmp_path / "home", sqlite_database, HIREWIRE_SCANNER=scanner.address) as made,
        ):
            made.environment |= {"TMPDIR": str(temporary)}
            if faulty:
                made.environment["PYTHONPATH"] = f"{planted}:{made.environment['PYTHONPATH']}"
            await made.opened.begin()
            serve = await made.start("serve")
            await quarantined(made, scanner, marks)
            await made.stop(serve)
        seen = {mark for path in tmp_path.rglob("*") if path.is_file() for mark in marks.found_in(path.read_bytes())}
        found[faulty] = {mark.removeprefix(COMMON)[:7] for mark in seen}
    assert found == {False: set(), True: {"content", "filemet"}}


async def database_of(url: str, since: str | None) -> AsyncIterator[tuple[str, bytes]]:
    """Every value of every table, and what the write-ahead log got in this time."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            for row in await connection.fetch(f'SELECT * FROM "{table}"'):
                values = [value if isinstance(value, bytes) else str(value).encode() for value in row]
                yield f"table {table}", b"\0".join(values)
        if since is not None:
            names = await connection.fetch(
                "SELECT name FROM pg_ls_waldir() WHERE name BETWEEN pg_walfile_name($1::text::pg_lsn) "
                "AND pg_walfile_name(pg_current_wal_lsn()) AND length(name) = 24",
                since,
            )
            for (name,) in names:
                yield f"wal {name}", await connection.fetchval("SELECT pg_read_binary_file('pg_wal/' || $1)", name)
    finally:
        await connection.close()


async def wal_position(url: str) -> str | None:
    """Where PostgreSQL's log stands, None where we may not read it."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            return None
        return str(await connection.fetchval("SELECT pg_current_wal_lsn()::text"))
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_nothing_personal_lies_in_the_clear(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    database = request.getfixturevalue(f"{kind}_database")
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    marks = Marks()
    since = await wal_position(database) if kind == "postgres" else None
    kept = {"HIREWIRE_BACKUP_TO": str(tmp_path / "kept"), "HIREWIRE_BACKUP_RECIPIENTS": generate()[0]}
    async with (
        collector() as traces,
        vendor(marks) as sink,
        twin() as (scanner, _),
        product(home, database, HIREWIRE_SCANNER=scanner.address, **kept) as made,
    ):
        made.environment |= {
            "TMPDIR": str(temporary),
            "HIREWIRE_LOG_LEVEL": "debug",
            "HIREWIRE_TRACES": traces.url,
            "HIREWIRE_LOOPS": "embedded",
        }
        await made.configure(sink)
        document = {
            "hirewire": 1,
            "connections": {
                "sink": {
                    "connector": "referral",
                    "config": {"base_url": sink},
                    "secrets": {"api_token": marks("secret")},
                }
            },
        }
        await made.opened.hub.configure.apply(TENANT, document, "test")  # type: ignore[arg-type]
        serve = await made.start("serve")
        await quarantined(made, scanner, marks)
        metrics = await scenario(made, marks)
        backups = open_backup(Settings.read(made.environment), made.opened)
        assert backups is not None
        assert (await backups.whole.run()).blobs > 0  # looked at with everything else below
        found: dict[str, list[str]] = {}

        def look(where: str, raw: bytes) -> None:
            if seen := marks.found_in(raw):
                found.setdefault(where, []).extend(seen)

        look("metrics", metrics.encode())
        for path in sorted(tmp_path.rglob("*")):  # with the write-ahead log of SQLite as it is while it runs
            if path.is_file():
                look(str(path.relative_to(tmp_path)), path.read_bytes())
        if kind == "postgres":
            async for where, raw in database_of(database, since):
                look(where, raw)
            dump = await asyncio.create_subprocess_exec(
                str(binaries() / "pg_dump"), "--inserts", database, stdout=asyncio.subprocess.PIPE
            )
            raw, _ = await dump.communicate()
            assert b"candidate_lookup" in raw
            look("dump", raw)
        await made.stop(serve)
        assert len(traces.named("POST ")) >= CANDIDATES + CANDIDATES // 3
        look("traces", repr(traces.spans).encode())
        for path in sorted(tmp_path.rglob("*")):
            if path.is_file():
                look(str(path.relative_to(tmp_path)), path.read_bytes())
        log = (home / "serve-0.log").read_text()
    assert len(marks.all) >= 60
    assert "delivery.attempted" in log, "the log was written and looked at"
    assert found == {}
