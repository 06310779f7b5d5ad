"""Finding candidates over HTTP: by a body, so that what is sought stands in no log of addresses, and on record."""

from __future__ import annotations

import pytest

from tests.support.hubs import TENANT, report
from tests.web.conftest import Api
from tests.web.test_audit_api import acts


async def test_by_each_value_and_on_record_without_it(api: Api) -> None:
    await api.bench.accept(report())
    for body in ({"email": "ADA@example.com"}, {"phone": "001 202 555 0143"}):
        answer = await api.client.post("/v1/candidates/find", json=body, headers=api.auth)
        assert (answer.status_code, answer.json()) == (200, {"candidate_ids": ["cand_1"]})
    nobody = await api.client.post("/v1/candidates/find", json={"id_number": "E12345678"}, headers=api.auth)
    assert nobody.json() == {"candidate_ids": []}
    found = await acts(api, "candidate.find")
    assert len(found) == 3
    assert "ada" not in repr(found).lower()
    assert "0143" not in repr(found)


@pytest.mark.parametrize(
    "body",
    [{}, {"email": "a@b.example", "phone": "138 0013 8000"}, {"email": "nobody"}, {"phone": 7}, {"name": "Ada"},
     {"connection": "x"}, {"id_number": "1"}, []],
)  # fmt: skip
async def test_what_is_no_such_value_is_refused_without_repeating_it(api: Api, body: object) -> None:
    answer = await api.client.post("/v1/candidates/find", json=body, headers=api.auth)
    assert answer.status_code == 422
    assert "nobody" not in answer.text


async def test_an_unknown_connection_is_not_found(api: Api) -> None:
    body = {"external_id": "E-1", "connection": "nowhere"}
    answer = await api.client.post("/v1/candidates/find", json=body, headers=api.auth)
    assert answer.status_code == 404


async def test_only_those_who_may_read_events_may_find(api: Api) -> None:
    _, secret = await api.bench.hub.access.make(TENANT, "sender", ["events:write"], "test")
    headers = {"authorization": f"Bearer {secret}"}
    answer = await api.client.post("/v1/candidates/find", json={"email": "ada@example.com"}, headers=headers)
    assert answer.status_code == 403
