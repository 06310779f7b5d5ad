"""What every place for blobs keeps to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.adapters.media import Directory
from hub.domain.errors import Invalid, NotFound, Unavailable
from hub.ports.media import Blobs


async def put(blobs: Blobs, name: str, data: bytes, *, replace: bool = False) -> bool:
    async with blobs.begin(name, replace=replace) as sink:
        for at in range(0, len(data), 1000):
            await sink.write(data[at : at + 1000])
        return await sink.publish()


async def names(blobs: Blobs, prefix: str = "") -> set[str]:
    return {name async for name in blobs.names(prefix)}


async def test_what_was_published_is_there_in_any_range(blobs: Blobs) -> None:
    data = bytes(range(256)) * 40
    assert await put(blobs, "1/med_a/part-00001", data)
    assert await blobs.size("1/med_a/part-00001") == len(data)
    assert await blobs.read("1/med_a/part-00001", 0, len(data)) == data
    assert await blobs.read("1/med_a/part-00001", 255, 3) == data[255:258]


async def test_the_first_of_a_name_stays(blobs: Blobs) -> None:
    assert await put(blobs, "1/a/x", b"first")
    assert not await put(blobs, "1/a/x", b"second")
    assert await blobs.read("1/a/x", 0, 100) == b"first"
    assert await put(blobs, "1/a/x", b"mended", replace=True)
    assert await blobs.read("1/a/x", 0, 100) == b"mended"


async def test_of_many_at_once_one_wins(blobs: Blobs) -> None:
    won = await asyncio.gather(*(put(blobs, "1/a/x", b"%d" % n) for n in range(8)))
    assert sum(won) == 1
    assert await blobs.read("1/a/x", 0, 100) == b"%d" % won.index(True)


async def test_what_was_not_published_was_never_there(blobs: Blobs, tmp_path: Path) -> None:
    async def torn() -> None:
        async with blobs.begin("1/a/x") as sink:
            await sink.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await torn()
    async with blobs.begin("1/a/y") as sink:
        await sink.write(b"left")
    assert await names(blobs) == set()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    with pytest.raises(NotFound):
        await blobs.size("1/a/x")
    with pytest.raises(NotFound):
        await blobs.read("1/a/y", 0, 1)


async def test_names_and_deletion(blobs: Blobs) -> None:
    for name in ("1/a/x", "1/a/y", "1/ab/x", "2/a/x"):
        await put(blobs, name, b"x")
    assert await names(blobs) == {"1/a/x", "1/a/y", "1/ab/x", "2/a/x"}
    assert await names(blobs, "1/a") == {"1/a/x", "1/a/y"}
    assert await names(blobs, "9") == set()
    await blobs.delete("1/a/x")
    await blobs.delete("1/a/x")
    assert await names(blobs, "1/a") == {"1/a/y"}


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".hidden", "a/\x00", "a" * 200, "a\nb"]
)
async def test_a_name_never_leads_out_of_the_place(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        await Directory(tmp_path).size(name)
    assert caught.value.code == "bad_media_name"


async def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    blobs = Directory(tmp_path / "media")
    await put(blobs, "1/a/x", b"x")
    assert (tmp_path / "media").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "media/1/a/x").stat().st_mode & 0o777 == 0o600
    (tmp_path / "media/1/a/link").symlink_to("/etc/passwd")
    with pytest.raises(Unavailable):
        await blobs.read("1/a/link", 0, 1)


async def test_file_and_directory_are_synced_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that lost none of 80 files in power cuts: file, name, directory."""
    import os

    acts: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        acts.append("directory" if os.fstat(descriptor).st_mode & 0o40000 else "file")
        fsync(descriptor)

    def noted_link(*given: object) -> None:
        acts.append("name")
        link(*given)  # type: ignore[arg-type]

    blobs = Directory(tmp_path / "media")
    await put(blobs, "1/a/first", b"x")
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    await put(blobs, "1/a/x", b"x" * 3000)
    assert acts == ["file", "name", "directory"]
