"""The ledger of consents, in the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select, tuple_, update

from hub.adapters.db.deliveries import DbQueue
from hub.adapters.db.ledger import add_consents
from hub.adapters.db.link import AnyRow
from hub.adapters.db.tables import metadata
from hub.domain.consents import Awaited, Consent
from hub.domain.deliveries import State
from hub.domain.ids import ConnectionId, DeliveryId, RevisionId, TenantId
from hub.ports.consents import OpenDelivery

_CONSENT = metadata.tables["consent"]
_DELIVERY = metadata.tables["delivery"]
_EVENT = metadata.tables["event"]
_OPEN = _DELIVERY.c.state.in_((int(State.READY), int(State.WAITING)))


class DbConsents(DbQueue):
    """`hub.ports.consents.Consents` on one open connection."""

    async def add_consents(self, said: Sequence[Consent]) -> None:
        await add_consents(self._hot, self._link, said)

    async def consents(self, tenant: TenantId, subject: str, purpose: str | None = None) -> list[Consent]:
        wanted = select(_CONSENT).where(_CONSENT.c.tenant_id == tenant, _CONSENT.c.subject == subject)
        wanted = wanted if purpose is None else wanted.where(_CONSENT.c.purpose == purpose)
        return [_consent(row) for row in await self._link.rows(wanted.order_by(_CONSENT.c.at, _CONSENT.c.id))]

    async def open_deliveries(self, tenant: TenantId, subject: str) -> list[OpenDelivery]:
        columns = (_DELIVERY.c.id, _DELIVERY.c.dest_id, _DELIVERY.c.revision_id, _DELIVERY.c.step)
        mine = (_EVENT.c.tenant_id == tenant, _EVENT.c.subject == subject, _OPEN)
        asked = select(*columns).join(_EVENT, _EVENT.c.id == _DELIVERY.c.event_id).where(*mine)
        return [
            OpenDelivery(DeliveryId(id_), ConnectionId(lane), None if revision is None else RevisionId(revision), step)
            for id_, lane, revision, step in await self._link.rows(asked.order_by(_DELIVERY.c.id))
        ]

    async def hold_for_consent(self, awaited: Awaited, ids: Collection[DeliveryId]) -> int:
        mine = (_DELIVERY.c.id.in_(sorted(ids)), _DELIVERY.c.tenant_id == awaited.tenant, _OPEN)
        keys = select(_DELIVERY.c.dest_id, _DELIVERY.c.okey).where(*mine, _DELIVERY.c.okey.is_not(None)).distinct()
        waiting = await self._hot.lock_keys(sorted((lane, okey) for lane, okey in await self._link.rows(keys)))
        held = {"state": int(State.HELD), "held_for_consent": awaited.key}
        rows = await self._link.rows(update(_DELIVERY).where(*mine).values(held).returning(_DELIVERY.c.id))
        await self._hot.promote(waiting, None)
        return len(rows)

    async def awaited_among(self, awaited: Collection[Awaited]) -> set[Awaited]:
        found: set[Awaited] = set()
        for tenant in sorted({one.tenant for one in awaited}):
            keys = [one.key for one in awaited if one.tenant == tenant]
            wanted = json.dumps(keys) if self._link.sqlite else keys
            rows = await self._link.driver(among_sql(self._link.sqlite), tenant, wanted)
            found |= {Awaited.read(tenant, row[0]) for row in rows}
        return found

    async def awaited_by(self, tenant: TenantId, ids: Collection[DeliveryId]) -> dict[DeliveryId, Awaited]:
        held = (_DELIVERY.c.held_for_consent.is_not(None), _DELIVERY.c.state == int(State.HELD))
        mine = (_DELIVERY.c.tenant_id == tenant, _DELIVERY.c.id.in_(sorted(ids)), *held)
        rows = await self._link.rows(select(_DELIVERY.c.id, _DELIVERY.c.held_for_consent).where(*mine))
        return {DeliveryId(id_): Awaited.read(tenant, key) for id_, key in rows}

    async def let_go_consented(self, awaited: Awaited, limit: int = 1000) -> int:
        columns = (_DELIVERY.c.id, _DELIVERY.c.dest_id, _DELIVERY.c.okey)
        mine = (_DELIVERY.c.tenant_id == awaited.tenant, _DELIVERY.c.held_for_consent == awaited.key)
        some = select(*columns).where(*mine, _DELIVERY.c.state == int(State.HELD)).order_by(_DELIVERY.c.id).limit(limit)
        rows = await self._link.rows(some.with_for_update(skip_locked=True))
        await self._unhold([(row[0], row[1], row[2]) for row in rows])
        return len(rows)

    async def awaited_consents(self, after: Awaited | None = None, limit: int = 200) -> list[Awaited]:
        at = (_DELIVERY.c.tenant_id, _DELIVERY.c.held_for_consent)
        wanted = select(*at).where(_DELIVERY.c.held_for_consent.is_not(None), _DELIVERY.c.state == int(State.HELD))
        wanted = wanted if after is None else wanted.where(tuple_(*at) > tuple_(after.tenant, after.key))
        rows = await self._link.rows(wanted.distinct().order_by(*at).limit(limit))
        return [Awaited.read(TenantId(tenant), key) for tenant, key in rows]


def among_sql(sqlite: bool) -> str:
    """Those of the keys in $2 that something of tenant $1 is HELD for: asked of every group of events that tell of consents."""
    among = "IN (SELECT value FROM json_each($2))" if sqlite else "= ANY($2::text[])"
    return (
        "SELECT DISTINCT held_for_consent FROM delivery WHERE tenant_id = $1 AND state = 4 "  # noqa: S608
        f"AND held_for_consent {among}"
    )


def _consent(row: AnyRow) -> Consent:
    found: dict[str, Any] = dict(row._mapping)
    del found["id"]
    return Consent(tenant=TenantId(found.pop("tenant_id")), **found)
