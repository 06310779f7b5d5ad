"""Vendor twins: every connector as a local vendor, as strict as the real one, for the demo, tests and `connector try`."""

from hub.adapters.twins.client import TwinClient
from hub.adapters.twins.ledger import applied_twice
from hub.adapters.twins.process import ServeConfig, TwinPlan, read_config, serve_many
from hub.adapters.twins.spec import TwinSpec, load
from hub.adapters.twins.twin import Twin, run_twin

__all__ = [
    "ServeConfig",
    "Twin",
    "TwinClient",
    "TwinPlan",
    "TwinSpec",
    "applied_twice",
    "load",
    "read_config",
    "run_twin",
    "serve_many",
]
