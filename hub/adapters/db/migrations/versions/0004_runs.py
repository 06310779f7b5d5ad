"""Runs: rules under way, what they ran once for, tags, business hours; how deep an event's chain of causes is.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import EventKey, Moment, Number

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("run", "run_once", "candidate_tag", "business_calendar")


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def upgrade() -> None:
    op.add_column("event", sa.Column("depth", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "run",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", Number, nullable=False),
        sa.Column("revision_id", Number, nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.Column("at_event", EventKey(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("awaits", sa.Text(), nullable=True),
        sa.Column("until", Moment(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("met", sa.JSON(), nullable=False),
        sa.Column("began_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("run_due", "run", ["due_at", "id"], **_where("due_at IS NOT NULL"))
    op.create_index("run_awaits", "run", ["tenant_id", "subject", "awaits"], **_where("awaits IS NOT NULL"))
    op.create_index("run_tenant", "run", ["tenant_id", "id"])
    op.create_index("run_subject", "run", ["tenant_id", "subject", "id"], **_where("subject IS NOT NULL"))
    op.create_index("run_begun", "run", ["rule_id", "began_at"], **_where("began_at IS NOT NULL"))
    op.create_index("run_firing", "run", ["event_id", "rule_id"], unique=True)

    op.create_table(
        "run_once",
        sa.Column("rule_id", Number, autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run_id", Number, nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "key"),
    )
    op.create_index("run_once_run", "run_once", ["run_id"])

    op.create_table(
        "candidate_tag",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("run_id", Number, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "subject", "tag"),
    )
    op.create_table(
        "business_calendar",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("event", "depth")
