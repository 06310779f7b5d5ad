"""When an owner's key was made: an exchange leaves those alone that are newer than itself.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("owner_key", sa.Column("made_at", Moment(), nullable=True))


def downgrade() -> None:
    op.drop_column("owner_key", "made_at")
