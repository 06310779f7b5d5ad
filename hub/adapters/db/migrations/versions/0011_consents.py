"""The ledger of consents, and what is held until a candidate agrees.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text_version", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consent_subject", "consent", ["tenant_id", "subject", "purpose", "at"])
    op.add_column("delivery", sa.Column("held_for_consent", sa.Text(), nullable=True))
    held = sa.text("held_for_consent IS NOT NULL")
    op.create_index(
        "delivery_consent", "delivery", ["tenant_id", "held_for_consent"], postgresql_where=held, sqlite_where=held
    )


def downgrade() -> None:
    """What is held for want of consent stays held, for a person."""
    op.drop_index("delivery_consent", table_name="delivery")
    op.drop_column("delivery", "held_for_consent")
    op.drop_table("consent")
