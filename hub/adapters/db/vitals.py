"""How much a database holds and has left, for those who watch it."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from hub.ports.vitals import StoreVitals


def sqlite_vitals(*engines: AsyncEngine) -> StoreVitals:
    """Sizes of the file and its write-ahead log, and what is left on their disk. Blocks for as long as a `stat` takes."""
    main = Path(engines[0].url.database or "")
    sizes = {"main": _size(main), "wal": _size(main.with_name(main.name + "-wal"))}
    return StoreVitals(sizes, shutil.disk_usage(main.parent).free, *in_use(*engines))


def in_use(*engines: AsyncEngine) -> tuple[int, int]:
    """(connections that are out, connections there may be)."""
    pools = [pool for engine in engines if isinstance(pool := engine.pool, QueuePool)]
    return sum(pool.checkedout() for pool in pools), sum(pool.size() + pool._max_overflow for pool in pools)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
