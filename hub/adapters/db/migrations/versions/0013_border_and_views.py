"""Who was sent abroad, what is held at the border, and who watched which recording.

Revision ID: 0013
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "border_person",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("data_class", sa.SmallInteger(), nullable=False),
        sa.Column("first_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "year", "person", "region"),
    )
    op.create_index("border_person_year", "border_person", ["year"])
    op.create_table(
        "border_tally",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in ("persons", "personal", "sensitive")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "year", "region"),
    )
    op.create_table(
        "border_policy",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )
    op.create_table(
        "media_view",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("viewer", "media")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("subject", "purpose")),
        sa.Column("bound_to", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        *(sa.Column(name, Moment(), nullable=False) for name in ("opened_at", "seen_at", "ends_at")),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in ("position_s", "marks", "reads")
        ),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    op.create_index("media_view_viewer", "media_view", ["tenant_id", "viewer", "id"])
    op.create_index("media_view_media", "media_view", ["tenant_id", "media", "id"])
    op.create_index("media_view_ends", "media_view", ["ends_at"])
    op.add_column("delivery", sa.Column("held_for_border", sa.Text(), nullable=True))
    held = sa.text("held_for_border IS NOT NULL")
    columns = ["tenant_id", "dest_id", "held_for_border"]
    op.create_index("delivery_border", "delivery", columns, postgresql_where=held, sqlite_where=held)
    op.create_index("consent_at", "consent", ["at"])


def downgrade() -> None:
    """What is held at the border stays held, for a person; who was counted and who watched is lost."""
    op.drop_index("consent_at", table_name="consent")
    op.drop_index("delivery_border", table_name="delivery")
    op.drop_column("delivery", "held_for_border")
    for table in ("media_view", "border_policy", "border_tally", "border_person"):
        op.drop_table(table)
