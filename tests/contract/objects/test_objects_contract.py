"""What is kept outside the database: one suite for folders and buckets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.adapters.objects import open_objects
from hub.domain.errors import Invalid, NotFound, Unavailable
from hub.ports.objects import Objects


@pytest.fixture(params=["folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    place = str(tmp_path / "kept") if request.param == "folder" else str(request.getfixturevalue("bucket"))
    return open_objects(place)


async def content(objects: Objects, name: str) -> bytes:
    return b"".join([piece async for piece in objects.get(name)])


async def test_what_is_put_is_there_whole(objects: Objects, tmp_path: Path) -> None:
    large = bytes(range(256)) * 50_000
    (tmp_path / "large").write_bytes(large)
    await objects.put("a/b/large", tmp_path / "large")
    await objects.put("a/small", b"x")
    await objects.put("a/small", b"y")
    assert await content(objects, "a/b/large") == large
    assert await content(objects, "a/small") == b"y"
    assert objects.where()


async def test_names_are_listed_by_prefix_and_sorted(objects: Objects) -> None:
    for name in ("b/2/x", "b/10/x", "b/1", "a/1", "bb/1"):
        await objects.put(name, b"")
    assert await objects.list("b/") == ["b/1", "b/10/x", "b/2/x"]
    assert await objects.list("b/1") == ["b/1", "b/10/x"]
    assert await objects.list("c/") == []
    assert len(await objects.list("")) == 5


async def test_what_is_not_there_is_named(objects: Objects) -> None:
    with pytest.raises(NotFound):
        await content(objects, "a/none")
    await objects.put("a/one", b"1")
    await objects.drop("a/one")
    await objects.drop("a/one")
    with pytest.raises(NotFound):
        await content(objects, "a/one")


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
async def test_a_name_does_not_lead_out_of_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        await open_objects(str(tmp_path / "kept")).put(name, b"")
    assert list(tmp_path.iterdir()) == []


async def test_a_place_that_is_away_is_to_be_tried_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable) as caught:
        await open_objects(str(tmp_path / "file")).put("a", b"")
    assert caught.value.code == "objects_unavailable"
    for name, value in {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Invalid):
        open_objects("s3://")


def test_files_are_private(tmp_path: Path) -> None:
    import asyncio

    asyncio.run(open_objects(str(tmp_path / "kept")).put("a/b", b"x"))
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "kept", tmp_path / "kept/a/b")] == [
        "0o700",
        "0o600",
    ]
