"""An installation under attack, and its books: accepted = delivered + dead + pending, nothing lost, little repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.app.ingest import Incoming
from hub.ports.store import DoneDelivery, Page
from mappings.documents import Document
from tests.chaos.vendor import Vendor
from tests.support.hubs import TENANT, report
from tests.support.processes import Product

STEP = "refer"


def numbered(number: int, candidates: int) -> Incoming:
    """Report number `number` of one of so many candidates."""
    told = report(key=f"r-{number}", candidate=f"cand_{number % candidates}")
    data: Document = {**told.data, "job": {"id": f"job_{number}", "title": str(number)}}
    return Incoming(told.type, told.version, told.source, told.key, data, told.subject)


async def configure(made: Product, urls: Sequence[str], *, ordering: str = "none", concurrency: int = 16) -> None:
    """One lane for each address; a report is owed to all of them."""
    lane: Document = {"concurrency": concurrency, "ordering": ordering, "timeout_s": 10}
    connections: Document = {
        f"vendor{n}": {
            "connector": "referral",
            "config": {"base_url": url},
            "secrets": {"api_token": "t"},
            "lane": lane,
        }
        for n, url in enumerate(urls)
    }
    steps: list[Document] = [
        {"kind": "action", "id": f"{STEP}{n}", "connection": f"vendor{n}", "operation": "referral.create"}
        for n in range(len(urls))
    ]
    rule: Document = {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [*steps]}}
    hub = made.opened.hub
    await hub.configure.apply(TENANT, {"hirewire": 1, "connections": connections, "rules": {"all": rule}}, "chaos")
    _, made.token = await hub.access.make(TENANT, "chaos", ("events:write", "events:read"), "chaos")


async def put(made: Product, start: int, count: int, candidates: int) -> None:
    """Accept so many reports, in the order of their numbers."""
    for first in range(start, start + count, 250):
        numbers = range(first, min(first + 250, start + count))
        receipts = await made.opened.hub.ingest(TENANT, [numbered(n, candidates) for n in numbers])
        assert all(receipt.fresh for receipt in receipts)


@dataclass(frozen=True)
class Books:
    """What is recorded, beside what the vendor has."""

    accepted: int
    delivered: int
    dead: int
    pending: int
    lost: int
    repeats: int
    doubled: int
    inversions: int

    def check(self, bound: int) -> None:
        """Raises AssertionError where a promise was broken."""
        assert self.accepted == self.delivered + self.dead + self.pending, self
        assert (self.lost, self.doubled, self.inversions) == (0, 0, 0), self
        assert self.repeats <= bound, (self, bound)

    def __str__(self) -> str:
        return (
            f"accepted {self.accepted} = delivered {self.delivered} + dead {self.dead} + pending {self.pending}; "
            f"lost {self.lost}, doubled {self.doubled}, repeats {self.repeats}, inversions {self.inversions}"
        )


async def books(made: Product, vendor: Vendor, events: int) -> Books:
    """Count. `lost`: recorded as delivered and unknown to the vendor, or accepted and not recorded at all."""
    async with made.opened.hub.store.look() as look:
        totals = await look.totals(TENANT)
        rows = await look.deliveries(TENANT, Page(1_000_000))
    done = sum(isinstance(row, DoneDelivery) for row in rows)
    pending = totals["ready"] + totals["leased"] + totals["waiting"] + totals["held"]
    delivered, dead = totals["delivered"], totals["dead"]
    lost = max(0, delivered - len(vendor.tries)) + max(0, events - len(rows))
    assert done + pending == len(rows)
    return Books(
        accepted=events, delivered=delivered, dead=dead, pending=pending, lost=lost, repeats=vendor.repeats,
        doubled=vendor.doubled, inversions=vendor.inversions,
    )  # fmt: skip
