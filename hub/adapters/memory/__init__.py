"""The store in memory: the twin that passes the same suite as the databases, for tests and simulations."""

from hub.adapters.memory.store import MemoryStore

__all__ = ["MemoryStore"]
