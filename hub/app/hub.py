"""All use cases of one process, as the web, the worker and the command line see them."""

from __future__ import annotations

from dataclasses import dataclass

from hub.app.access import Access
from hub.app.advance import Advance
from hub.app.border import Border
from hub.app.candidate_file import CandidateFile
from hub.app.channels import Channels
from hub.app.configure import Configure
from hub.app.consents import Consents
from hub.app.delivery.deliver import Deliver
from hub.app.delivery.lanes import LaneLoop
from hub.app.delivery.replay import Replay
from hub.app.delivery.replays import Replays
from hub.app.evidence.evidence import Evidence
from hub.app.fieldbook import Fieldbook
from hub.app.identify import Identify
from hub.app.ingest import Ingest
from hub.app.keys.exchange import Keys
from hub.app.library import Library
from hub.app.limits import Limiter
from hub.app.lookup import Find
from hub.app.media.media import Media
from hub.app.media.quarantine import Quarantine
from hub.app.media.scrub import Scrub
from hub.app.media.watching import Watching
from hub.app.people.people import People
from hub.app.provide import Provide
from hub.app.queries import Queries
from hub.app.receive import Receive
from hub.app.retain import Retain
from hub.app.rules.backtests import Backtests
from hub.app.rules.cases import Cases
from hub.app.rules.compared import Comparisons
from hub.app.rules.kill_switch import KillSwitch
from hub.app.rules.lifecycle import Lifecycle
from hub.app.rules.table import RuleTables
from hub.app.rules.why import Why
from hub.app.runs import Runs
from hub.app.subjects.carry_out import CarryOut
from hub.app.subjects.erasures import Erasures
from hub.app.subjects.export import Export
from hub.app.subjects.holds import Holds
from hub.app.switch import Switch
from hub.app.trail.trail import Trail
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Catalog
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.transport import Transport
from hub.ports.vault import Vault


@dataclass(frozen=True, slots=True, repr=False)
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
    consents: Consents
    border: Border
    deliver: Deliver
    lanes: LaneLoop
    receive: Receive
    provide: Provide
    identify: Identify
    find: Find
    configure: Configure
    replay: Replay
    replays: Replays
    advance: Advance
    runs: Runs
    switch: Switch
    queries: Queries
    access: Access
    people: People
    candidate_file: CandidateFile
    lifecycle: Lifecycle
    kill_switch: KillSwitch
    cases: Cases
    backtests: Backtests
    why: Why
    retain: Retain
    fields: Fieldbook
    tables: RuleTables
    comparisons: Comparisons
    trail: Trail
    keys: Keys
    media: Media
    quarantine: Quarantine
    watching: Watching
    scrub: Scrub
    holds: Holds
    erasures: Erasures
    carry_out: CarryOut
    export: Export
    evidence: Evidence
