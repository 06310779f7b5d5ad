"""Recordings by HTTP: parts, completion, links that play for one caller, ranges."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest

from tests.support.hubs import TENANT
from tests.web.conftest import Api

VIDEO = os.urandom(400_000)


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


async def recorded(api: Api, data: bytes = VIDEO, size: int = 150_000) -> str:
    begun = await api.client.post(
        "/v1/media", json={"content_type": "video/webm", "subject": "cand_1"}, headers=api.auth
    )
    assert begun.status_code == 201
    id: str = begun.json()["id"]
    numbers = range(0, len(data), size)
    for number, at in enumerate(numbers, 1):
        part = data[at : at + size]
        headers = {**api.auth, "content-digest": digest(part), "content-type": "application/octet-stream"}
        answer = await api.client.put(f"/v1/media/{id}/parts/{number}", content=part, headers=headers)
        assert (answer.status_code, answer.json()["size"]) == (200, len(part))
    answer = await api.client.post(f"/v1/media/{id}/complete", json={"parts": len(numbers)}, headers=api.auth)
    assert (answer.status_code, answer.json()["size"]) == (200, len(data))
    return id


async def linked(api: Api, id: str) -> str:
    answer = await api.client.post(f"/v1/media/{id}/links", headers=api.auth | {"x-purpose": "quality_review"})
    assert answer.status_code == 201
    url: str = answer.json()["url"]
    return url


async def test_a_recording_is_played_whole_and_in_ranges(api: Api) -> None:
    url = await linked(api, await recorded(api))
    whole = await api.client.get(url, headers=api.auth)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/webm")
    assert whole.content == VIDEO
    assert whole.headers["cache-control"] == "no-store"
    for asked, start, end in (
        ("0-0", 0, 1),
        ("149999-150000", 149_999, 150_001),
        ("-5", 399_995, 400_000),
        ("399000-", 399_000, 400_000),
        ("5-999999999", 5, 400_000),
    ):
        answer = await api.client.get(url, headers={**api.auth, "range": f"bytes={asked}"})
        assert answer.status_code == 206
        assert answer.content == VIDEO[start:end]
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/400000"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=400000-",
        "bytes=5-4",
        "bytes=-0",
        "bytes=-",
        "bytes=a-b",
        "items=0-1",
        "bytes=0-0,1-1",
        "bytes=" + "0-0," * 1000,
        "bytes=-" + "9" * 30,
    ],
)
async def test_ranges_that_are_none_are_416(api: Api, asked: str) -> None:
    url = await linked(api, await recorded(api))
    answer = await api.client.get(url, headers={**api.auth, "range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "bad_range")


async def test_a_forwarded_link_plays_nothing(api: Api) -> None:
    url = await linked(api, await recorded(api))
    _, other = await api.bench.hub.access.make(TENANT, "other", {"media:read"}, "test")
    answer = await api.client.get(url, headers={"authorization": f"Bearer {other}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_link")
    assert (await api.client.get(url)).status_code == 401
    api.bench.clock.advance(61)
    assert (await api.client.get(url, headers=api.auth)).status_code == 403


async def test_a_sender_that_was_cut_off_asks_what_is_there(api: Api) -> None:
    begun = await api.client.post("/v1/media", json={"content_type": "video/webm"}, headers=api.auth)
    path = f"/v1/media/{begun.json()['id']}"
    bad = {**api.auth, "content-digest": digest(b"other")}
    assert (await api.client.put(f"{path}/parts/1", content=b"one", headers=bad)).json()["code"] == "digest_mismatch"
    await api.client.put(f"{path}/parts/2", content=b"two", headers=api.auth)
    listed = (await api.client.get(f"{path}/parts", headers=api.auth)).json()["parts"]
    assert [(part["number"], part["size"]) for part in listed] == [(2, 3)]
    early = await api.client.post(f"{path}/complete", json={"parts": 2}, headers=api.auth)
    assert (early.status_code, early.json()["code"]) == (409, "parts_missing")
    other = await api.client.put(f"{path}/parts/2", content=b"TWO", headers=api.auth)
    assert (other.status_code, other.json()["code"]) == (409, "part_differs")


async def test_what_is_declared_small_and_sends_much_is_cut_off(api: Api) -> None:
    begun = await api.client.post("/v1/media", json={"content_type": "video/webm"}, headers=api.auth)
    path = f"/v1/media/{begun.json()['id']}/parts/1"
    answer = await api.client.put(path, content=bytes(16 * 1024 * 1024 + 1), headers=api.auth)
    assert (answer.status_code, answer.json()["code"]) == (413, "part_too_large")
    assert (await api.client.get(path.rpartition("/")[0], headers=api.auth)).json() == {"parts": []}


async def test_scopes_and_ids_are_held(api: Api) -> None:
    id = await recorded(api)
    _, other = await api.bench.hub.access.make(TENANT, "other", {"events:read"}, "test")
    auth = {"authorization": f"Bearer {other}"}
    for method, path in (
        ("POST", "/v1/media"),
        ("GET", f"/v1/media/{id}/parts"),
        ("POST", f"/v1/media/{id}/links"),
        ("DELETE", f"/v1/media/{id}"),
    ):
        assert (await api.client.request(method, path, headers=auth)).status_code == 403
    for bad in ("..%2f..%2fetc", "med_1", "med_" + "g" * 32):
        assert (await api.client.post(f"/v1/media/{bad}/links", headers=api.auth)).status_code == 404
    assert (await api.client.delete(f"/v1/media/{id}", headers=api.auth)).status_code == 204
    assert (await api.client.post(f"/v1/media/{id}/links", headers=api.auth)).status_code == 404


@pytest.mark.parametrize("header", ["sha-256=:xx:", "md5=:AAAA:", "sha-256=:" + "A" * 43 + "=:x", "", "=" * 44])
async def test_a_digest_that_is_none_is_400(api: Api, header: str) -> None:
    begun = await api.client.post("/v1/media", json={"content_type": "video/webm"}, headers=api.auth)
    path = f"/v1/media/{begun.json()['id']}/parts/1"
    answer = await api.client.put(path, content=b"x", headers={**api.auth, "content-digest": header})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_header")
