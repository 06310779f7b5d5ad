"""Acts are chained: `audit` becomes `act`, each tenant's acts numbered and hashed in the order they were written.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment, Number
from hub.domain.audit import Act, Chain, Linked, extended
from hub.domain.ids import TenantId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

GROUP = 1000
OLD = ("tenant_id", "at", "actor", "action", "object", "detail")


def _old() -> sa.TableClause:
    types: tuple[Any, ...] = (sa.Integer(), Moment(), sa.Text(), sa.Text(), sa.Text(), sa.JSON())
    columns: list[Any] = [sa.column(name, kind) for name, kind in zip(OLD, types, strict=True)]
    return sa.table("audit", sa.column("id", Number), *columns)


def upgrade() -> None:
    act = op.create_table(
        "act",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("grade", sa.SmallInteger(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq"),
    )
    op.create_index("act_object", "act", ["tenant_id", "object", "seq"])
    chain = op.create_table(
        "act_chain",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", Number, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("floor", Number, nullable=False),
        sa.Column("floor_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signed", Number, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _carry(act, chain)
    op.drop_index("audit_tenant", table_name="audit")
    op.drop_table("audit")


def _carry(act: sa.Table, chain: sa.Table) -> None:
    """What was noted so far, chained as it is now; that it was not changed before, nobody can say."""
    link, old = op.get_bind(), _old()
    tenants = [row[0] for row in link.execute(sa.select(old.c.tenant_id).distinct()).fetchall()]
    for tenant in tenants:
        end, last = Chain(TenantId(tenant)), 0
        while True:
            wanted = sa.select(old).where(old.c.tenant_id == tenant, old.c.id > last).order_by(old.c.id).limit(GROUP)
            rows = link.execute(wanted).fetchall()
            if not rows:
                break
            last = rows[-1].id
            acts = [Act(r.at, TenantId(tenant), r.actor, r.action, r.object, r.detail, origin="-") for r in rows]
            end, made = extended(end, acts)
            link.execute(act.insert(), [_values(row) for row in made])
        empty = Chain(TenantId(tenant))
        link.execute(
            chain.insert(),
            {"tenant_id": tenant, "seq": end.seq, "hash": end.hash, "floor": 0, "floor_hash": empty.hash, "signed": 0},
        )


def _values(row: Linked) -> dict[str, Any]:
    act = row.act
    return {
        "tenant_id": act.tenant,
        "seq": row.seq,
        "at": act.at,
        "actor": act.actor,
        "action": act.action,
        "object": act.object,
        "detail": act.detail,
        "outcome": str(act.outcome),
        "origin": act.origin,
        "purpose": act.purpose,
        "grade": int(act.grade),
        "before": row.before,
        "hash": row.hash,
    }


def downgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_tenant", "audit", ["tenant_id", "id"])
    names = ", ".join(OLD)
    op.execute(f"INSERT INTO audit ({names}) SELECT {names} FROM act ORDER BY tenant_id, seq")  # noqa: S608
    for table in ("signing_key", "act_chain", "act"):
        op.drop_table(table)
