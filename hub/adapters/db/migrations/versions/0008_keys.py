"""Keys of persons and connections below the tenant's, and how far their exchange has come.

Values that were sealed under the tenant's own keys stay readable; the sweep `apart` seals them anew under their owners' keys.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment, Number
from hub.adapters.db.key_tables import ACTIVE, PAST

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "owner_key",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("data_class", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("owner_key_active", "owner_key", ["tenant_id", "owner", "data_class"], unique=True, **ACTIVE)
    op.create_index("owner_key_past", "owner_key", ["tenant_id", "owner"], **PAST)
    op.create_index("owner_key_parent", "owner_key", ["parent", "id"])
    op.create_table(
        "key_rotation",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("old", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("moved", Number, nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """What was sealed under owners' keys cannot be opened by the program before this one: it is refused while any is there."""
    found = op.get_bind().execute(sa.text("SELECT count(*) FROM owner_key WHERE state <> 'destroyed'")).scalar()
    if found:
        raise RuntimeError(f"{found} keys of persons and connections seal data that an older program cannot open")
    op.drop_table("key_rotation")
    op.drop_table("owner_key")
