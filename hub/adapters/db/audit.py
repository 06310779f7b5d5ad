"""The audit trail in the database: acts are gathered in a transaction and chained right before it commits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update

from hub.adapters.db.audit_tables import ACT, CHAIN, OWED, SIGNING
from hub.adapters.db.deliveries import DbQueue
from hub.adapters.db.link import AnyRow, Link
from hub.domain.audit import Act, Chain, Grade, Linked, Outcome, extended
from hub.domain.ids import TenantId
from hub.ports.audit import EVERY, ActFilter, OwedHead
from hub.ports.signing import SigningKey

_ACT = (
    *("tenant_id", "seq", "at", "actor", "action", "object", "detail"),
    *("outcome", "origin", "purpose", "grade", "before", "hash"),
)
_CHAIN = ("tenant_id", "seq", "hash", "floor", "floor_hash", "signed")
_SIGNING = ("id", "tenant_id", "public", "sealed", "created_at")


class DbAudit(DbQueue):
    """`hub.ports.audit.Acts` and `hub.ports.signing.SigningShelf` on one open connection."""

    def __init__(self, link: Link, *, reading: bool = False) -> None:
        super().__init__(link)
        self._reading = reading
        self._noted: list[Act] = []

    async def audit(self, act: Act) -> None:
        if self._reading:
            raise RuntimeError("a read-only transaction may not write")
        self._noted.append(act)

    async def settle(self) -> None:
        """Chain what was noted. The last thing before a commit: the ends of chains are locked as short as can be,
        and after every other row, so that two transactions cannot wait for each other.
        """
        noted, self._noted = self._noted, []
        for tenant in sorted({act.tenant for act in noted}):
            chain = await self._locked(tenant)
            chain, rows = extended(chain, [act for act in noted if act.tenant == tenant])
            await self._link.rows(insert(ACT), [_values(row) for row in rows])
            await self._link.rows(
                update(CHAIN).where(CHAIN.c.tenant_id == tenant).values(seq=chain.seq, hash=chain.hash)
            )

    async def _locked(self, tenant: TenantId) -> Chain:
        wanted = _chains().where(CHAIN.c.tenant_id == tenant).with_for_update()
        row = await self._link.row(wanted)
        if row is None:
            await self._link.driver(
                "INSERT INTO act_chain (tenant_id, seq, hash, floor, floor_hash, signed) "
                "VALUES ($1, 0, $2, 0, $2, 0) ON CONFLICT DO NOTHING",
                tenant,
                Chain(tenant).hash,
            )
            row = await self._link.row(wanted)
        assert row is not None
        return Chain(*row)

    async def acts(
        self, tenant: TenantId, limit: int, *, before: int | None = None, where: ActFilter = EVERY
    ) -> list[Linked]:
        await self.settle()
        wanted = _acts(tenant).where(*_conditions(where))
        wanted = wanted if before is None else wanted.where(ACT.c.seq < before)
        return [_linked(row) for row in await self._link.rows(wanted.order_by(ACT.c.seq.desc()).limit(limit))]

    async def acts_after(self, tenant: TenantId, seq: int, limit: int) -> list[Linked]:
        await self.settle()
        wanted = _acts(tenant).where(ACT.c.seq > seq).order_by(ACT.c.seq).limit(limit)
        return [_linked(row) for row in await self._link.rows(wanted)]

    async def chain(self, tenant: TenantId) -> Chain:
        await self.settle()
        row = await self._link.row(_chains().where(CHAIN.c.tenant_id == tenant))
        return Chain(tenant) if row is None else Chain(*row)

    async def chains(self) -> list[Chain]:
        await self.settle()
        return [Chain(*row) for row in await self._link.rows(_chains().order_by(CHAIN.c.tenant_id))]

    async def mark_signed(self, tenant: TenantId, seq: int) -> None:
        newer = (CHAIN.c.tenant_id == tenant, CHAIN.c.signed < seq)
        await self._link.rows(update(CHAIN).where(*newer).values(signed=seq))

    async def owe_head(self, owed: OwedHead) -> None:
        await self._link.driver(
            "INSERT INTO owed_head (tenant_id, seq, body, tries, due_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            owed.tenant,
            owed.seq,
            owed.body,
            owed.tries,
            self._hot.moment(owed.due_at),
        )

    async def owed_heads(self, now: datetime, limit: int) -> list[OwedHead]:
        due = select(*OWED.c).where(OWED.c.due_at <= now).order_by(OWED.c.tenant_id, OWED.c.seq)
        return [OwedHead(TenantId(row[0]), *row[1:]) for row in await self._link.rows(due.limit(limit))]

    async def put_off_head(self, owed: OwedHead, until: datetime) -> None:
        await self._link.rows(update(OWED).where(*_owed(owed)).values(tries=owed.tries + 1, due_at=until))

    async def settle_head(self, owed: OwedHead) -> None:
        await self._link.rows(delete(OWED).where(*_owed(owed)))

    async def prune_acts(self, tenant: TenantId, through: int) -> int:
        await self.settle()
        old = (ACT.c.tenant_id == tenant, ACT.c.seq <= through)
        last = await self._link.row(select(ACT.c.hash).where(ACT.c.tenant_id == tenant, ACT.c.seq == through))
        if last is None:
            return 0
        gone = await self._link.rows(delete(ACT).where(*old).returning(ACT.c.seq))
        await self._link.rows(
            update(CHAIN).where(CHAIN.c.tenant_id == tenant).values(floor=through, floor_hash=last.hash)
        )
        return len(gone)

    async def signing_keys(self, tenant: TenantId) -> list[SigningKey]:
        wanted = select(*(SIGNING.c[name] for name in _SIGNING)).where(SIGNING.c.tenant_id == tenant)
        rows = await self._link.rows(wanted.order_by(SIGNING.c.created_at, SIGNING.c.id))
        return [SigningKey(*row) for row in rows]

    async def add_signing_key(self, key: SigningKey) -> None:
        values = (key.id, key.tenant, key.public, key.sealed, key.created_at)
        await self._link.rows(insert(SIGNING).values(dict(zip(_SIGNING, values, strict=True))))


def _acts(tenant: TenantId) -> Select[Any]:
    return select(*(ACT.c[name] for name in _ACT)).where(ACT.c.tenant_id == tenant)


def _chains() -> Select[Any]:
    return select(*(CHAIN.c[name] for name in _CHAIN))


def _conditions(where: ActFilter) -> list[Any]:
    found: list[Any] = [
        ACT.c[name] == value
        for name, value in (("actor", where.actor), ("object", where.object), ("outcome", where.outcome))
        if value is not None
    ]
    if where.action is not None and where.action.endswith("*"):  # LIKE would not mind the case on SQLite
        begins = where.action[:-1]
        found.append(func.substr(ACT.c.action, 1, len(begins)) == begins)
    elif where.action is not None:
        found.append(ACT.c.action == where.action)
    if where.least > Grade.OPEN:
        found.append(ACT.c.grade >= int(where.least))
    if where.since is not None:
        found.append(ACT.c.at >= where.since)
    if where.until is not None:
        found.append(ACT.c.at < where.until)
    return found


def _values(row: Linked) -> dict[str, Any]:
    act = row.act
    told = (act.tenant, row.seq, act.at, act.actor, act.action, act.object, act.detail)
    rest = (str(act.outcome), act.origin, act.purpose, int(act.grade), row.before, row.hash)
    return dict(zip(_ACT, (*told, *rest), strict=True))


def _linked(row: AnyRow) -> Linked:
    act = Act(
        at=row.at,
        tenant=TenantId(row.tenant_id),
        actor=row.actor,
        action=row.action,
        object=row.object,
        detail=row.detail,
        outcome=Outcome(row.outcome),
        origin=row.origin,
        purpose=row.purpose,
        grade=Grade(row.grade),
    )
    return Linked(row.seq, act, bytes(row.before), bytes(row.hash))


def _owed(owed: OwedHead) -> tuple[ColumnElement[bool], ...]:
    return OWED.c.tenant_id == owed.tenant, OWED.c.seq == owed.seq
