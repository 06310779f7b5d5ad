"""An installation under attack, and its books: accepted = delivered + dead + pending, nothing lost, little repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.app.incoming import Incoming
from hub.domain.ids import DeliveryId
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page
from mappings.documents import Document, Json
from tests.chaos.vendor import Vendor
from tests.support.hubs import TENANT, report
from tests.support.processes import Product, cloud_event

STEP = "refer"
ALL = Page(1_000_000)
REFERRAL: Document = {"connector": "referral", "secrets": {"api_token": "t"}}


class Skipped(Exception):
    """This cannot be tried here; says why."""


@dataclass(frozen=True)
class Books:
    """What is recorded, beside what the vendors have. `settled`: superseded or expired, which the record says."""

    accepted: int
    delivered: int
    dead: int
    pending: int
    settled: int
    lost: int
    repeats: int
    doubled: int
    inversions: int

    def check(self, bound: int = 0) -> None:
        """Raises AssertionError where a promise was broken."""
        assert self.accepted == self.delivered + self.dead + self.pending + self.settled, self
        assert (self.lost, self.doubled, self.inversions) == (0, 0, 0), self
        assert self.repeats <= bound, (self, bound)

    def __str__(self) -> str:
        settled = f" + settled {self.settled}" if self.settled else ""
        return (
            f"accepted {self.accepted} = delivered {self.delivered} + dead {self.dead} + pending {self.pending}{settled}; "
            f"lost {self.lost}, doubled {self.doubled}, repeats {self.repeats}, inversions {self.inversions}"
        )


@dataclass(frozen=True)
class Told:
    """What was tried and seen; the books after it, and the bound on repeats that was stated before."""

    what: str
    books: Books | None = None
    bound: int = 0

    def __str__(self) -> str:
        return self.what if self.books is None else f"{self.what}: {self.books} (bound {self.bound})"


def numbered(number: int, candidates: int) -> Incoming:
    """Report number `number` of one of so many candidates."""
    told = report(key=f"r-{number}", candidate=f"cand_{number % candidates}")
    data: Document = {**told.data, "job": {"id": f"job_{number}", "title": str(number)}}
    return Incoming(told.type, told.version, told.source, told.key, data, told.subject)


def posted(number: int) -> dict[str, Json]:
    """The same as a client of the API sends it."""
    event: dict[str, Json] = cloud_event(number)
    data = event["data"]
    assert isinstance(data, dict)
    data["job"] = {"id": f"job_{number}", "title": str(number)}
    return event


async def configure(made: Product, urls: Sequence[str], **lane: Json) -> None:
    """One lane for each address, with these manners; a report is owed to all of them."""
    manners: Document = {"concurrency": 16, "timeout_s": 10, **lane}
    vendors: Document = {
        f"vendor{n}": {**REFERRAL, "config": {"base_url": url}, "lane": manners} for n, url in enumerate(urls)
    }
    await owed_to(made, vendors, "referral.create")


async def owed_to(made: Product, connections: Document, operation: str) -> None:
    """These connections, a rule that owes every report to each of them, and a token that may send events."""
    steps: list[Json] = [
        {"kind": "action", "id": f"{STEP}{n}", "connection": name, "operation": operation}
        for n, name in enumerate(connections)
    ]
    rule: Document = {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": steps}}
    hub = made.opened.hub
    await hub.configure.apply(TENANT, {"hirewire": 1, "connections": connections, "rules": {"all": rule}}, "chaos")
    _, made.token = await hub.access.make(TENANT, "chaos", ("events:write", "events:read"), "chaos")


async def put(made: Product, start: int, count: int, candidates: int) -> None:
    """Accept so many reports, in the order of their numbers."""
    for first in range(start, start + count, 250):
        numbers = range(first, min(first + 250, start + count))
        receipts = await made.opened.hub.ingest(TENANT, [numbered(n, candidates) for n in numbers])
        assert all(receipt.fresh for receipt in receipts)


async def books(made: Product, vendors: Vendor | Sequence[Vendor], accepted: int) -> Books:
    """Count. `accepted`: deliveries that are owed. `lost`: recorded as delivered and unknown to its vendor, or accepted
    and not recorded at all.
    """
    of = [vendors] if isinstance(vendors, Vendor) else list(vendors)
    async with made.opened.hub.store.look() as look:
        totals = await look.totals(TENANT)
        rows = await look.deliveries(TENANT, ALL)
    done = sum(isinstance(row, DoneDelivery) for row in rows)
    pending = totals["ready"] + totals["leased"] + totals["waiting"] + totals["held"]
    assert done + pending == len(rows)
    unknown = totals["delivered"] - sum(len(vendor.tries) for vendor in of)
    return Books(
        accepted=accepted,
        delivered=totals["delivered"],
        dead=totals["dead"],
        pending=pending,
        settled=totals["superseded"] + totals["expired"],
        lost=max(0, unknown) + max(0, accepted - len(rows)),
        repeats=sum(vendor.repeats for vendor in of),
        doubled=sum(vendor.doubled for vendor in of),
        inversions=sum(vendor.inversions for vendor in of),
    )


async def tries(made: Product) -> dict[DeliveryId, list[tuple[int, str, str | None, int]]]:
    """What is on record of each delivery's tries: number, outcome, error, milliseconds."""
    async with made.opened.hub.store.look() as look:
        rows = await look.deliveries(TENANT, ALL)
        return {
            row.id: [(one.number, one.outcome, one.error, one.took_ms) for one in await look.attempts(TENANT, row.id)]
            for row in rows
        }
