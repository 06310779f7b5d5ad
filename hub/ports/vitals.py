"""How the store is doing, for those who watch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Whether the store can be worked with. `reachable` and not `ok`: it answers, but its schema is not this program's."""

    ok: bool
    detail: str
    reachable: bool = True


@dataclass(frozen=True, slots=True)
class StoreVitals:
    """How much the store holds and has left. `bytes`: size of each part; `free`: bytes left on its disk, if that is here.

    `busy` of at most `limit` connections of this process are in use.
    """

    bytes: Mapping[str, int]
    free: int | None
    busy: int
    limit: int
