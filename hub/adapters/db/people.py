"""Who may do what, and what was ordered, in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, update

from hub.adapters.db.audit import DbAudit
from hub.adapters.db.border import DbBorder
from hub.adapters.db.consents import DbConsents
from hub.adapters.db.limits import DbLimits
from hub.adapters.db.link import AnyRow
from hub.adapters.db.lookup import DbLookups
from hub.adapters.db.records import DbRecords
from hub.adapters.db.retention import DbRetention
from hub.adapters.db.rules import DbRules
from hub.adapters.db.runs import DbRuns
from hub.adapters.db.subjects import DbSubjects
from hub.adapters.db.tables import metadata
from hub.domain.errors import Conflict
from hub.domain.ids import TenantId
from hub.ports.people import ApiToken, Order

_TOKEN = metadata.tables["api_token"]
_ORDER = metadata.tables["assessment_order"]


class DbWork(DbRuns, DbRules, DbRetention, DbAudit, DbRecords, DbLimits, DbConsents, DbLookups, DbSubjects, DbBorder):
    """`hub.ports.store.Work` on one open connection: adds People and Orders."""

    async def add_token(self, token: ApiToken) -> None:
        same = (_TOKEN.c.id == token.id) | (_TOKEN.c.hash == token.hash)
        if await self._link.row(select(_TOKEN.c.id).where(same)) is not None:
            raise Conflict("this token is there already", code="token_exists")
        await self._link.rows(
            _TOKEN.insert().values(
                id=token.id,
                tenant_id=token.tenant,
                name=token.name,
                hash=token.hash,
                scopes=sorted(token.scopes),
                created_at=token.created_at,
                expires_at=token.expires_at,
                revoked_at=token.revoked_at,
                account=token.account,
                audience=token.audience,
                clearance=token.clearance,
            )
        )

    async def token(self, hash: bytes) -> ApiToken | None:
        row = await self._link.row(_tokens().where(_TOKEN.c.hash == hash))
        return None if row is None else _token(row)

    async def tokens(self, tenant: TenantId) -> list[ApiToken]:
        rows = await self._link.rows(_tokens().where(_TOKEN.c.tenant_id == tenant))
        return sorted((_token(row) for row in rows), key=lambda one: (one.created_at, one.id))

    async def revoke_token(self, tenant: TenantId, id: str, now: datetime) -> bool:
        in_force = (_TOKEN.c.id == id, _TOKEN.c.tenant_id == tenant, _TOKEN.c.revoked_at.is_(None))
        revoked = update(_TOKEN).where(*in_force).values(revoked_at=now).returning(_TOKEN.c.id)
        return await self._link.row(revoked) is not None

    async def drop_tokens_of(self, tenant: TenantId, account: str, before: datetime | None = None) -> int:
        mine = (_TOKEN.c.tenant_id == tenant, _TOKEN.c.account == account)
        over = mine if before is None else (*mine, _TOKEN.c.expires_at <= before)
        return len(await self._link.rows(delete(_TOKEN).where(*over).returning(_TOKEN.c.id)))

    async def put_order(self, order: Order) -> None:
        values = {
            "tenant_id": order.tenant,
            "connection_id": order.connection,
            "package": order.package,
            "subject": order.subject,
            "status": order.status,
            "body": order.body,
            "created_at": order.created_at,
            "updated_at": order.updated_at,
        }
        changed = update(_ORDER).where(_ORDER.c.id == order.id).values(values).returning(_ORDER.c.id)
        if await self._link.row(changed) is None:
            await self._link.rows(_ORDER.insert().values(id=order.id, **values))

    async def order(self, id: str) -> Order | None:
        row = await self._link.row(_orders().where(_ORDER.c.id == id))
        return None if row is None else Order(*row)

    async def orders_of(self, tenant: TenantId, subject: str) -> list[Order]:
        mine = _orders().where(_ORDER.c.tenant_id == tenant, _ORDER.c.subject == subject)
        return [Order(*row) for row in await self._link.rows(mine.order_by(_ORDER.c.created_at, _ORDER.c.id))]


def _tokens() -> Select[Any]:
    names = (
        "id",
        "tenant_id",
        "name",
        "hash",
        "scopes",
        "created_at",
        "expires_at",
        "revoked_at",
        "account",
        "audience",
        "clearance",
    )
    return select(*(_TOKEN.c[name] for name in names))


def _token(row: AnyRow) -> ApiToken:
    id_, tenant, name, hash_, scopes, *times = row
    return ApiToken(id_, tenant, name, hash_, frozenset(scopes), *times)


def _orders() -> Select[Any]:
    names = ("id", "tenant_id", "connection_id", "package", "subject", "status", "body", "created_at", "updated_at")
    return select(*(_ORDER.c[name] for name in names))
