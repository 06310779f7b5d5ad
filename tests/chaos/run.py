"""`make chaos`: real processes are killed, frozen and cut off on both stores; per claim, what was tried and the ledger.

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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from hub.adapters.db import migrate
from tests.chaos.claims import CLAIMS, Stand
from tests.chaos.cuts import power_cut
from tests.chaos.power import NoDisk, disk
from tests.support import postgres

STORES = ("sqlite", "postgres")


@asynccontextmanager
async def stand(store: str, chance: random.Random, size: int) -> AsyncIterator[Stand]:
    """A fresh, migrated database of that kind."""
    with tempfile.TemporaryDirectory(prefix="hwchaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if store == "sqlite":
            url = f"sqlite:///{folder}/hirewire.db"
            await asyncio.to_thread(migrate, url)
            yield Stand(folder, url, None, chance, size)
            return
        place = folder / "pg"
        place.mkdir()
        with postgres.Cluster(str(place)) as cluster:
            await asyncio.to_thread(migrate, cluster.dsn)

            async def blow(how: str) -> None:
                if how == "terminate":
                    connection = await asyncpg.connect(cluster.dsn)
                    await connection.execute(
                        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                    )
                    await connection.close()
                else:
                    await asyncio.to_thread(cluster.restart, how)

            yield Stand(folder, cluster.dsn, blow, chance, size)


async def power(cuts: int, chance: random.Random) -> str:
    """Power cuts under the SQLite store, and one under a store that does not sync every commit."""
    acknowledged = lost = 0
    for normal in [False] * cuts + [True]:
        with tempfile.TemporaryDirectory(prefix="hwpower-") as name, disk(Path(name)) as made:
            cut = await power_cut(made, normal=normal, enough=chance.randint(20, 1500))
        if normal:
            assert cut.lost > 0, "the planted bug was not found"
            return f"{cuts} power cuts: acknowledged {acknowledged}, lost {lost}, files sound; with synchronous=NORMAL: {cut}"
        assert (cut.lost, cut.owing, cut.sound) == (0, 0, True), cut
        acknowledged, lost = acknowledged + cut.acknowledged, lost + cut.lost
    raise AssertionError


async def attempt(title: str, act) -> bool:  # type: ignore[no-untyped-def]
    """One claim; whether it holds (or could not be tried here)."""
    began = time.monotonic()
    try:
        said, held = await act, True
    except NoDisk as reason:
        said, held = f"skipped: {reason}", True
    except Exception:
        said, held = traceback.format_exc(), False
    print(f"{'holds ' if held else 'BROKEN'}  {title} ({time.monotonic() - began:.0f} s)\n        {said}", flush=True)
    return held


async def main() -> int:
    """0 if every claim holds."""
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--stores", default=",".join(STORES))
    parser.add_argument("--claims", default="")
    parser.add_argument("--size", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    asked = parser.parse_args()
    wanted = set(asked.claims.split(",")) - {""}
    print(f"seed {asked.seed}")
    held = True
    for store in asked.stores.split(","):
        for title, claim in CLAIMS.items():
            if wanted and not wanted & set(title.split()[0].split("+")):
                continue
            async with stand(store, random.Random(asked.seed), asked.size) as where:
                held &= await attempt(f"{store}: claim {title}", claim(where))
    if not wanted or "power" in wanted:
        held &= await attempt("sqlite: power cut", power(5, random.Random(asked.seed)))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
