"""The composition root: the only module that knows every concrete class."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from litestar import Litestar

from hub.adapters.catalog import FolderCatalog
from hub.adapters.clock import SystemClock, SystemIds
from hub.adapters.db import SqlStore, open_store
from hub.adapters.http import Guard, HttpSignatures, open_transport
from hub.adapters.logs import configure as configure_logs
from hub.adapters.metrics import PrometheusMeter
from hub.adapters.timer import Timer
from hub.adapters.vault import FieldVault, open_root_keys
from hub.app.access import Access
from hub.app.channels import Channels
from hub.app.configure import Configure
from hub.app.deliver import Deliver
from hub.app.hub import Hub
from hub.app.identify import Identify
from hub.app.ingest import Ingest, Prepare, commit_arrivals
from hub.app.lanes import LaneLoop, LoopLimits
from hub.app.library import Library
from hub.app.provide import Provide
from hub.app.queries import Queries
from hub.app.receive import Receive
from hub.app.replay import Replay
from hub.app.reports import Reports
from hub.domain.deliveries import RetryPolicy
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Catalog
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.transport import Signatures, Transport
from hub.ports.vault import Vault
from hub.settings import Settings
from hub.web.app import create_app

VERSION = version("hirewire")


@dataclass(frozen=True, slots=True)
class Parts:
    """The ports of one process, before the use cases are put on them."""

    store: Store
    vault: Vault
    clock: Clock
    ids: Ids
    meter: Meter
    catalog: Catalog
    transport: Transport
    signatures: Signatures
    retry: RetryPolicy = RetryPolicy()
    limits: LoopLimits = LoopLimits()


def assemble(parts: Parts) -> Hub:
    """Use cases over ports: the same wiring for the product, the tests and the simulator."""
    p = parts
    library = Library(p.store, p.catalog, p.clock)
    channels = Channels(p.catalog, p.vault)
    prepare = Prepare(p.vault, p.clock, p.ids, p.meter)
    group = commit_arrivals(p.store, p.meter, p.clock)
    ingest = Ingest(p.store, library, prepare, group, p.meter)
    identify = Identify(p.vault)
    reports = Reports(p.store, p.vault, library, prepare)
    deliver = Deliver(p.store, p.vault, library, channels, p.transport, reports, p.clock, p.ids, p.meter, p.retry)
    return Hub(
        store=p.store,
        vault=p.vault,
        clock=p.clock,
        ids=p.ids,
        meter=p.meter,
        catalog=p.catalog,
        transport=p.transport,
        library=library,
        channels=channels,
        ingest=ingest,
        deliver=deliver,
        lanes=LaneLoop(p.store, library, deliver, p.clock, p.ids, p.meter, p.limits),
        receive=Receive(p.store, channels, p.signatures, prepare, group, p.clock, p.meter),
        provide=Provide(p.store, p.vault, channels, p.signatures, ingest, identify, p.clock, p.ids),
        identify=identify,
        configure=Configure(p.store, p.vault, p.catalog, library, p.clock, p.ids),
        replay=Replay(p.store, p.clock),
        queries=Queries(p.store, p.vault, library, channels),
        access=Access(p.store, p.clock, p.ids),
    )
