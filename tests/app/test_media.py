"""Recordings: sent in parts however often it takes, sealed, played in ranges, mended, erased."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.adapters.clock import ManualClock
from hub.adapters.media import Directory, Mirrored
from hub.adapters.memory.blobs import MemoryBlobs
from hub.app.media.media import ABANDONED, LINK_LIFE, MAX_PART, Media
from hub.app.media.scrub import Scrub
from hub.domain.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from hub.domain.ids import TenantId
from tests.support.hubs import TENANT, Bench, bench

VIDEO = os.urandom(700_000)


async def pieces(data: bytes, size: int = 64_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def send(media: Media, data: bytes = VIDEO, size: int = 300_000, subject: str | None = "cand_1") -> str:
    id = await media.begin(TENANT, subject, "video/webm")
    numbers = range(0, len(data), size)
    for number, at in enumerate(numbers, 1):
        await media.put_part(TENANT, id, number, pieces(data[at : at + size]))
    await media.complete(TENANT, id, len(numbers))
    return id


async def played(media: Media, id: str, start: int = 0, length: int | None = None) -> bytes:
    medium = await media.medium(TENANT, id)
    return b"".join(
        [piece async for piece in media.play(medium, start, medium.size - start if length is None else length)]
    )


@pytest.fixture
def b() -> Bench:
    return bench()


@pytest.fixture
def media(b: Bench) -> Media:
    return b.hub.media


async def test_a_recording_comes_back_whole_and_in_any_range(media: Media) -> None:
    id = await send(media)
    medium = await media.medium(TENANT, id)
    assert (medium.size, len(medium.parts), medium.subject) == (len(VIDEO), 3, "cand_1")
    assert await played(media, id) == VIDEO
    for start, length in ((0, 1), (299_999, 2), (65_535, 2), (299_990, 300_020), (len(VIDEO) - 1, 1)):
        assert await played(media, id, start, length) == VIDEO[start : start + length]


async def lies_sealed(media: Media, tmp_path: Path) -> None:
    media = replace(media, blobs=Directory(tmp_path))
    marked = b"canary-7261" * 20_000
    await send(media, marked, subject="cand_canary")
    lying = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(lying) > len(marked)
    assert b"canary" not in lying


async def test_nothing_of_it_lies_in_the_clear(tmp_path: Path, media: Media) -> None:
    await lies_sealed(media, tmp_path)


class Plain:
    """Streams that are not sealed."""

    head_size = 0

    def sealing_stream(self, place: object) -> Plain:
        return self

    def update(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


async def test_a_file_in_the_clear_is_caught(tmp_path: Path, media: Media) -> None:
    """Planted: with streams that seal nothing the test above is red."""
    with pytest.raises(AssertionError):
        await lies_sealed(replace(media, streams=Plain()), tmp_path)  # type: ignore[arg-type]


async def test_parts_come_in_any_order_and_again(media: Media) -> None:
    id = await media.begin(TENANT, None, "audio/webm")
    for number in (3, 1, 3, 2, 1):
        await media.put_part(TENANT, id, number, pieces(VIDEO[:number]))
    with pytest.raises(Conflict) as caught:
        await media.put_part(TENANT, id, 2, pieces(b"other"))
    assert caught.value.code == "part_differs"
    assert [part.number for part in await media.parts(TENANT, id)] == [1, 2, 3]
    for count in (2, 4):
        with pytest.raises(Conflict) as caught:
            await media.complete(TENANT, id, count)
        assert caught.value.code == "parts_missing"
    first = await media.complete(TENANT, id, 3)
    assert await media.complete(TENANT, id, 3) == first
    assert await played(media, id) == VIDEO[:1] + VIDEO[:2] + VIDEO[:3]
    for act in (media.put_part(TENANT, id, 4, pieces(b"late")), media.complete(TENANT, id, 4)):
        with pytest.raises(Conflict) as caught:
            await act
        assert caught.value.code == "media_complete"


async def test_a_cut_connection_leaves_nothing_and_the_part_is_sent_again(media: Media) -> None:
    id = await media.begin(TENANT, None, "video/mp4")

    async def cut() -> AsyncIterator[bytes]:
        yield VIDEO[:100_000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await media.put_part(TENANT, id, 1, cut())
    assert await media.parts(TENANT, id) == []
    await media.put_part(TENANT, id, 1, pieces(VIDEO), hashlib.sha256(VIDEO).digest())
    await media.complete(TENANT, id, 1)
    assert await played(media, id) == VIDEO


async def test_what_does_not_fit_is_refused_and_leaves_nothing(media: Media) -> None:
    id = await media.begin(TENANT, None, "video/mp4")

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    for number, data, digest, code in (
        (1, endless(), None, "part_too_large"),
        (0, pieces(b"x"), None, "bad_part"),
        (10**6, pieces(b"x"), None, "bad_part"),
        (1, pieces(b"x"), bytes(32), "digest_mismatch"),
    ):
        with pytest.raises(Invalid) as caught:
            await media.put_part(TENANT, id, number, data, digest)
        assert caught.value.code == code
    assert await media.parts(TENANT, id) == []
    for kind in ("text/html", "image/svg+xml", ""):
        with pytest.raises(Invalid) as caught:
            await media.begin(TENANT, None, kind)
        assert caught.value.code == "media_type"
    assert MAX_PART == 16 * 1024 * 1024


@pytest.mark.parametrize("id", ["", "med_1", "../../etc/passwd", "med_" + "A" * 32, "med_" + "0" * 32])
async def test_an_id_that_is_none_is_not_found(media: Media, id: str) -> None:
    with pytest.raises(NotFound):
        await media.medium(TENANT, id)
    with pytest.raises(NotFound):
        await media.put_part(TENANT, id, 1, pieces(b"x"))


async def test_another_tenant_sees_nothing(media: Media) -> None:
    id = await send(media)
    for act in (media.medium(TenantId(2), id), media.parts(TenantId(2), id), media.delete(TenantId(2), id)):
        with pytest.raises(NotFound):
            await act


async def test_blobs_that_were_exchanged_are_refused(media: Media) -> None:
    one, two = await send(media, subject="cand_1"), await send(media, subject="cand_1")
    blobs = media.blobs
    assert isinstance(blobs, MemoryBlobs)
    whole = dict(blobs.blobs)
    for a, z in (
        (f"1/{one}/part-00001", f"1/{two}/part-00001"),
        (f"1/{one}/part-00001", f"1/{one}/part-00002"),
        (f"1/{one}/manifest", f"1/{two}/manifest"),
        (f"1/{one}/manifest", f"1/{one}/upload"),
    ):
        blobs.blobs[a] = whole[z]
        with pytest.raises(HubError):
            await played(media, one)
        blobs.blobs[a] = whole[a]
    assert await played(media, one) == VIDEO


async def test_a_link_plays_for_one_person_and_one_minute(media: Media, b: Bench) -> None:
    id, other = await send(media), await send(media)
    link, ends = await media.link(TENANT, id, "tok_ada")
    assert ends == b.clock.now() + LINK_LIFE
    assert (await media.follow(TENANT, id, link, "tok_ada")).id == id
    raw = bytearray(base64.urlsafe_b64decode(link + "=" * (-len(link) % 4)))
    raw[-1] ^= 1
    forged = base64.urlsafe_b64encode(bytes(raw)).decode()
    for where, what, who in (
        (id, link, "tok_eve"),
        (other, link, "tok_ada"),
        (id, forged, "tok_ada"),
        (id, "", "tok_ada"),
        (id, "not base64!", "tok_ada"),
        (id, link[:-8], "tok_ada"),
    ):
        with pytest.raises(Forbidden) as caught:
            await media.follow(TENANT, where, what, who)
        assert caught.value.code == "bad_link"
    b.clock.advance(59.9)
    assert await media.follow(TENANT, id, link, "tok_ada")
    b.clock.advance(0.1)
    with pytest.raises(Forbidden):
        await media.follow(TENANT, id, link, "tok_ada")


async def test_destroying_the_persons_key_erases_the_recording(media: Media, b: Bench) -> None:
    id, other = await send(media, subject="cand_1"), await send(media, subject="cand_2")
    await b.hub.keys.set_apart()
    while await b.hub.keys.advance():
        pass
    assert len((await b.hub.keys.destroy(TENANT, "cand_1")).keys) == 1
    with pytest.raises(Conflict) as caught:
        await media.medium(TENANT, id)
    assert caught.value.code == "key_destroyed"
    assert await played(media, other) == VIDEO
    b.clock.advance(ABANDONED.total_seconds() + 1)
    assert await media.sweep() == 0  # complete ones are never swept
    await media.delete(TENANT, id)
    with pytest.raises(NotFound):
        await media.parts(TENANT, id)


async def test_what_nobody_completed_is_swept_after_a_week(media: Media, b: Bench) -> None:
    whole, left = await send(media), await media.begin(TENANT, "cand_1", "video/webm")
    await media.put_part(TENANT, left, 1, pieces(VIDEO))
    assert await media.sweep() == 0
    b.clock.advance(ABANDONED.total_seconds() + 1)
    fresh = await media.begin(TENANT, "cand_1", "video/webm")
    assert await media.sweep() == 1
    assert await played(media, whole) == VIDEO
    assert await media.parts(TENANT, fresh) == []
    with pytest.raises(NotFound):
        await media.parts(TENANT, left)


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "swap"])
async def test_rot_is_found_and_mended_from_the_other_copy(b: Bench, tmp_path: Path, harm: str) -> None:
    both = Mirrored(Directory(tmp_path / "one"), Directory(tmp_path / "two"))
    media = replace(b.hub.media, blobs=both)
    ids = [await send(media) for _ in range(3)]
    scrub = Scrub(media, both.copies, b.meter)
    clean = await scrub()
    assert (clean.blobs, clean.damaged, clean.lost) == (15, 0, 0)
    files = sorted(path for path in (tmp_path / "one").rglob("*") if path.is_file())
    before = [path.read_bytes() for path in files]
    for index, path in enumerate(files):
        if harm == "remove":
            path.unlink()
            continue
        raw = bytearray(path.read_bytes())
        if harm == "flip":
            raw[len(raw) * index // len(files)] ^= 0x10
        elif harm == "cut":
            del raw[-1:]
        else:
            raw = bytearray(before[index - 1])
        path.write_bytes(raw)
    found = await scrub()
    assert (found.damaged, found.repaired, found.lost) == (15, 15, 0)
    assert (await scrub()).damaged == 0
    for id in ids:
        assert await played(replace(media, blobs=both.copies[0]), id) == VIDEO


async def test_what_no_copy_has_whole_is_reported_lost(b: Bench, tmp_path: Path) -> None:
    both = Mirrored(Directory(tmp_path / "one"), Directory(tmp_path / "two"))
    media = replace(b.hub.media, blobs=both)
    id = await send(media)
    for place in ("one", "two"):
        (tmp_path / place / f"1/{id}/part-00002").write_bytes(b"rot")
    found = await Scrub(media, both.copies, b.meter)()
    assert (found.damaged, found.repaired, found.lost) == (2, 0, 1)
    assert "media.lost" in [name for name, _ in b.meter.notes]
    with pytest.raises(Conflict):
        await played(media, id)


async def test_many_at_once_are_all_right(media: Media) -> None:
    data = [os.urandom(90_000 + n) for n in range(100)]
    ids = await asyncio.gather(*(send(media, one, 40_000, f"cand_{n}") for n, one in enumerate(data)))
    assert [await played(media, id) for id in ids] == data


class UploadLife(RuleBasedStateMachine):
    """One recording against a dictionary: parts come in any order, again, cut off, wrong; it is completed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        made = bench(clock=ManualClock())
        self.media = made.hub.media
        self.id = self.run(self.media.begin(TENANT, "cand_1", "video/webm"))
        self.parts: dict[int, bytes] = {}
        self.whole: bytes | None = None

    def run(self, act):  # type: ignore[no-untyped-def]
        return self.loop.run_until_complete(act)

    def teardown(self) -> None:
        self.loop.close()

    @rule(number=st.integers(1, 4), data=st.binary(max_size=50), cut=st.booleans())
    def send(self, number: int, data: bytes, cut: bool) -> None:
        async def coming() -> AsyncIterator[bytes]:
            yield data
            if cut:
                raise ConnectionResetError

        try:
            self.run(self.media.put_part(TENANT, self.id, number, coming()))
        except Conflict as error:
            said = error.code
        except ConnectionResetError:
            said = "cut"
        else:
            said = "taken"
        if self.whole is not None:
            wanted = "media_complete"
        elif cut:
            wanted = "cut"
        else:
            wanted = "taken" if self.parts.setdefault(number, data) == data else "part_differs"
        assert said == wanted

    @rule(count=st.integers(0, 4))
    def complete(self, count: int) -> None:
        try:
            self.run(self.media.complete(TENANT, self.id, count))
            assert count == len(self.parts)
            self.whole = b"".join(self.parts[number] for number in range(1, count + 1))
        except Conflict:
            assert self.whole is not None or sorted(self.parts) != list(range(1, count + 1)) or count == 0

    @invariant()
    def what_is_there_is_what_was_sent(self) -> None:
        found = {part.number: part.sha256 for part in self.run(self.media.parts(TENANT, self.id))}
        assert found == {number: hashlib.sha256(data).hexdigest() for number, data in self.parts.items()}
        if self.whole is not None:
            assert self.run(played(self.media, self.id)) == self.whole


TestUploadLife = UploadLife.TestCase
TestUploadLife.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize(
    "claims",
    [
        b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\nhttp://169.254.169.254/latest\n',
        b"ffconcat version 1.0\nfile 'file:///etc/passwd'\nduration 1000000000\n",
        b"<MPD><BaseURL>http://127.0.0.1:9200/</BaseURL></MPD>",
        b"\0\0\0\x18ftypmp42" + b"\0\0\0\x6cmoov\0\0\0\x6cmvhd" + b"\xff" * 40,  # 2^32 ticks, cut off in its moov
    ],
    ids=["HLS", "concat", "DASH", "moov"],
)
async def test_a_recording_is_bytes_to_us_whatever_it_claims_to_be(media: Media, claims: bytes) -> None:
    assert await played(media, await send(media, claims, size=25)) == claims
