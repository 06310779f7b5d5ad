"""The store on SQLite and PostgreSQL: all SQL of the hub lives here."""

from hub.adapters.db.schema import current, downgrade, migrate
from hub.adapters.db.store import SqlStore, open_store

__all__ = ["SqlStore", "current", "downgrade", "migrate", "open_store"]
