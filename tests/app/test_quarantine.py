"""Files that come in are not served before they are judged; malware goes, on record; a scanner that is away loses nothing."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.adapters.clamd import Clamd
from hub.app.media.media import Media
from hub.app.media.quarantine import Quarantine
from hub.domain.errors import Conflict, HubError, Invalid, Unavailable
from hub.ports.scanner import Verdict
from tests.support.hubs import TENANT, Bench, bench
from tests.support.scanner import EICAR, twin

CLEAN = b"%PDF-1.7 nothing of interest" * 100


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1000):
        yield data[at : at + 1000]


def guarded(b: Bench, scanner: Clamd) -> Quarantine:
    b.hub.media.quarantine = True
    b.hub.quarantine.scanner = scanner
    return b.hub.quarantine


async def sent(media: Media, *parts: bytes) -> str:
    id = await media.begin(TENANT, "cand_1", "application/pdf")
    for number, part in enumerate(parts, 1):
        await media.put_part(TENANT, id, number, pieces(part))
    return id


async def refused(media: Media, id: str) -> str:
    with pytest.raises(HubError) as caught:
        await media.link(TENANT, id, "somebody")
    return caught.value.code


async def test_a_clean_file_is_ready_at_once() -> None:
    b = bench()
    async with twin() as (seen, scanner):
        quarantine = guarded(b, scanner)
        id = await sent(b.hub.media, CLEAN[:1500], CLEAN[1500:])
        assert await quarantine.received(await b.hub.media.complete(TENANT, id, 2))
        assert seen.files == [CLEAN]
    await b.hub.media.link(TENANT, id, "somebody")


async def test_eicar_over_two_parts_is_refused_on_record_and_gone() -> None:
    b = bench()
    async with twin() as (_, scanner):
        quarantine = guarded(b, scanner)
        id = await sent(b.hub.media, EICAR[:30], EICAR[30:])
        with pytest.raises(Invalid) as caught:
            await quarantine.received(await b.hub.media.complete(TENANT, id, 2))
    assert caught.value.code == "malware_found"
    assert await refused(b.hub.media, id) == "malware_found"
    for act in (b.hub.media.parts(TENANT, id), b.hub.media.complete(TENANT, id, 2)):
        with pytest.raises(Conflict):
            await act
    names = sorted([name.rpartition("/")[2] async for name in b.hub.media.blobs.names("")])
    assert names == ["refused", "upload"]
    async with b.hub.store.look() as look:
        acts = [linked.act for linked in await look.acts(TENANT, 9)]
    assert [(act.action, act.object, act.outcome) for act in acts] == [("media.refuse", id, "refused")]
    assert acts[0].detail["signature"] == "Eicar-Test-Signature"
    assert ("scanned", {"verdict": "malware"}) in b.meter.notes


async def test_while_the_scanner_is_away_files_wait_and_are_judged_when_it_returns() -> None:
    b = bench()
    async with twin() as (seen, scanner):
        quarantine, seen.away = guarded(b, scanner), True
        good, bad = await sent(b.hub.media, CLEAN), await sent(b.hub.media, EICAR)
        for id in (good, bad):
            assert not await quarantine.received(await b.hub.media.complete(TENANT, id, 1))
            assert await refused(b.hub.media, id) == "media_quarantined"
        await quarantine.work_off()
        assert await refused(b.hub.media, good) == "media_quarantined"
        seen.away = False
        await quarantine.work_off()
    await b.hub.media.link(TENANT, good, "somebody")
    assert await refused(b.hub.media, bad) == "malware_found"


@pytest.mark.parametrize(
    "said", [b"INSTREAM size limit exceeded. ERROR", b"stream: OK FOUND ERROR", b"OK", b"\xff" * 5000]
)
async def test_whatever_is_no_verdict_lets_nothing_go(said: bytes) -> None:
    b = bench()
    async with twin() as (seen, scanner):
        quarantine, seen.says = guarded(b, scanner), said
        id = await sent(b.hub.media, CLEAN)
        assert not await quarantine.received(await b.hub.media.complete(TENANT, id, 1))
    assert await refused(b.hub.media, id) == "media_quarantined"


async def test_a_planted_gate_that_does_not_ask_serves_what_nobody_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can fail: without the gate, a file that waits is served."""
    monkeypatch.setattr(Media, "_judged", Media.medium)
    b = bench()
    async with twin() as (seen, scanner):
        quarantine, seen.away = guarded(b, scanner), True
        id = await sent(b.hub.media, EICAR)
        assert not await quarantine.received(await b.hub.media.complete(TENANT, id, 1))
    await b.hub.media.link(TENANT, id, "somebody")


async def test_without_a_scanner_nothing_waits() -> None:
    b = bench()
    id = await sent(b.hub.media, EICAR)
    assert await b.hub.quarantine.received(await b.hub.media.complete(TENANT, id, 1))
    await b.hub.media.link(TENANT, id, "somebody")


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Clamd]:
    """clamd itself, with one signature of our own: its database cannot be fetched everywhere."""
    program = shutil.which("clamd") or shutil.which("/usr/sbin/clamd")
    if program is None:
        pytest.skip("clamd is not installed: the twin speaks for it")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "eicar.ndb").write_text(f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n", "ascii")
    socket = tmp_path / "clamd.ctl"
    settings = {
        "LocalSocket": socket,
        "DatabaseDirectory": tmp_path / "db",
        "Foreground": "yes",
        "StreamMaxLength": "1M",
    }
    (tmp_path / "clamd.conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()), "utf-8")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, "-c", str(tmp_path / "clamd.conf")], stdout=log, stderr=log)
    try:
        yield Clamd(f"unix://{socket}", timeout_s=20)
    finally:
        process.terminate()
        process.wait(20)


async def test_clamd_itself(real: Clamd) -> None:
    verdict = None
    for _ in range(200):  # until it has read its database
        try:
            verdict = await real.scan(pieces(EICAR))
            break
        except Unavailable:
            await asyncio.sleep(0.1)
    assert verdict is not None
    assert verdict.signature is not None
    assert verdict.signature.startswith("Eicar-Test-Signature")
    assert await real.scan(pieces(CLEAN)) == Verdict()
    with pytest.raises(Unavailable) as caught:
        await real.scan(pieces(bytes(3 << 20)))
    assert caught.value.code in ("scanner_refuses", "scanner_away")
