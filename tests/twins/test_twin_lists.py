"""Lists are cut into pages as each vendor cuts them, and strict about what is asked."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import pytest

PERSON = {"first_name": "Yue", "last_name": "Lin", "application": {"job_id": 701}}


async def make(http: aiohttp.ClientSession, twin: Any, auth: dict[str, str], count: int) -> None:
    for n in range(count):
        email = {"value": f"p{n}@example.com", "type": "personal"}
        body = {**PERSON, "email_addresses": [email]}
        async with http.post(f"{twin.url}/v3/candidates", headers=auth, json=body) as answer:
            assert answer.status == 201


async def get(http: aiohttp.ClientSession, url: str, auth: dict[str, str]) -> tuple[int, Any, str | None]:
    async with http.get(url, headers=auth) as answer:
        link = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
        return answer.status, await answer.json(), link[1] if link else None


async def test_link_headers_lead_through_every_item_once(start: Any, http: aiohttp.ClientSession, bearer: Any) -> None:
    twin = await start("greenhouse")
    auth = await bearer(twin)
    await make(http, twin, auth, 7)
    seen, url, pages = [], f"{twin.url}/v3/candidates?per_page=3", 0
    while url:
        status, items, url = await get(http, url, auth)
        assert status == 200
        seen += [item["id"] for item in items]
        pages += 1
    assert pages == 3
    assert seen == sorted({e["id"] for e in twin.effects("candidates.create")})


async def test_a_cursor_stands_alone(start: Any, http: aiohttp.ClientSession, bearer: Any) -> None:
    twin = await start("greenhouse")
    auth = await bearer(twin)
    await make(http, twin, auth, 3)
    _, _, url = await get(http, f"{twin.url}/v3/candidates?per_page=2", auth)
    status, body, _ = await get(http, f"{url}&per_page=2", auth)
    assert status == 422
    assert "cursor" in body["message"]
    assert body["errors"][0]["message"] == body["message"]
    assert (await get(http, f"{twin.url}/v3/candidates?cursor=nonsense", auth))[0] == 422
    assert (await get(http, str(url).replace("/candidates", "/applications"), auth))[0] == 422


async def test_a_filter_lives_on_in_the_cursor(start: Any, http: aiohttp.ClientSession, bearer: Any) -> None:
    twin = await start("greenhouse")
    auth = await bearer(twin)
    await make(http, twin, auth, 5)
    ids = [e["id"] for e in twin.effects("candidates.create")]
    wanted = f"{ids[0]},{ids[2]},{ids[4]}"
    _, first, url = await get(http, f"{twin.url}/v3/candidates?ids={wanted}&per_page=2", auth)
    _, second, end = await get(http, str(url), auth)
    assert ([c["id"] for c in first + second], end) == ([ids[0], ids[2], ids[4]], None)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("colour=red", "Invalid query params: colour"),
        ("per_page=501", "500"),
        ("per_page=0", "500"),
        ("per_page=x", "500"),
        ("ids=" + ",".join(map(str, range(51))), "50"),
        ("email=a&email=b", "twice"),
    ],
)
async def test_what_a_list_refuses(start: Any, http: aiohttp.ClientSession, bearer: Any, query: str, word: str) -> None:
    twin = await start("greenhouse")
    status, body, _ = await get(http, f"{twin.url}/v3/candidates?{query}", await bearer(twin))
    assert status == 422
    assert word in body["message"]


async def test_an_address_is_found_whatever_its_case(start: Any, http: aiohttp.ClientSession, bearer: Any) -> None:
    twin = await start("greenhouse")
    auth = await bearer(twin)
    await make(http, twin, auth, 2)
    _, found, _ = await get(http, f"{twin.url}/v3/candidates?email=P1@Example.com", auth)
    assert [c["email_addresses"][0]["value"] for c in found] == ["p1@example.com"]
    _, applications, _ = await get(http, f"{twin.url}/v3/applications?candidate_ids={found[0]['id']}", auth)
    assert [(a["job_id"], a["stage_name"], a["status"]) for a in applications] == [
        (701, "Application review", "in_process")
    ]


async def test_page_numbers_with_an_envelope(
    start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]
) -> None:
    twin = await start("checkr")
    for n in range(5):
        async with http.post(
            f"{twin.url}/v1/candidates", headers=checkr_auth, json={"email": f"p{n}@example.com"}
        ) as answer:
            assert answer.status == 201
    url: str | None = f"{twin.url}/v1/candidates?per_page=2"
    pages = []
    while url:
        _, body, _ = await get(http, url, checkr_auth)
        pages.append([c["email"] for c in body["data"]])
        assert body["count"] == 5
        url = body["next_href"]
    assert pages == [["p0@example.com", "p1@example.com"], ["p2@example.com", "p3@example.com"], ["p4@example.com"]]
    assert (await get(http, f"{twin.url}/v1/candidates?per_page=101", checkr_auth))[0] == 400


async def test_a_cursor_in_an_envelope(start: Any, http: aiohttp.ClientSession) -> None:
    twin = await start("referral")
    auth = {"authorization": "Bearer token-1"}
    for n in range(3):
        body = {"candidate": {"id": f"c{n}", "name": "林悦"}, "score": 88}
        async with http.post(f"{twin.url}/api/referrals", headers=auth, json=body) as answer:
            assert answer.status == 201
    _, first, _ = await get(http, f"{twin.url}/api/referrals?limit=2", auth)
    _, second, _ = await get(http, f"{twin.url}/api/referrals?cursor={first['next_cursor']}", auth)
    assert [i["candidate"]["id"] for i in first["items"] + second["items"]] == ["c0", "c1", "c2"]
    assert second["next_cursor"] is None
