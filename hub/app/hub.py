"""All use cases of one process, as the web, the worker and the command line see them."""

from __future__ import annotations

from dataclasses import dataclass

from hub.app.access import Access
from hub.app.advance import Advance
from hub.app.backtests import Backtests
from hub.app.cases import Cases
from hub.app.channels import Channels
from hub.app.checks import catalogue_of
from hub.app.configure import Configure
from hub.app.deliver import Deliver
from hub.app.identify import Identify
from hub.app.ingest import Ingest
from hub.app.lanes import LaneLoop
from hub.app.library import Library
from hub.app.limits import Limiter
from hub.app.provide import Provide
from hub.app.queries import Queries
from hub.app.receive import Receive
from hub.app.replay import Replay
from hub.app.replays import Replays
from hub.app.retain import Retain
from hub.app.rules_lifecycle import Lifecycle
from hub.app.runs import Runs
from hub.app.switch import Switch
from hub.app.why import Why
from hub.domain.rules import Catalogue
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Catalog
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.transport import Transport
from hub.ports.vault import Vault
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Hub:
    """Everything that can be done, and the ports it is done with."""

    store: Store
    vault: Vault
    clock: Clock
    ids: Ids
    meter: Meter
    catalog: Catalog
    transport: Transport
    library: Library
    limits: Limiter
    channels: Channels
    ingest: Ingest
    deliver: Deliver
    lanes: LaneLoop
    receive: Receive
    provide: Provide
    identify: Identify
    configure: Configure
    replay: Replay
    replays: Replays
    advance: Advance
    runs: Runs
    switch: Switch
    queries: Queries
    access: Access
    lifecycle: Lifecycle
    cases: Cases
    backtests: Backtests
    why: Why
    retain: Retain

    def fields(self, rule: Document) -> Catalogue:
        """What a stored rule may speak of: the fields of its event, with those that the connectors here add."""
        return catalogue_of(rule, [self.catalog.get(name) for name in self.catalog.names()])
