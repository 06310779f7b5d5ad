"""Retention by HTTP, and what a sender and a vendor hear while nothing more is accepted."""

from __future__ import annotations

import json

from hub.domain.ids import TenantId
from hub.domain.retention import DEFAULT_DAYS, Kind
from hub.ports.store import Page
from tests.app.conftest import CHECKS
from tests.app.test_vendors_answer import GOOD, completed
from tests.support.arrivals import accept, arrival
from tests.support.hubs import TENANT, report
from tests.web.conftest import Api
from tests.web.test_events_api import event

EVENT = {"content-type": "application/cloudevents+json"}


async def test_what_is_kept_and_what_of_mine_is_over(api: Api) -> None:
    await accept(api.bench.hub.store, arrival(1), arrival(2), arrival(3, tenant=TenantId(2)))
    api.bench.clock.advance(200 * 86400)
    answer = await api.client.get("/v1/retention", headers=api.auth)
    assert answer.status_code == 200
    items = {item["kind"]: item for item in answer.json()["items"]}
    assert {kind: item["days"] for kind, item in items.items()} == {str(k): days for k, days in DEFAULT_DAYS.items()}
    assert (items["events"]["over"], items["events"]["more"]) == (2, False)
    assert list(items) == [str(kind) for kind in Kind]
    _, token = await api.bench.hub.access.make(TENANT, "other", ["events:read"], "test")
    refused = await api.client.get("/v1/retention", headers={"authorization": f"Bearer {token}"})
    assert refused.json()["code"] == "missing_scope"


async def test_503_with_retry_after_before_anything_is_accepted(api: Api) -> None:
    await api.bench.configure({"connections": {"checks": CHECKS}})
    await api.bench.accept(report())
    api.bench.hub.ingest.pressure.bounds = type(api.bench.hub.ingest.pressure.bounds)(owed=1)
    async with api.bench.hub.store.look() as look:
        connection = await look.connection(TENANT, "checks")
    assert connection is not None
    sent = await api.client.post("/v1/events", content=json.dumps(event("x")), headers={**api.auth, **EVENT})
    told = await api.client.post(f"/v1/hooks/{connection.handle}", content=completed(), headers=GOOD)
    for answer in (sent, told):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), answer.text
        assert answer.json()["code"] == "backlog_full"
    async with api.bench.hub.store.look() as look:
        assert len(await look.events(TENANT, Page(10))) == 1


async def test_bodies_have_a_bound_together_and_give_their_room_back(api: Api) -> None:
    inflow = api.client.app.state["inflow"]
    inflow.limit = 10_000
    raw = json.dumps(event("x")).encode()
    inflow.held = 10_000 - len(raw) + 1  # what others are sending now
    answer = await api.client.post("/v1/events", content=raw, headers={**api.auth, **EVENT})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "overloaded", "1")
    assert api.bench.meter.refusals == ["memory"]
    assert inflow.held == 10_000 - len(raw) + 1
    inflow.held -= 1
    answer = await api.client.post("/v1/events", content=raw, headers={**api.auth, **EVENT})
    assert (answer.status_code, inflow.held) == (202, 10_000 - len(raw))
