"""Take a vendor's webhook: verify the raw bytes, store it, answer; reading it is a delivery of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hub.app.channels import Channels
from hub.app.groups import GroupCommit
from hub.app.incoming import Incoming, check
from hub.app.ingest import Prepare, ordering_key
from hub.app.library import NO_RULES
from hub.app.limits import Limiter
from hub.app.pressure import Pressure
from hub.domain.deliveries import HOOK_STEP, Planned
from hub.domain.errors import NotFound
from hub.domain.events import HOOK_RECEIVED
from hub.domain.limits import Limit
from hub.ports.arrivals import Arrival, Receipt
from hub.ports.clock import Clock
from hub.ports.connector import Hook
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.transport import Signatures
from mappings.documents import Json

KEPT_HEADERS = 40  # more than any vendor sends; a flood of headers is cut, never stored


@dataclass(frozen=True, slots=True)
class Taken:
    """What to answer the vendor. `fresh` is False for a repeat and for a ping."""

    reply: Json
    fresh: bool


@dataclass(frozen=True, slots=True)
class Receive:
    """Receive a webhook. When the call returns it is verified and durable."""

    store: Store
    channels: Channels
    signatures: Signatures
    prepare: Prepare
    group: GroupCommit[Arrival, Receipt]
    clock: Clock
    meter: Meter
    pressure: Pressure
    limits: Limiter

    async def __call__(self, handle: str, headers: Mapping[str, str], body: bytes) -> Taken:
        """Raises NotFound (no such address), Unauthorized (signature), Invalid (not a webhook of this vendor), Unavailable."""
        async with self.store.look() as look:
            connection = await look.connection_by_handle(handle)
        if connection is None:
            raise NotFound("there is no such address")
        connector = self.channels.connector(connection)
        if not connector.takes_hooks:
            raise NotFound("there is no such address")
        self.signatures.verify(await self.channels.channel(connection), headers, body)
        await self.limits(Limit.HOOK, str(connection.id))
        hook = Hook(dict(list(headers.items())[:KEPT_HEADERS]), body, self.clock.now())
        identity = connector.identify(hook)
        if identity.ping:
            return Taken(identity.reply, fresh=False)
        await self.pressure(connection.tenant)
        incoming = Incoming(
            type=HOOK_RECEIVED,
            version=1,
            source=f"/hooks/{handle}",
            key=identity.key,
            data={
                "headers": {k: v for k, v in hook.headers.items() if k not in _SECRET_HEADERS},
                "body": base64.b64encode(body).decode(),
                "received_at": hook.received_at.isoformat(),
            },
        )
        check(incoming)
        await self.prepare.vault.prepare(connection.tenant)
        arrival = self.prepare(connection.tenant, incoming, NO_RULES)
        planned = Planned(connection.id, HOOK_STEP, okey=ordering_key(connection, None))
        receipt = (await self.group.put([replace(arrival, planned=(planned,))]))[0]
        self.pressure.took(connection.tenant, 1)
        self.meter.accepted(HOOK_RECEIVED, int(receipt.fresh), int(not receipt.fresh))
        return Taken(identity.reply, receipt.fresh)


_SECRET_HEADERS = frozenset({"authorization", "cookie"})
