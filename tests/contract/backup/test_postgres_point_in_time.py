"""PostgreSQL to a moment, by the scripts of the guide on a real server: what was acknowledged by then, and nothing later."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.adapters.backup.postgres import PostgresCopier
from hub.adapters.db import migrate, open_store
from hub.adapters.vault.sealed_box import generate
from hub.ports.backup import Digest
from hub.ports.store import Page
from tests.contract.backup.test_backups import at
from tests.support.hubs import TENANT, bench, report
from tests.support.postgres import OPTIONS, Cluster, NoPostgres

SCRIPTS = Path(__file__).parents[3] / "docs/operations/point-in-time"
PUBLIC, _ = generate()


@dataclass
class Site:
    """A server whose log is archived, and what was there at a moment between two events."""

    folder: Path
    cluster: Cluster
    moment: datetime
    tables: Mapping[str, Digest]

    def run(self, script: str, *words: str) -> None:
        """As the guide says, as the user whose server it is."""
        owner = self.cluster.owner
        environ = {"PATH": f"{self.cluster.bin}:/usr/bin:/bin"}
        subprocess.run([str(self.folder / script), *words], check=True, env=environ, cwd=self.folder, **owner)  # type: ignore[call-overload]

    def restored(self, moment: datetime) -> Cluster:
        """Another server, at that moment."""
        home = Path(tempfile.mkdtemp(prefix="to-", dir=self.folder))
        self.cluster.give(home)
        self.run("restore.sh", f"{self.folder}/base", f"{self.folder}/archive", f"{home}/data", moment.isoformat(" "))
        other = Cluster(str(home), self.cluster.bin, OPTIONS)
        other.start()
        while not other.answers():  # it takes no connections before it is there
            if not other.running:
                raise NoPostgres("the moment was not reached")
            time.sleep(0.05)
        return other


def digester(dsn: str) -> PostgresCopier:
    return PostgresCopier(dsn, None, [PUBLIC], at)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hwpit-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
async def site(folder: Path) -> Iterator[Site]:  # type: ignore[misc]
    for script in SCRIPTS.glob("*.sh"):
        shutil.copy(script, folder)
    archive = folder / "archive"
    archive.mkdir()
    options = {
        **OPTIONS,
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": f"'{folder}/archive.sh %p %f {archive}'",
    }
    with Cluster(str(folder), options=options) as cluster:
        cluster.give(archive)
        migrate(cluster.dsn)
        store = open_store(cluster.dsn)
        hub = bench(store)
        await hub.accept(*(report(key=f"before{number}") for number in range(3)))
        made = Site(folder, cluster, await store.now(), {})
        made.run("base.sh", cluster.dsn, f"{folder}/base")
        await hub.accept(report(key="last-by-then", candidate="cand_2"))
        made.tables = await digester(cluster.dsn).digests(cluster.dsn)
        made.moment = await store.now()
        await hub.accept(report(key="later"))
        await store.close()
        cluster.stop()  # what is left of the log goes to the archive
        yield made


async def there(cluster: Cluster) -> tuple[int, dict[str, Digest]]:
    store = open_store(cluster.dsn)
    async with store.look() as look:
        events = await look.events(TENANT, Page(100))
    await store.close()
    return len(events), await digester(cluster.dsn).digests(cluster.dsn)


async def test_between_two_acknowledged_events(site: Site) -> None:
    restored = site.restored(site.moment)
    try:
        assert await there(restored) == (4, site.tables)
        hub = bench(open_store(restored.dsn), seed=8)
        await hub.accept(report(key="goes-on"))
        await hub.hub.store.close()
    finally:
        restored.stop("immediate")
    missing = site.moment + timedelta(days=1)  # nobody knows what would have been then
    with pytest.raises(NoPostgres):
        site.restored(missing).stop("immediate")
    newest = max(path for path in (site.folder / "archive").iterdir() if len(path.name) == 24)
    newest.unlink()  # the planted fault: a segment is lost, and the moment is not reached
    with pytest.raises(NoPostgres):
        site.restored(site.moment).stop("immediate")
