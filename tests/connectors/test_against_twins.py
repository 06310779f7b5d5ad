"""The shipped connectors against their local vendors, through the real transport: one effect however often it is tried."""

import asyncio
import base64
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from hub.adapters.catalog import FolderCatalog
from hub.adapters.clock import SystemClock
from hub.adapters.http.guard import Guard
from hub.adapters.http.router import Router
from hub.adapters.http.signatures import VendorSignatures
from hub.adapters.twins import load, run_twin
from hub.domain.connections import Connection, Lane
from hub.domain.deliveries import Delivered
from hub.domain.errors import Unauthorized
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.transport import Channel
from hub.sdk import Hook, Job
from mappings.canonical import checker
from mappings.engine import compile_mapping

CATALOG = FolderCatalog()
CATALOG_FOLDER = Path(__file__).parents[2] / "connectors"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SECRETS = {
    "webhook": {"signing_secret": WHSEC, "webhook_secret": WHSEC},
    "checkr": {"api_key": "key-of-the-account"},
    "greenhouse": {
        "client_id": "id:with colon",
        "client_secret": "s+e/c%r:t",
        "acting_user_id": "4001",
        "webhook_secret": "hook-secret",
        "partner_key": "partner-key",
    },
    "referral": {"api_token": "token-1", "webhook_secret": "ref-secret"},
    "email": {},
}
CANDIDATE = {
    "id": "cand_7f3a",
    "name": {"full": "林悦"},
    "email": "lin.yue@example.com",
    "phone": "+8613800000000",
    "locale": "zh-CN",
}
REPORT = {
    "id": "rep_81",
    "completed_at": "2026-03-02T08:59:00+00:00",
    "overall": {"score": 88, "recommendation": "recommend"},
    "summary": {"en": "Clear answers.", "zh-CN": "回答清楚。"},
}
JOB = {"id": "job_12", "title": "销售经理", "country": "US", "locations": [{"country": "US", "region": "TX"}]}
EVENT = {
    "candidate": CANDIDATE,
    "job": JOB,
    "report": REPORT,
    "background_check": {"id": "bgc_5", "status": "completed", "result": "clear"},
}


class Hub:
    """What the hub does of a delivery, and no more: map, run, send, remember refs."""

    def __init__(self, name, twin, transport):
        self.connector, self.twin, self.transport, self.refs = CATALOG.get(name), twin, transport, {}
        secret = {n for n, s in self.connector.config_schema["properties"].items() if s.get("x-secret")}
        given = {**SECRETS[name], **twin.config}
        self.config = {name: value for name, value in given.items() if name not in secret}
        connection = Connection(ConnectionId(1), TenantId(1), "con_1", name, name, self.config, Lane())
        secrets = {name: str(value) for name, value in given.items() if name in secret}
        self.channel = Channel(connection, secrets, self.connector.wire)

    async def deliver(self, operation, key="ab" * 16, data=EVENT, *, forget=False, order=None, attempt=1, **extra):
        if forget:
            self.refs = {}
        mapping = self.connector.operations[operation].mapping
        doc = data if mapping is None else compile_mapping(self.connector.mappings[mapping]).apply(data)
        job = self.job(operation, {**doc, **extra}, key, order=order or {}, attempt=attempt)
        outcome = await self.talk(self.connector.run(job))
        assert isinstance(outcome, Delivered), outcome
        self.refs = {**self.refs, **outcome.refs}
        return outcome

    def job(self, operation, doc, key, **more):
        return Job(operation, doc, self.config, key, self.refs, now=datetime.now(UTC), **more)

    async def talk(self, exchange):
        try:
            request = next(exchange)
            while True:
                request = exchange.send(await self.transport.send(self.channel, request))
        except StopIteration as done:
            return done.value

    def happened(self, kind):
        return [effect for effect in self.twin.effects(kind) if not effect["replayed"]]


@pytest.fixture
async def hub(tmp_path):
    """`hub(name)` as an async context: a twin, the transport and the connector between them."""
    async with AsyncExitStack() as stack:
        transport = Router.build(Guard(allow_loopback=True, allow_http=True, allow_config_hosts=True), SystemClock())
        stack.push_async_callback(transport.close)

        async def start(name):
            twin = await stack.enter_async_context(
                run_twin(load(CATALOG_FOLDER / name), state_dir=tmp_path, secrets=SECRETS[name], speed=1000.0)
            )
            return Hub(name, twin, transport)

        yield start


