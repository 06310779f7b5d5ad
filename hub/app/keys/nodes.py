"""Which root keys every running process has loaded: none becomes active before all who live can open what it wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from hub.domain.errors import Conflict
from hub.ports.clock import Clock
from hub.ports.vault import Craft, KeyKeeping, KeyNode

BEAT_S = 10.0
ALIVE = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Nodes:
    """Processes, as they report themselves."""

    shelf: KeyKeeping
    vault: Craft
    clock: Clock

    async def report(self, id: str, release: str, epoch: int) -> None:
        """This process lives and has loaded these root keys; a keyring that grew is read again. `epoch`: of tenants' keys."""
        now, state = self.clock.now(), await self.vault.root()
        await self.shelf.put_node(KeyNode(id, now, state.versions, epoch, release))
        await self.shelf.drop_nodes(now - FORGOTTEN)

    async def leave(self, id: str) -> None:
        """This process ends."""
        await self.shelf.drop_nodes(self.clock.now(), id)

    async def alive(self) -> list[KeyNode]:
        """Those that reported within the last minute."""
        edge = self.clock.now() - ALIVE
        return [one for one in await self.shelf.nodes() if one.seen_at > edge]

    async def lacking(self, root: str) -> Sequence[str]:
        """Those of them that have not loaded this root key."""
        return [one.id for one in await self.alive() if root and root not in one.roots]

    async def must_have(self, root: str) -> None:
        """Raises Conflict (`root_not_loaded`)."""
        if lacking := await self.lacking(root):
            text = f"{root} is not loaded by {', '.join(lacking)}: give them the keyring, or end them"
            raise Conflict(text, code="root_not_loaded")
