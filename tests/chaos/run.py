"""`make chaos`: real processes are killed, frozen, cut off and starved on both stores; per claim, what was tried and the
ledger, and a table of all in the end.

python -m tests.chaos.run [--stores sqlite,postgres] [--claims 1,7,power] [--size 6000] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.chaos.books import Skipped, Told
from tests.chaos.cuts import power_cut
from tests.chaos.faults import CLAIMS, ELSEWHERE
from tests.chaos.power import NoDisk, disk
from tests.chaos.stand import Claim, Stand, migrated
from tests.support import postgres

STORES = ("sqlite", "postgres")
QUIET_AT_ONCE = 4
DURABLE = {**postgres.OPTIONS, "fsync": "on", "full_page_writes": "on", "max_connections": "100"}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    store: str
    claim: str
    verdict: str
    seconds: float
    told: Told


@dataclass
class Table:
    """What came of it all."""

    rows: list[Row] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether nothing was broken."""
        return all(row.verdict != "BROKEN" for row in self.rows)

    async def attempt(self, store: str, claim: str, act: Awaitable[Told]) -> None:
        """Try one claim."""
        began = time.monotonic()
        try:
            told, verdict = await act, "holds"
        except (NoDisk, Skipped) as reason:
            told, verdict = Told(str(reason)), "skipped"
        except Exception:
            told, verdict = Told(traceback.format_exc()), "BROKEN"
        row = Row(store, claim, verdict, time.monotonic() - began, told)
        self.rows.append(row)
        print(f"{verdict:8} {store:9} {claim} ({row.seconds:.0f} s)\n         {told}", flush=True)

    def show(self) -> str:
        """All rows, and what is proved elsewhere or not at all."""
        names = (
            "accepted",
            "delivered",
            "dead",
            "pending",
            "settled",
            "lost",
            "doubled",
            "repeats",
            "bound",
            "inversions",
        )
        lines = [f"{'store':9} {'claim':38} {'verdict':8} {'s':>4} " + " ".join(f"{name:>10}" for name in names)]
        for row in sorted(self.rows, key=lambda one: (one.store, _number(one.claim))):
            told = row.told
            counts = (
                [told.bound if name == "bound" else getattr(told.books, name) for name in names] if told.books else []
            )
            lines.append(
                f"{row.store:9} {row.claim:38} {row.verdict:8} {row.seconds:4.0f} "
                + " ".join(f"{count:>10}" for count in counts)
            )
        lines += ["", "proved elsewhere, or not tried and why:"]
        return "\n".join(lines + [f"  {claim:38} {why}" for claim, why in ELSEWHERE.items()])


def _number(claim: str) -> tuple[int, str]:
    first = claim.split()[0].split("+")[0]
    return (int(first) if first.isdigit() else 100 + int(first[1:]) if first[1:].isdigit() else 999, claim)


@asynccontextmanager
async def stand(store: str, chance: random.Random, size: int) -> AsyncIterator[Stand]:
    """A fresh, migrated database of that kind."""
    with tempfile.TemporaryDirectory(prefix="hwchaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if store == "sqlite":
            url = f"sqlite:///{folder}/hirewire.db"
            await migrated(url)
            yield Stand(folder, store, url, None, chance, size)
            return
        place = folder / "pg"
        place.mkdir()
        with postgres.Cluster(str(place), options=DURABLE) as cluster:
            await migrated(cluster.dsn)

            async def blow(how: str) -> None:
                match how:
                    case "terminate":
                        connection = await asyncpg.connect(cluster.dsn)
                        await connection.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                        )
                        await connection.close()
                    case "stop":
                        await asyncio.to_thread(cluster.stop)
                    case "start":
                        await asyncio.to_thread(cluster.start)
                    case _:
                        await asyncio.to_thread(cluster.restart, how)

            yield Stand(folder, store, cluster.dsn, blow, chance, size)


async def power(cuts: int, chance: random.Random) -> Told:
    """Power cuts under the SQLite store, and one under a store that does not sync every commit."""
    acknowledged = 0
    for _ in range(cuts):
        with tempfile.TemporaryDirectory(prefix="hwpower-") as name, disk(Path(name)) as made:
            cut = await power_cut(made, enough=chance.randint(20, 1500))
        assert (cut.lost, cut.owing, cut.sound) == (0, 0, True), cut
        acknowledged += cut.acknowledged
    with tempfile.TemporaryDirectory(prefix="hwpower-") as name, disk(Path(name)) as made:
        cut = await power_cut(made, normal=True, enough=chance.randint(300, 1500))
    assert cut.lost > 0, "the planted bug was not found"
    return Told(
        f"{cuts} power cuts: acknowledged {acknowledged}, lost 0, files sound; planted synchronous=NORMAL: {cut.lost} of "
        f"{cut.acknowledged} lost"
    )


async def one(table: Table, store: str, claim: Claim, seed: int, size: int) -> None:
    """Try it on a stand of its own."""
    if store not in claim.stores:
        return

    async def act() -> Told:
        async with stand(store, random.Random(seed), size) as where:
            return await claim.act(where)

    await table.attempt(store, claim.name, act())


async def every(table: Table, store: str, claims: list[Claim], seed: int, size: int) -> None:
    """Those that mostly wait a few at once, the others one after the other: they want the machine for themselves."""
    turns = asyncio.Semaphore(QUIET_AT_ONCE)

    async def quiet(claim: Claim) -> None:
        async with turns:
            await one(table, store, claim, seed, size)

    await asyncio.gather(*(quiet(claim) for claim in claims if claim.quiet))
    for claim in claims:
        if not claim.quiet:
            await one(table, store, claim, seed, size)


async def main() -> int:
    """0 if every claim holds."""
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--claims", default="")
    parser.add_argument("--size", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    asked = parser.parse_args()
    wanted = set(asked.claims.split(",")) - {""}
    claims = [claim for claim in CLAIMS if not wanted or wanted & claim.numbers]
    print(f"seed {asked.seed}", flush=True)
    table, began = Table(), time.monotonic()
    for store in asked.stores.split(","):
        await every(table, store, claims, asked.seed, asked.size)
    if not wanted or "power" in wanted:
        await table.attempt("sqlite", "S5 power cut", power(5, random.Random(asked.seed)))
    print(f"\n{table.show()}\n\n{time.monotonic() - began:.0f} s, seed {asked.seed}", flush=True)
    return 0 if table.held else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