class Mailbox:
    """Takes webhooks over HTTP."""

    def __init__(self):
        self.hooks, self.url = asyncio.Queue(), ""

    async def take(self, request):
        await self.hooks.put(({k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response()


@pytest.fixture
async def mailbox():
    box = Mailbox()
    app = web.Application()
    app.router.add_post("/hook", box.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    box.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield box
    await runner.cleanup()


async def test_greenhouse_file_note_and_stage_exist_once(hub):
    ats = await hub("greenhouse")
    for forget in (False, True, False):
        await ats.deliver("report.attach", forget=forget)
        await ats.deliver("note.add", "cd" * 16)
        await ats.deliver("application.advance", "ef" * 16)
    assert len(ats.happened("candidates.create")) == 1
    assert len(ats.happened("attachments.create")) == 1
    assert len(ats.happened("notes.create")) == 1
    assert [e["kind"] for e in ats.happened(None) if "move" in e["kind"]] == ["applications.move"]


async def test_greenhouse_an_offer_is_terms_and_stage(hub):
    ats = await hub("greenhouse")
    for _ in range(2):
        await ats.deliver("offer.create", terms="CNY 25,000 a month")
    assert len(ats.happened("notes.create")) == 1
    assert len(ats.happened("applications.move")) == 1


async def test_greenhouse_the_same_candidate_for_another_job_is_one_candidate(hub):
    ats = await hub("greenhouse")
    await ats.deliver("candidate.upsert")
    other = {**EVENT, "job": {"id": "j2", "refs": [{"object": "greenhouse_job", "external_id": "702"}]}}
    first = (await ats.deliver("application.open", "01" * 16)).reference
    ats.refs.pop("application")
    second = (await ats.deliver("application.open", "02" * 16, other)).reference
    assert first != second
    assert len(ats.happened("candidates.create")) == 1


async def test_checkr_one_order_by_key_and_by_look_up(hub):
    vendor = await hub("checkr")
    first = await vendor.deliver("order_check")
    again = await vendor.deliver("order_check", attempt=2)
    assert first.reference == again.reference
    assert set(first.refs) == {"candidate", "background_check"}
    other_key = await vendor.deliver("order_check", "cd" * 16, attempt=2)  # as when the vendor has forgotten the key
    assert other_key.reference == first.reference
    assert len(vendor.happened("candidates.create")) == 1
    assert len(vendor.happened("invitations.create")) == 1


async def test_checkr_a_signed_webhook_is_verified_and_the_report_read_back(hub, mailbox):
    vendor = await hub("checkr")
    vendor.twin.set_hook_url(mailbox.url)
    await vendor.deliver("order_check")
    while True:
        headers, raw = await mailbox.hooks.get()
        VendorSignatures(SystemClock()).verify(vendor.channel, headers, raw)
        if json.loads(raw)["type"] == "report.completed":
            break
    with pytest.raises(Unauthorized):
        VendorSignatures(SystemClock()).verify(vendor.channel, headers, raw + b" ")
    hook = Hook(headers, raw, datetime.now(UTC))
    assert vendor.connector.identify(hook).key == json.loads(raw)["id"]
    outcome = await vendor.talk(vendor.connector.read(hook, vendor.job("@hook", {}, "k")))
    assert isinstance(outcome, Delivered), outcome
    (fact,) = outcome.reported
    assert (fact.type, fact.cause_refs["candidate"]) == ("background_check.completed", vendor.refs["candidate"])
    assert checker(fact.type, 1)(fact.data) is None


async def test_referral_once_by_key(hub):
    system = await hub("referral")
    first = await system.deliver("referral.create")
    assert (await system.deliver("referral.create")).reference == first.reference
    assert len(system.happened("referrals.create")) == 1
    await system.deliver("ping", data={})


async def test_webhook_is_signed_and_taken(hub):
    receiver = await hub("webhook")
    for _ in range(2):
        await receiver.deliver("event.send")
    assert len([e for e in receiver.twin.effects() if not e["replayed"]]) == 1


async def test_email_arrives_with_its_invitation(hub):
    server = await hub("email")
    outcome = await server.deliver("invitation.send")
    assert outcome.reference.startswith("<")
    assert len(server.happened(None)) == 1
