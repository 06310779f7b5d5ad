"""A connection made ready to speak: its connector, its opened secrets, its wire."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hub.domain.connections import Connection
from hub.domain.ids import TenantId
from hub.ports.connector import Catalog, Connector
from hub.ports.transport import Channel
from hub.ports.vault import DataClass, Place, Vault


@dataclass(frozen=True, slots=True)
class Channels:
    """Opens channels. Secrets are opened at call time and never cached here, so a change is in force at once."""

    catalog: Catalog
    vault: Vault

    def connector(self, connection: Connection) -> Connector:
        """Raises NotFound where the connector's folder is gone or broken."""
        return self.catalog.get(connection.connector)

    async def channel(self, connection: Connection) -> Channel:
        """What the transport and the signature check need."""
        await self.vault.prepare(connection.tenant)
        secrets: dict[str, str] = {}
        if connection.secrets is not None:
            place = secrets_place(connection.tenant, connection.handle)
            secrets = json.loads(self.vault.open(place, connection.secrets))
        return Channel(connection, secrets, self.connector(connection).wire)


def secrets_place(tenant: TenantId, handle: str) -> Place:
    """Where a connection's secrets are sealed."""
    return Place(tenant, "connection", handle, "secrets", data_class=DataClass.CREDENTIAL)
