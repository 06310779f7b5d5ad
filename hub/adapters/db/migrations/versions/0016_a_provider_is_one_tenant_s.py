"""A provider's name says whose people sign in by it: no two tenants have the same.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now only the first tenant's people could sign in elsewhere: its provider keeps the name."""
    op.execute(
        "DELETE FROM sign_in_provider WHERE EXISTS (SELECT 1 FROM sign_in_provider AS other"
        " WHERE other.id = sign_in_provider.id AND other.tenant_id < sign_in_provider.tenant_id)"
    )
    op.create_index("sign_in_provider_id", "sign_in_provider", ["id"], unique=True)


def downgrade() -> None:
    op.drop_index("sign_in_provider_id", "sign_in_provider")
