"""The wiring: use cases over ports, the same for the product, the tests and the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

from hub.adapters.documents import decode
from hub.adapters.identity import Argon2id, WebAuthn
from hub.adapters.media import Mirrored
from hub.adapters.memory.blobs import MemoryBlobs
from hub.adapters.memory.heads import MemoryHeads
from hub.adapters.oauth.oidc import Oidc
from hub.adapters.sign_in import DingTalk, Feishu, Web, WeCom
from hub.adapters.vault import FieldVault, StreamVault
from hub.adapters.vault.signing import VaultSigner
from hub.adapters.workdays import NationalDays
from hub.app.access import Access
from hub.app.advance import Advance
from hub.app.border import Border
from hub.app.candidate_file import CandidateFile
from hub.app.channels import Channels
from hub.app.configure import Configure
from hub.app.consents import Consents
from hub.app.delivery.breakers import Breakers
from hub.app.delivery.deliver import Deliver
from hub.app.delivery.lanes import LaneLoop, LoopLimits
from hub.app.delivery.replay import Replay
from hub.app.delivery.replays import Replays
from hub.app.evidence.evidence import Evidence
from hub.app.fieldbook import Fieldbook
from hub.app.hub import Hub
from hub.app.identify import Identify
from hub.app.ingest import Ingest, Prepare, commit_arrivals
from hub.app.keys.exchange import CraftVault, Keys, Shelves
from hub.app.keys.index import Reindex
from hub.app.keys.nodes import Nodes
from hub.app.library import Library
from hub.app.limits import Limiter
from hub.app.lookup import Find
from hub.app.media.media import Media
from hub.app.media.quarantine import Quarantine
from hub.app.media.scrub import Scrub
from hub.app.media.watching import Watching
from hub.app.people.people import PeoplePolicy, people
from hub.app.pressure import Bounds, Pressure
from hub.app.provide import Provide
from hub.app.queries import Queries
from hub.app.receive import Receive
from hub.app.reports import Reports
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
from hub.app.subjects.gather import Gather
from hub.app.subjects.holds import Held, Holds
from hub.app.switch import Switch
from hub.app.traced import TracedDeliver, TracedTransport
from hub.app.trail.trail import Trail
from hub.bootstrap.in_force import in_force
from hub.domain.breaker import BreakerPolicy
from hub.domain.deliveries import RetryPolicy
from hub.domain.in_force import InForce
from hub.domain.limits import Limit, Rate
from hub.domain.retention import Keep
from hub.ports.audit import Heads
from hub.ports.calendar import Days
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Catalog
from hub.ports.identity import Passwords, SignInProvider
from hub.ports.media import Blobs
from hub.ports.meter import Meter
from hub.ports.scanner import Scanner
from hub.ports.store import Store
from hub.ports.tracer import Tracer
from hub.ports.transport import Signatures, Transport
from hub.ports.vault import Vault
from hub.settings import Settings


@dataclass(frozen=True, slots=True, repr=False)
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
    days: Days = field(default_factory=NationalDays)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    limits: LoopLimits = field(default_factory=LoopLimits)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    blobs: Blobs = field(default_factory=MemoryBlobs)
    tracer: Tracer | None = None
    passwords: Passwords = field(default_factory=Argon2id)
    people: PeoplePolicy = field(default_factory=PeoplePolicy)
    providers: Mapping[str, SignInProvider] = field(
        default_factory=dict
    )  # of signing in elsewhere; none: all there are
    bounds: Bounds = field(default_factory=Bounds)
    keep: Keep = field(default_factory=Keep)
    rates: Mapping[Limit, Rate] = field(default_factory=dict)
    review: bool = False  # rules need a second person before they come into force
    heads: Heads = field(default_factory=MemoryHeads)
    keep_acts: timedelta = timedelta(days=1095)
    heads_posted: bool = False
    scanner: Scanner | None = None  # None: files are not judged
    home: str | None = None  # the region that this hub is in
    in_force: InForce = field(default_factory=lambda: in_force(Settings.read({})))


def assemble(parts: Parts) -> Hub:
    """Use cases over ports: the same wiring for the product, the tests and the simulator."""
    p = parts
    transport = p.transport if p.tracer is None else TracedTransport(p.transport, p.tracer)
    library = Library(p.store, p.catalog, p.clock, p.days, p.home)
    channels = Channels(p.catalog, p.vault)
    limits = Limiter(p.store, p.vault, p.clock, p.meter, p.rates)
    streams, judged = StreamVault(cast("FieldVault", p.vault)), p.scanner is not None
    media = Media(p.blobs, p.vault, streams, p.clock, p.ids, p.meter, keeps=Held(p.store), quarantine=judged)
    accounts = people(
        p.store, p.vault, p.clock, p.ids, p.meter, p.passwords, _authenticators(p.people.site), p.people,
        p.providers or _providers(p.transport, p.clock), media,
    )  # fmt: skip
    signer, granted_lately = VaultSigner(p.store, p.vault, p.clock), accounts.rights.granted_lately
    holds = Holds(p.store, accounts.sealing, p.clock, p.ids, granted_lately)
    erasures = Erasures(p.store, accounts.sealing, holds, signer, p.clock, p.ids, granted_lately)
    prepare = Prepare(p.vault, p.clock, p.ids, p.meter, p.keep, erasures.readmit)
    consents = Consents(p.store, p.vault, library, channels, p.clock, p.meter)
    group = commit_arrivals(p.store, p.meter, p.clock, p.tracer, consents)
    pressure = Pressure(p.store, p.clock, p.meter, p.bounds)
    ingest = Ingest(p.store, library, prepare, group, p.meter, pressure)
    identify, find = Identify(p.vault, p.store), Find(p.store, p.vault, library)
    queries = Queries(p.store, p.vault, library, channels)
    reports = Reports(p.store, p.vault, library, prepare, p.meter)
    cases = Cases(p.store, p.vault)
    fields, lifecycle = Fieldbook(p.catalog), Lifecycle(p.store, library, p.catalog, cases, p.clock, p.review)
    border = Border(p.store, library, p.clock, p.meter)
    deliver = Deliver(p.store, p.vault, library, channels, transport, reports, p.clock, p.ids, p.meter, p.retry, border)
    traced = deliver if p.tracer is None else TracedDeliver(deliver, p.tracer, p.clock)
    # Every store of ours is also a shelf of keys, and every vault of ours exchanges them.
    nodes = Nodes(cast("Shelves", p.store), cast("CraftVault", p.vault), p.clock)
    trail = Trail(p.store, signer, p.heads, p.clock, p.meter, p.keep_acts, p.heads_posted)
    why = Why(p.store, p.vault, library)
    gather = Gather(queries, why, fields, consents, holds, erasures, media)
    reindex = Reindex(p.store, p.vault)
    keys = Keys(cast("Shelves", p.store), cast("CraftVault", p.vault), p.clock, p.meter, reindex, nodes)
    return Hub(
        store=p.store,
        vault=p.vault,
        clock=p.clock,
        ids=p.ids,
        meter=p.meter,
        catalog=p.catalog,
        transport=transport,
        library=library,
        limits=limits,
        channels=channels,
        ingest=ingest,
        consents=consents,
        border=border,
        deliver=deliver,
        lanes=LaneLoop(
            p.store, library, traced, p.clock, p.ids, p.meter, Breakers(p.clock, p.meter, p.breaker), p.limits
        ),
        receive=Receive(p.store, channels, p.signatures, prepare, group, p.clock, p.meter, pressure, limits),
        provide=Provide(p.store, p.vault, channels, p.signatures, ingest, identify, p.clock, p.ids, limits),
        identify=identify,
        find=find,
        configure=Configure(p.store, p.vault, p.catalog, library, p.clock, p.ids, p.days, cases, p.review),
        replay=Replay(p.store, prepare, p.clock, p.ids),
        switch=Switch(p.store, library, p.clock),
        replays=Replays(p.store, library, queries, prepare, p.clock, p.meter),
        advance=Advance(p.store, p.vault, library, prepare, p.clock, p.meter, p.tracer),
        runs=Runs(p.store, library, p.clock, p.meter),
        queries=queries,
        candidate_file=CandidateFile(queries),
        lifecycle=lifecycle,
        kill_switch=KillSwitch(p.store, library, p.clock),
        access=Access(p.store, p.clock, p.ids, p.people.site),
        people=accounts,
        cases=cases,
        backtests=Backtests(p.store, p.vault, library, p.clock, p.ids, p.meter, decode),
        why=why,
        retain=Retain(p.store, p.clock, p.meter, p.keep),
        fields=fields,
        tables=RuleTables(lifecycle, fields),
        comparisons=Comparisons(lifecycle),
        trail=trail,
        evidence=Evidence(p.store, trail, keys, p.clock, p.in_force),
        media=media,
        quarantine=Quarantine(media, p.scanner, p.store, p.clock, p.meter),
        watching=Watching(media, p.store, p.clock, p.ids, p.meter),
        scrub=Scrub(media, p.blobs.copies if isinstance(p.blobs, Mirrored) else (p.blobs,), p.meter),
        keys=keys,
        holds=holds,
        erasures=erasures,
        export=Export(gather, trail, p.clock),
        carry_out=CarryOut(p.store, p.vault, keys, media, library, channels, prepare, holds, p.clock, p.ids, p.meter),
    )


def _providers(transport: Transport, clock: Clock) -> dict[str, SignInProvider]:
    web = Web(transport)
    return {"oidc": Oidc(web.json, clock), "feishu": Feishu(web), "dingtalk": DingTalk(web), "wecom": WeCom(web)}


def _authenticators(site: str) -> WebAuthn:
    return WebAuthn(urlsplit(site).hostname or "localhost", site)
