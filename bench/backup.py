"""How long a backup and its restore take: `python bench/backup.py [events]`; on SQLite and on PostgreSQL.

The baseline of the same run is a plain copy of the file (SQLite) or `pg_dump` alone.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from hub.adapters.backup.boxes import with_file_key, with_secret
from hub.adapters.backup.postgres import PostgresCopier
from hub.adapters.backup.sqlite import SqliteCopier
from hub.adapters.db import SqlStore, migrate, open_store
from hub.adapters.objects import open_objects
from hub.adapters.vault import FieldVault
from hub.adapters.vault.sealed_box import generate
from hub.adapters.vault.signing import VaultSigner
from hub.app.backup import Backup
from tests.support.hubs import TENANT, bench, report
from tests.support.postgres import server

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
PUBLIC, SECRET = generate()


async def measure(kind: str, url: str, folder: Path) -> None:
    migrate(url)
    store = open_store(url)
    b = bench(store)
    hub = b.hub
    assert isinstance(hub.vault, FieldVault)
    roots = hub.vault.roots
    await hub.vault.prepare(TENANT)
    for start in range(0, EVENTS, 500):
        await b.accept(*(report(key=f"r{number}", candidate=f"cand_{number}") for number in range(start, start + 500)))
    await hub.trail.sign_ends(now=True)

    def at(address: str) -> tuple[SqlStore, FieldVault, VaultSigner]:
        there = open_store(address)
        vault = FieldVault(roots, there)
        return there, vault, VaultSigner(there, vault, b.clock)

    path = Path(url.removeprefix("sqlite:///"))
    scratch = folder / "scratch"
    copier = SqliteCopier(path, scratch, [PUBLIC], at) if kind == "sqlite" else PostgresCopier(url, None, [PUBLIC], at)
    backup = Backup(
        copier=copier, objects=open_objects(str(folder / "kept")), keys=open_objects(str(folder / "keys")), store=store,
        trail=hub.trail, signer=hub.trail.signer, clock=b.clock, ids=hub.ids, meter=b.meter, scratch=scratch,
        with_file_key=with_file_key, keep=timedelta(days=35),
    )  # fmt: skip
    began = time.perf_counter()
    if kind == "sqlite":
        shutil.copyfile(path, folder / "plain")
    else:
        subprocess.run(["pg_dump", "-Fc", "-Z1", f"--dbname={url}", "-f", str(folder / "plain")], check=True)
    plain = time.perf_counter() - began
    began = time.perf_counter()
    drill = await backup.run()
    whole = time.perf_counter() - began
    began = time.perf_counter()
    await backup.verify(drill.id, with_secret(SECRET))
    restore = time.perf_counter() - began
    [listed] = await backup.listed()
    print(
        f"{kind:9} {drill.rows:>9,} rows {listed.size / 1e6:>8.1f} MB  plain copy {plain:6.2f} s"
        f"  backup and check {whole:6.2f} s  restore and compare {restore:6.2f} s"
    )
    await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s").mkdir()
        asyncio.run(measure("sqlite", f"sqlite:///{folder / 's' / 'hub.db'}", folder / "s"))
    with tempfile.TemporaryDirectory() as name, server(os.environ) as dsn:
        subprocess.run(["psql", "-q", dsn, "-c", "CREATE DATABASE hw_bench_backup"], check=True)
        try:
            asyncio.run(measure("postgres", dsn.replace("/postgres", "/hw_bench_backup", 1), Path(name)))
        finally:
            subprocess.run(["psql", "-q", dsn, "-c", "DROP DATABASE hw_bench_backup WITH (FORCE)"], check=True)


if __name__ == "__main__":
    main()
