"""A revision tried beside the one in force; what the kill switch holds; when tags came and went; the sender's trace.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment, Number

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    live = sa.text("state IN ('ready', 'waiting', 'gate', 'held')")
    op.create_index("run_live", "run", ["state", "changed_at"], postgresql_where=live, sqlite_where=live)
    op.add_column("event", sa.Column("traceparent", sa.Text(), nullable=True))
    op.add_column("delivery", sa.Column("held_for_stop", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("rule", sa.Column("beside_id", Number, nullable=True))
    op.add_column("rule", sa.Column("beside_since", Moment(), nullable=True))
    op.add_column("observation", sa.Column("versus", sa.Text(), nullable=True))
    op.create_table(
        "tag_change",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("put", sa.Boolean(), nullable=False),
        sa.Column("run_id", Number, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("tag_change_subject", "tag_change", ["tenant_id", "subject", "id"])
    op.execute(
        "INSERT INTO tag_change (tenant_id, subject, tag, put, run_id, at) "
        "SELECT tenant_id, subject, tag, true, run_id, at FROM candidate_tag ORDER BY at"
    )


def downgrade() -> None:
    op.drop_index("run_live", table_name="run")
    op.drop_index("tag_change_subject", table_name="tag_change")
    op.drop_table("tag_change")
    op.execute("DELETE FROM observation WHERE versus IS NOT NULL")
    op.drop_column("observation", "versus")
    op.drop_column("rule", "beside_since")
    op.drop_column("rule", "beside_id")
    op.drop_column("delivery", "held_for_stop")
    op.drop_column("event", "traceparent")
