"""Lanes with manners: failure policy, deadlines, exact rates, breaker; what a try was made with; replays of many.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment, Number

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EXPIRES = "expires_at IS NOT NULL"
REPLAY = "replay_of IS NOT NULL"
LANE = ("policy", "tokens", "tokens_at", "opens", "failing_since", "alarmed")


def upgrade() -> None:
    op.add_column("destination", sa.Column("policy", sa.Text(), nullable=False, server_default=sa.text("'{}'")))
    op.add_column("destination", sa.Column("tokens", sa.Float(), nullable=True))
    op.add_column("destination", sa.Column("tokens_at", Moment(), nullable=True))
    op.add_column("destination", sa.Column("opens", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("destination", sa.Column("failing_since", Moment(), nullable=True))
    op.add_column("destination", sa.Column("alarmed", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("delivery", sa.Column("merge", sa.Text(), nullable=True))
    op.create_index(
        "delivery_expiry", "delivery", ["expires_at"], postgresql_where=sa.text(EXPIRES), sqlite_where=sa.text(EXPIRES)
    )
    op.add_column("attempt", sa.Column("detail", sa.Text(), nullable=True))
    op.add_column("delivery_done", sa.Column("error", sa.Text(), nullable=True))
    for table in ("delivery", "delivery_done"):
        op.create_index(
            f"{table}_replay", table, ["replay_of"], postgresql_where=sa.text(REPLAY), sqlite_where=sa.text(REPLAY)
        )
    op.create_table(
        "replay_job",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("replay_job_tenant", "replay_job", ["tenant_id", "id"])


def downgrade() -> None:
    op.drop_table("replay_job")
    for table in ("delivery_done", "delivery"):
        op.drop_index(f"{table}_replay", table)
    op.drop_column("delivery_done", "error")
    op.drop_column("attempt", "detail")
    op.drop_index("delivery_expiry", "delivery")
    op.drop_column("delivery", "merge")
    for column in reversed(LANE):
        op.drop_column("destination", column)
