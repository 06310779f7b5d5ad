"""What candidates are found by, in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hub.adapters.db.link import Link
from hub.adapters.db.statements import columns
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.lookup import Found

_SQLITE = "INSERT INTO candidate_lookup (tenant_id, blind, subject, key) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_POSTGRES = (
    "INSERT INTO candidate_lookup (tenant_id, blind, subject, key) "
    "SELECT * FROM unnest($1::int[], $2::bytea[], $3::text[], $4::bytea[]) ON CONFLICT DO NOTHING"
)
# Keyed by what is sought, as the index is: one probe for each.
_BY = "SELECT DISTINCT subject FROM candidate_lookup WHERE tenant_id = $1 AND blind {} ORDER BY subject LIMIT $2"
_REF = (
    "SELECT DISTINCT subject FROM ref WHERE connection_id = $1 AND external_id = $2 AND tenant_id = $3 "
    "AND subject <> '' ORDER BY subject LIMIT $4"
)
_OTHERS = (
    "SELECT DISTINCT subject FROM candidate_lookup WHERE tenant_id = $1 AND subject > $2 AND key <> $3 "
    "ORDER BY subject LIMIT $4"
)
_DROP = "DELETE FROM candidate_lookup WHERE tenant_id = $1 AND subject = $2{} RETURNING 1"
UNTOLD = (
    "DELETE FROM candidate_lookup AS c WHERE (c.tenant_id, c.subject) IN ({}) "
    "AND NOT EXISTS (SELECT 1 FROM event e WHERE e.tenant_id = c.tenant_id AND e.subject = c.subject)"
)


async def add_lookups(link: Link, rows: Sequence[Found]) -> None:
    """In one order, so that two who tell of the same never wait for each other in a ring."""
    if not rows:
        return
    values = [(one.tenant, one.blind, one.subject, one.key) for one in sorted(set(rows))]
    if link.sqlite:
        await link.many(_SQLITE, values)
    else:
        await link.driver(_POSTGRES, *columns(values))


async def drop_untold(link: Link, subjects: Collection[tuple[int, str]]) -> None:
    """Of these (tenant, candidate), the rows of those about whom no event is left."""
    if not subjects:
        return
    if link.sqlite:
        await link.many(UNTOLD.format("VALUES (?, ?)"), sorted(subjects))
    else:
        wanted = "SELECT * FROM unnest($1::int[], $2::text[])"
        await link.driver(UNTOLD.format(wanted), *columns(sorted(subjects)))


class DbLookups:
    """`hub.ports.lookup.Lookups` on one open connection."""

    _link: Link

    async def add_lookups(self, rows: Sequence[Found]) -> None:
        await add_lookups(self._link, rows)

    async def subjects_by(self, tenant: TenantId, blinds: Collection[bytes], limit: int = 100) -> list[str]:
        wanted = sorted(set(blinds))
        if not self._link.sqlite:
            rows = await self._link.driver(_BY.format("= ANY($3::bytea[])"), tenant, limit, wanted)
        else:
            marks = ", ".join(f"${number}" for number in range(3, len(wanted) + 3))
            rows = await self._link.driver(_BY.format(f"IN ({marks})"), tenant, limit, *wanted)
        return [row[0] for row in rows]

    async def subjects_with_ref(
        self, tenant: TenantId, connections: Collection[ConnectionId], external: str, limit: int = 100
    ) -> list[str]:
        found: set[str] = set()
        for connection in connections:
            rows = await self._link.driver(_REF, connection, external, tenant, limit)
            found |= {row[0] for row in rows}
        return sorted(found)[:limit]

    async def lookup_subjects(self, tenant: TenantId, key: bytes, after: str, limit: int) -> list[str]:
        return [row[0] for row in await self._link.driver(_OTHERS, tenant, after, key, limit)]

    async def drop_lookups(self, tenant: TenantId, subject: str, *, but: bytes | None = None) -> int:
        more = () if but is None else (but,)
        return len(await self._link.driver(_DROP.format(" AND key <> $3" if more else ""), tenant, subject, *more))
