"""Who was sent abroad, and what is held at the border, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, tuple_

from hub.adapters.db import under_way
from hub.adapters.db.border_tables import PERSON, POLICY, TALLY
from hub.adapters.db.crossings import count
from hub.adapters.db.settings import DbSettings
from hub.adapters.db.tables import metadata
from hub.domain.border import Crossing, Kept, Standing, Tally
from hub.domain.deliveries import Delivery, State
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.border import KeptDeliveries
from mappings.documents import Document

_DELIVERY = metadata.tables["delivery"]
_HELD = (_DELIVERY.c.held_for_border.is_not(None), _DELIVERY.c.state == int(State.HELD))


class DbBorder(DbSettings):
    """`hub.ports.border.Border` on one open connection."""

    async def add_crossings(self, crossings: Sequence[Crossing], now: datetime) -> None:
        await count(self._link, crossings, now)

    async def tallies(self, tenant: TenantId, year: int) -> dict[str, Tally]:
        mine = (TALLY.c.tenant_id == tenant, TALLY.c.year == year)
        columns = (TALLY.c.region, TALLY.c.persons, TALLY.c.personal, TALLY.c.sensitive)
        rows = await self._link.rows(select(*columns).where(*mine).order_by(TALLY.c.region))
        return {row[0]: Tally(*row[1:]) for row in rows}

    async def crossed(self, tenant: TenantId, year: int, person: str) -> Mapping[str, int]:
        mine = (PERSON.c.tenant_id == tenant, PERSON.c.year == year, PERSON.c.person == person)
        return {
            row[0]: row[1] for row in await self._link.rows(select(PERSON.c.region, PERSON.c.data_class).where(*mine))
        }

    async def at_border(self, crossing: Crossing) -> dict[str, Standing]:
        return await under_way.standings(self._link, crossing)

    async def set_out(self, crossing: Crossing, delivery: Delivery, until: datetime) -> None:
        await under_way.set_out(self._link, crossing, delivery, until)

    async def count_overdue(self, now: datetime, limit: int = 500) -> int:
        return await under_way.count_overdue(self._link, now, limit)

    async def forget_crossings(self, before: int, limit: int = 500) -> int:
        key = (PERSON.c.tenant_id, PERSON.c.year, PERSON.c.person, PERSON.c.region)
        some = select(*key).where(PERSON.c.year < before).limit(limit)
        gone = delete(PERSON).where(tuple_(*key).in_(some)).returning(PERSON.c.year)
        return len(await self._link.rows(gone))

    async def kept_at_border(self) -> list[KeptDeliveries]:
        key = (_DELIVERY.c.tenant_id, _DELIVERY.c.dest_id, _DELIVERY.c.held_for_border)
        rows = await self._link.rows(select(*key, func.count()).where(*_HELD).group_by(*key))
        found = [
            KeptDeliveries(TenantId(tenant), ConnectionId(lane), Kept.read(kept), count)
            for tenant, lane, kept, count in rows
        ]
        return sorted(found, key=lambda one: (one.tenant, one.connection, one.kept))

    async def let_across(self, tenant: TenantId, connection: ConnectionId, kept: Kept, limit: int = 1000) -> int:
        columns = (_DELIVERY.c.id, _DELIVERY.c.dest_id, _DELIVERY.c.okey)
        mine = (_DELIVERY.c.tenant_id == tenant, _DELIVERY.c.dest_id == connection)
        some = select(*columns).where(*mine, *_HELD, _DELIVERY.c.held_for_border == kept.key)
        rows = await self._link.rows(some.order_by(_DELIVERY.c.id).limit(limit).with_for_update(skip_locked=True))
        await self._unhold([(row[0], row[1], row[2]) for row in rows])
        return len(rows)

    async def awaiting_consent(self) -> dict[str, int]:
        key = _DELIVERY.c.held_for_consent
        purpose = func.substr(key, 1, func.instr(key, " ") - 1) if self._link.sqlite else func.split_part(key, " ", 1)
        held = (key.is_not(None), _DELIVERY.c.state == int(State.HELD))
        rows = await self._link.rows(select(purpose.label("purpose"), func.count()).where(*held).group_by("purpose"))
        return {row[0]: row[1] for row in rows}

    async def border_policy(self, tenant: TenantId) -> Document | None:
        row = await self._link.row(select(POLICY.c.body).where(POLICY.c.tenant_id == tenant))
        return None if row is None else row[0]

    async def put_border_policy(self, tenant: TenantId, body: Document) -> None:
        await self._changed()
        await self._link.rows(delete(POLICY).where(POLICY.c.tenant_id == tenant))
        await self._link.rows(POLICY.insert().values(tenant_id=tenant, body=body))
