"""Pause a connection, or make it active again; always on the record of who did it."""

from __future__ import annotations

from dataclasses import dataclass

from hub.app.library import Library
from hub.domain.audit import Act
from hub.domain.connections import ConnectionState
from hub.domain.errors import NotFound
from hub.domain.ids import TenantId
from hub.ports.clock import Clock
from hub.ports.store import Store
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Switch:
    """A connection that is active again also releases what was held because it was not."""

    store: Store
    library: Library
    clock: Clock

    async def __call__(self, tenant: TenantId, name: str, state: ConnectionState, by: str) -> ConnectionState:
        """The state it had before. Raises NotFound."""
        now = self.clock.now()
        async with self.store.work() as work:
            known = await work.connection(tenant, name)
            if known is None:
                raise NotFound(f"there is no connection {name}")
            await work.set_connection_state(known.id, state)
            detail: Document = {"from": known.state.value, "to": state.value}
            await work.audit(Act(now, tenant, by, "connection.switch", name, detail))
        self.library.forget()
        self.store.ring()
        return known.state
