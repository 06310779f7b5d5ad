"""Legal holds, erasures, and what vendors were asked to erase.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import Moment, Number

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _at(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, Moment(), nullable=null)


def _tenant() -> sa.Column[int]:
    return sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "legal_hold",
        _tenant(), _text("id"), _text("subject"), _text("state"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _text("asked_by"), _at("asked_at", null=False), _text("decided_by", null=True), _at("decided_at"),
        _text("lift_asked_by", null=True), _at("lift_asked_at"), _text("lifted_by", null=True), _at("lifted_at"),
        _version(),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )  # fmt: skip
    holds = _where("state IN ('asked', 'in_force', 'lift_asked')")
    op.create_index("legal_hold_subject", "legal_hold", ["tenant_id", "subject"], **holds)  # type: ignore[arg-type]
    op.create_table(
        "erasure",
        _tenant(), _text("id"), _text("subject"), _text("state"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _text("digest"), _text("asked_by"), _at("asked_at", null=False),
        sa.Column("approved_by", sa.JSON(), nullable=False), _at("approved_at"),
        sa.Column("closed", sa.Boolean(), server_default=sa.false(), nullable=False),
        _text("event", null=True), sa.Column("keys", sa.JSON(), nullable=False), _text("receipt", null=True),
        _at("destroyed_at"), sa.Column("counts", sa.JSON(), nullable=False), _at("cleared_at"), _at("done_at"),
        _at("reopened_at"), _version(),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )  # fmt: skip
    op.create_index("erasure_subject", "erasure", ["tenant_id", "subject"])
    op.create_index("erasure_closed", "erasure", ["subject", "tenant_id"], unique=True, **_where("closed"))  # type: ignore[arg-type]
    running = _where("state IN ('stopping', 'destroying', 'clearing', 'telling')")
    op.create_index("erasure_running", "erasure", ["approved_at"], **running)  # type: ignore[arg-type]
    op.create_table(
        "erasure_notice",
        _tenant(), _text("id"), _text("erasure"), sa.Column("connection", Number, nullable=False),
        _text("name"), _text("connector"), _text("operation", null=True), _text("state"),
        _at("created_at", null=False), sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _at("acknowledged_at"), _text("acknowledged_by", null=True), _text("reference", null=True), _version(),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )  # fmt: skip
    op.create_index("erasure_notice_erasure", "erasure_notice", ["tenant_id", "erasure"])
    op.create_index("erasure_notice_open", "erasure_notice", ["created_at"], **_where("state = 'open'"))  # type: ignore[arg-type]


def downgrade() -> None:
    """Erased persons stay erased; what was promised to them and to courts is forgotten: export the certificates before."""
    for table in ("erasure_notice", "erasure", "legal_hold"):
        op.drop_table(table)
