"""A whole hub for tests: real use cases, catalog and vault on any store, with a scripted vendor at the other end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.adapters.catalog import FolderCatalog
from hub.adapters.clock import ManualClock, SeededIds
from hub.adapters.identity import Argon2id
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.app.delivery.lanes import LoopLimits
from hub.app.hub import Hub
from hub.app.incoming import Incoming
from hub.app.people.people import PeoplePolicy
from hub.app.pressure import Bounds
from hub.bootstrap import Parts, assemble
from hub.domain.deliveries import Delivery, RetryPolicy
from hub.domain.ids import DEFAULT_TENANT, EventId
from hub.domain.retention import Keep
from hub.ports.identity import SignInProvider
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from hub.ports.tracer import Tracer
from mappings.documents import Document
from tests.support.voices import RememberingMeter, ScriptedVendor, SharedSecretSignatures

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TENANT = DEFAULT_TENANT
SITE = "https://hub.example"
QUICK = Argon2id(passes=1, memory_kib=8)  # the real hash, cheap enough for hundreds of tests
CATALOG = FolderCatalog()  # reads a connector once, and nothing in it changes


@dataclass(repr=False)
class Bench:
    """A hub and its surroundings."""

    hub: Hub
    clock: ManualClock
    vendor: ScriptedVendor
    meter: RememberingMeter

    async def configure(self, document: Document) -> None:
        await self.hub.configure.apply(TENANT, {"hirewire": 1, **document}, "test")

    async def accept(self, *incoming: Incoming) -> list[EventId]:
        return [receipt.id for receipt in await self.hub.ingest(TENANT, incoming)]

    async def deliver(self, *, rounds: int = 1) -> None:
        """Claim, carry out and record everything that is due, as the loop does."""
        for _ in range(rounds):
            while await self.hub.lanes.turn():
                await self.hub.lanes.idle()

    async def advance(self) -> None:
        """Move on every run that is due, as the loop does."""
        while await self.hub.advance():
            pass

    async def deliveries(self, event: EventId | None = None) -> list[Delivery | DoneDelivery]:
        async with self.hub.store.look() as look:
            return sorted(await look.deliveries(TENANT, Page(200), event=event), key=lambda d: d.id)

    async def events(self, type_: str | None = None) -> list[Document]:
        async with self.hub.store.look() as look:
            found = await look.events(TENANT, Page(200), type=type_)
        return [await self.hub.queries.data(e) for e in found]


def bench(
    store: Store | None = None,
    *,
    clock: ManualClock | None = None,
    retry: RetryPolicy | None = None,
    limits: LoopLimits | None = None,
    seed: int = 7,
    tracer: Tracer | None = None,
    review: bool = False,
    people: PeoplePolicy | None = None,
    providers: Mapping[str, SignInProvider] | None = None,
    bounds: Bounds | None = None,
    keep: Keep | None = None,
    home: str | None = None,
) -> Bench:
    """A hub on this store (memory by default); time stands still until the test moves it."""
    clock = clock or ManualClock(START)
    store = store or MemoryStore(clock)
    vendor, meter = ScriptedVendor(), RememberingMeter()
    vault = FieldVault(EnvKeyring("11" * 32, production=False), store)  # type: ignore[arg-type]
    hub = assemble(
        Parts(
            store=store,
            vault=vault,
            clock=clock,
            ids=SeededIds(clock, seed),
            meter=meter,
            catalog=CATALOG,
            transport=vendor,
            signatures=SharedSecretSignatures(),
            retry=retry or RetryPolicy(),
            limits=limits or LoopLimits(lease=timedelta(seconds=60)),
            tracer=tracer,
            review=review,
            passwords=QUICK,
            people=people or PeoplePolicy(site=SITE),
            providers=providers or {},
            bounds=bounds or Bounds(),
            keep=keep or Keep(),
            home=home,
        )
    )
    return Bench(hub, clock, vendor, meter)


def report(
    *,
    key: str = "report-1",
    score: float = 91,
    recommendation: str = "recommend",
    candidate: str = "cand_1",
    consents: tuple[str, ...] = ("background_check",),
) -> Incoming:
    """An interview report event, whole enough for every mapping that is shipped."""
    return Incoming(
        type="interview.report.completed",
        version=1,
        source="/ai-engine",
        key=key,
        subject=candidate,
        data={
            "candidate": {
                "id": candidate,
                "name": {"full": "Ada Sample", "given": "Ada", "family": "Sample", "order": "given_first"},
                "email": "ada@example.com",
                "phone": "+12025550143",
                "consents": [
                    {"purpose": purpose, "granted_at": "2026-03-01T08:00:00Z", "text_version": "1"}
                    for purpose in consents
                ],
            },
            "job": {"id": "job_1", "title": "Risk analyst"},
            "report": {
                "id": f"rep_{key}",
                "overall": {"score": score, "max": 100, "recommendation": recommendation, "confidence": 0.8},
                "scores": {"communication": 84, "logic": 88},
                "summary": {"en": "Clear and concrete.", "zh-CN": "表达清晰具体。"},
                "text": {"en": "Report of the interview.", "zh-CN": "面试报告。"},
            },
        },
    )
