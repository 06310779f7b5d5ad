"""CloudEvents in: three content modes, bounds, problems with a stable code, nothing echoed."""

from __future__ import annotations

import json

import msgspec
import pytest

from hub.ports.store import Page
from hub.web import dto
from mappings.documents import Document
from tests.support.hubs import TENANT, report
from tests.web.conftest import Api

SINGLE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


def event(key: str = "report-1", **more: object) -> Document:
    told = report(key=key)
    base: Document = {
        "specversion": "1.0",
        "id": told.key,
        "source": told.source,
        "type": told.type,
        "subject": told.subject,
        "time": "2026-03-02T09:00:00Z",
        "datacontenttype": "application/json",
        "data": told.data,
    }
    return {**base, **more}  # type: ignore[dict-item]


async def post(api: Api, body: object, headers: dict[str, str] = SINGLE) -> tuple[int, Document]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await api.client.post("/v1/events", content=raw, headers={**api.auth, **headers})
    return answer.status_code, answer.json()


async def test_a_structured_event_is_accepted(api: Api) -> None:
    status, body = await post(api, event())
    assert status == 202
    [accepted] = body["accepted"]  # type: ignore[misc]
    assert accepted["source"] == "/ai-engine"  # type: ignore[index,call-overload]
    assert accepted["event_id"].startswith("evt_")  # type: ignore[index,call-overload,union-attr]


async def test_the_same_event_gets_the_same_answer(api: Api) -> None:
    assert await post(api, event()) == await post(api, event())


async def test_a_batch_is_accepted_in_order(api: Api) -> None:
    status, body = await post(api, [event("a"), event("b")], BATCH)
    assert status == 202
    assert [one["id"] for one in body["accepted"]] == ["a", "b"]  # type: ignore[union-attr,index,call-overload]


async def test_binary_mode(api: Api) -> None:
    told = event()
    headers = {
        "content-type": "application/json",
        **{f"ce-{k}": str(told[k]) for k in ("specversion", "id", "source", "type", "subject", "time")},
    }
    status, _ = await post(api, told["data"], headers)
    assert status == 202


@pytest.mark.parametrize(
    ("change", "code", "at"),
    [
        ({"specversion": "0.3"}, "bad_specversion", "specversion"),
        ({"id": ""}, "type", "id"),
        ({"id": "x" * 257}, "type", "id"),
        ({"source": None}, "missing", "source"),
        ({"type": "interview.imagined"}, "unknown_type", "type"),
        ({"type": "hook.received"}, "unknown_type", "type"),
        ({"time": "yesterday"}, "bad_time", "time"),
        ({"time": "2026-03-02T09:00:00"}, "bad_time", "time"),
        ({"datacontenttype": "text/xml"}, "unsupported_data", "datacontenttype"),
        ({"dataschema": "urn:hirewire:event:interview.report.completed:9"}, "unknown_version", "dataschema"),
        ({"data": None}, "missing", "data"),
        ({"data": []}, "type", "data"),
        ({"data": {"candidate": {"id": "cand_1"}}}, "missing", "data.report"),
        ({"subject": "a\nb"}, "type", "subject"),
    ],
)
async def test_what_is_wrong_is_named_with_its_place(api: Api, change: Document, code: str, at: str) -> None:
    status, body = await post(api, event(**change))
    assert (status, body["code"], body["at"]) == (422, code, at)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": 1e400}', None),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_json"),
        (b'{"a": "\\ud800"}', "not_json"),
        (b"[" * 100_000 + b"]" * 100_000, "not_json"),
        (b'{"data":' * 150 + b"1" + b"}" * 150, "too_deep"),
    ],
)
async def test_bytes_that_are_no_event_are_refused(api: Api, raw: bytes, code: str | None) -> None:
    status, body = await post(api, raw)
    assert status in (400, 422)
    if code is not None:
        assert (status, body["code"]) == (400, code)


async def test_an_unknown_content_type_is_415(api: Api) -> None:
    status, body = await post(api, event(), {"content-type": "application/msgpack"})
    assert (status, body["code"]) == (415, "unsupported_media_type")


async def test_too_large_a_body_is_413(api: Api) -> None:
    status, body = await post(api, b" " * (10 * 1024 * 1024 + 1))
    assert (status, body["code"]) == (413, "too_large")


async def test_a_reused_key_is_422(api: Api) -> None:
    await post(api, event())
    other = event(data=report(score=12).data)
    status, body = await post(api, other)
    assert (status, body["code"]) == (422, "key_reused")


async def test_values_are_not_echoed(api: Api) -> None:
    told = event()
    assert isinstance(told["data"], dict)
    told["data"]["candidate"] = {"id": "cand_1", "email": ["secret-canary@example.com"]}
    status, body = await post(api, told)
    assert status == 422
    assert "canary" not in json.dumps(body)


async def test_events_can_be_read_back(api: Api) -> None:
    _, body = await post(api, event())
    number = body["accepted"][0]["event_id"]  # type: ignore[index,call-overload]
    listed = await api.client.get("/v1/events?type=interview.report.completed", headers=api.auth)
    assert [item["id"] for item in listed.json()["items"]] == [number]
    one = await api.client.get(f"/v1/events/{number}", headers=api.auth)
    assert one.json()["data"]["candidate"]["email"] == "ada@example.com"


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=1000000000", "limit=x", "cursor=nonsense"])
async def test_bad_paging_is_400(api: Api, query: str) -> None:
    answer = await api.client.get(f"/v1/events?{query}", headers=api.auth)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_pages_follow_each_other(api: Api) -> None:
    await post(api, [event(str(n)) for n in range(5)], BATCH)
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await api.client.get(f"/v1/events?limit=2{cursor}", headers=api.auth)).json()
        seen += [item["source_id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ["4", "3", "2", "1", "0"]


async def test_a_large_event_comes_back_whole_and_lists_leave_bodies_where_they_are(api: Api) -> None:
    told = event()
    told["data"]["report"]["text"]["en"] = "é" * 90_000  # type: ignore[index,call-overload]
    status, body = await post(api, told)
    assert status == 202, body
    [accepted] = body["accepted"]  # type: ignore[misc]
    answer = await api.client.get(f"/v1/events/{accepted['event_id']}", headers=api.auth)  # type: ignore[index,call-overload]
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["data"] == told["data"]
    assert set(answer.json()) == {field.name for field in msgspec.structs.fields(dto.Event)}
    async with api.bench.hub.store.look() as look:
        [bare] = await look.events(TENANT, Page(5), bodies=False)
        [whole] = await look.events(TENANT, Page(5))
    assert (bare.body, bare.id, bare.request_hash) == (b"", whole.id, whole.request_hash)
