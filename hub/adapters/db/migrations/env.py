"""Runs inside Alembic, on the connection that `hub.adapters.db.schema` opened."""

from alembic import context

from hub.adapters.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
