"""Tries that take persons abroad have their place in the database.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "border_under_way",
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("run_lease", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("data_class", sa.SmallInteger(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "run_lease"),
    )
    op.create_index("border_under_way_place", "border_under_way", ["tenant_id", "year", "person"])
    op.create_index("border_under_way_until", "border_under_way", ["until"])


def downgrade() -> None:
    """Who is under way is counted when the try is recorded, as before."""
    op.drop_table("border_under_way")
