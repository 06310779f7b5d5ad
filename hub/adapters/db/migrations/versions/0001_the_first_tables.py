"""The first tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.adapters.db.columns import EventKey, Moment, Number

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

HOT = {
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0.01,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_vacuum_cost_delay": 0,
}
TABLES = (
    "api_token",
    "assessment_order",
    "attempt",
    "audit",
    "connection",
    "data_key",
    "delivery",
    "delivery_done",
    "event",
    "event_body",
    "idempotency",
    "mapping",
    "ref",
    "role_lease",
    "rule",
    "setting",
    "destination",
    "rule_revision",
)


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash", name="api_token_hash"),
    )
    op.create_index("api_token_tenant", "api_token", ["tenant_id"])

    op.create_table(
        "assessment_order",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("connection_id", Number, nullable=False),
        sa.Column("package", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("assessment_order_subject", "assessment_order", ["tenant_id", "subject", "created_at"])

    op.create_table(
        "attempt",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", Number, nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.Column("dest_id", Number, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("run_lease", Number, nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("talk", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("attempt_delivery", "attempt", ["delivery_id", "id"])
    op.create_index("attempt_lane", "attempt", ["dest_id", "started_at"])

    op.create_table(
        "audit",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_tenant", "audit", ["tenant_id", "id"])

    op.create_table(
        "connection",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("handle", name="connection_handle"),
        sa.UniqueConstraint("tenant_id", "name", name="connection_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "data_key",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("data_class", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "data_key_active", "data_key", ["tenant_id", "data_class"], unique=True, **_where("state = 'active'")
    )
    op.create_index("data_key_tenant", "data_key", ["tenant_id"])

    op.create_table(
        "delivery",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("dest_id", Number, nullable=False),
        sa.Column("revision_id", Number, nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("okey", sa.Text(), nullable=True),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deferrals", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("run_lease", Number, server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("replay_of", Number, nullable=True),
        sa.Column("again", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("held_for_lane", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with=HOT,
        sqlite_autoincrement=True,
    )
    op.create_index("delivery_event", "delivery", ["event_id"])
    op.create_index(
        "delivery_head", "delivery", ["dest_id", "okey"], unique=True, **_where("okey IS NOT NULL AND state IN (0, 1)")
    )
    op.create_index("delivery_lane", "delivery", ["dest_id", "due_at", "id"], **_where("state = 0"))
    op.create_index("delivery_lease", "delivery", ["lease_until"], **_where("state = 1"))
    op.create_index("delivery_wait", "delivery", ["dest_id", "okey", "id"], **_where("state = 3"))

    op.create_table(
        "delivery_done",
        sa.Column("delivery_id", Number, autoincrement=False, nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("dest_id", Number, nullable=False),
        sa.Column("revision_id", Number, nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("okey", sa.Text(), nullable=True),
        sa.Column("final", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=False),
        sa.Column("replay_of", Number, nullable=True),
        sa.Column("again", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index("delivery_done_event", "delivery_done", ["event_id"])
    op.create_index("delivery_done_lane", "delivery_done", ["dest_id", "delivery_id"])
    op.create_index("delivery_done_tenant", "delivery_done", ["tenant_id", "final", "delivery_id"])

    op.create_table(
        "event",
        sa.Column("id", EventKey(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("occurred_at", Moment(), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("cause_event", EventKey(), nullable=True),
        sa.Column("cause_delivery", Number, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_subject", "event", ["tenant_id", "subject", "id"], **_where("subject IS NOT NULL"))
    op.create_index("event_tenant", "event", ["tenant_id", "id"])
    op.create_index("event_type", "event", ["tenant_id", "type", "id"])

    op.create_table(
        "event_body",
        sa.Column("event_id", EventKey(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "idempotency",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "identity"),
    )
    op.create_index("idempotency_expiry", "idempotency", ["expires_at"], **_where("expires_at IS NOT NULL"))

    op.create_table(
        "mapping",
        sa.Column("tenant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version"),
    )
    op.create_table(
        "ref",
        sa.Column("connection_id", Number, autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", Number, nullable=False),
        sa.Column("event_id", EventKey(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "subject", "object", "external_id"),
    )
    op.create_index("ref_external", "ref", ["connection_id", "object", "external_id", "delivery_id"])

    op.create_table(
        "role_lease",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("role"),
    )
    op.create_table(
        "rule",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'live', 'paused')", name="rule_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "name", name="rule_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", Number, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "destination",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.Integer(), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("ordering", sa.Text(), nullable=False),
        sa.Column("timeout_s", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held_until", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["connection.id"], name="destination_connection"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rule_revision",
        sa.Column("id", Number, sa.Identity(always=False), nullable=False),
        sa.Column("rule_id", Number, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["rule.id"], name="rule_revision_rule"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("rule_id", "number", name="rule_revision_number"),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO setting (name, value) VALUES ('config_version', 0)")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
