"""Candidates are found by blind indexes of what was told about them; links to accounts elsewhere say whose they are, sealed;
processes say which root keys they have loaded;
signed heads are owed to a second place.

Revision ID: 0014
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment, Number

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows for what is stored already are made in the background (`lookups` in `hirewire keys status`)."""
    op.create_table(
        "candidate_lookup",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("blind", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "blind", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_index("candidate_lookup_subject", "candidate_lookup", ["tenant_id", "subject"])
    op.create_table(
        "owed_head",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", Number, autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq"),
    )
    op.create_table(
        "key_node",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.Column("roots", sa.Text(), nullable=False),
        sa.Column("epoch", Number, nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("outside_identity", sa.Column("sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("outside_identity", "sealed")
    op.drop_table("key_node")
    op.drop_table("owed_head")
    op.drop_table("candidate_lookup")
