"""Which revision of a rule is in force, reviews, what rules said of events, backtests.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import EventKey, Moment, Number

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('queued', 'running')")
NEWEST = "(SELECT r.id FROM rule_revision r WHERE r.rule_id = rule.id ORDER BY r.number DESC LIMIT 1)"


def upgrade() -> None:
    op.add_column("rule", sa.Column("current_id", Number, nullable=True))
    op.add_column("rule", sa.Column("observed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(f"UPDATE rule SET current_id = {NEWEST} WHERE state <> 'draft'")  # noqa: S608
    op.add_column("event_body", sa.Column("verdicts", sa.Text(), nullable=True))
    op.add_column("rule_revision", sa.Column("reason", sa.Text(), nullable=True))

    op.create_table(
        "rule_review",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("rule_id", Number, nullable=False),
        sa.Column("revision_id", Number, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("rule_review_rule", "rule_review", ["rule_id", "id"])

    op.create_table(
        "observation",
        sa.Column("revision_id", Number, autoincrement=False, nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.PrimaryKeyConstraint("revision_id", "event_id"),
    )
    op.create_index("observation_event", "observation", ["event_id"])

    op.create_table(
        "backtest",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("rule_id", Number, nullable=False),
        sa.Column("revision_id", Number, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("backtest_rule", "backtest", ["rule_id", "created_at"])
    op.create_index("backtest_open", "backtest", ["created_at"], postgresql_where=OPEN, sqlite_where=OPEN)


def downgrade() -> None:
    # before this revision the latest revision of a live rule is in force: what would begin to act is paused
    op.execute(f"UPDATE rule SET state = 'paused' WHERE state = 'live' AND (observed OR current_id <> {NEWEST})")  # noqa: S608
    stopped = "SELECT 1 FROM setting s WHERE s.name = 'rules_stopped.' || rule.tenant_id AND s.value = 1"
    op.execute(f"UPDATE rule SET state = 'paused' WHERE state = 'live' AND EXISTS ({stopped})")  # noqa: S608
    op.execute("DELETE FROM setting WHERE name LIKE 'rules_stopped.%'")
    for table in ("backtest", "observation", "rule_review"):
        op.drop_table(table)
    op.drop_column("rule_revision", "reason")
    op.drop_column("event_body", "verdicts")
    op.drop_column("rule", "observed")
    op.drop_column("rule", "current_id")
