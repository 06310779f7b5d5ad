"""A connection made ready to speak: its connector, its opened secrets, its wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from hub.domain.connections import Connection
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.connector import Catalog, Connector
from hub.ports.transport import Channel
from hub.ports.vault import DataClass, Place, Vault, connection_owner


@dataclass(frozen=True, slots=True)
class Channels:
    """Opens channels, each once for as long as its connection is the same object: a change makes another, in force at once."""

    catalog: Catalog
    vault: Vault
    _open: dict[ConnectionId, Channel] = field(default_factory=dict, repr=False)

    def connector(self, connection: Connection) -> Connector:
        """Raises NotFound where the connector's folder is gone or broken."""
        return self.catalog.get(connection.connector)

    async def channel(self, connection: Connection) -> Channel:
        """What the transport and the signature check need."""
        known = self._open.get(connection.id)
        if known is not None and known.connection is connection:
            return known
        await self.vault.prepare(connection.tenant, sealed=[connection.secrets])
        secrets: dict[str, str] = {}
        if connection.secrets is not None:
            place = secrets_place(connection.tenant, connection.handle)
            secrets = json.loads(self.vault.open(place, connection.secrets))
        channel = Channel(connection, secrets, self.connector(connection).wire)
        self._open[connection.id] = channel
        return channel


def secrets_place(tenant: TenantId, handle: str) -> Place:
    """Where a connection's secrets are sealed."""
    owner = connection_owner(handle)
    return Place(tenant, "connection", handle, "secrets", data_class=DataClass.CREDENTIAL, owner=owner)
