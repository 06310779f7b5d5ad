"""The composition root: the only package that knows every concrete class."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from urllib.parse import urlsplit

from hub.adapters import db
from hub.adapters.backup.opening import Backups, Wanted, open_backups
from hub.adapters.catalog import FolderCatalog
from hub.adapters.clamd import Clamd
from hub.adapters.clock import SystemClock, SystemIds
from hub.adapters.db.patience import patiently, until_there
from hub.adapters.http.guard import Guard
from hub.adapters.http.head_hook import HeadHook
from hub.adapters.http.router import Router
from hub.adapters.http.signatures import VendorSignatures
from hub.adapters.logs import Lines
from hub.adapters.logs import configure as configure_logs
from hub.adapters.media import open_blobs
from hub.adapters.metrics import CONTENT_TYPE, PrometheusMeter
from hub.adapters.objects import open_objects
from hub.adapters.objects.heads import KeptHeads
from hub.adapters.timer import SHORTEST_LEASE_S, Timer
from hub.adapters.vault import FieldVault, RootSettings, open_root_keys
from hub.adapters.vault.signing import VaultSigner
from hub.app.daily import Daily
from hub.app.delivery.lanes import LoopLimits
from hub.app.hub import Hub
from hub.app.keys.nodes import BEAT_S
from hub.app.people.people import PeoplePolicy
from hub.app.people.sessions import SessionPolicy
from hub.app.pressure import Bounds
from hub.app.trail.heads import HeadPosts
from hub.app.trail.trail import Trail
from hub.bootstrap.assembly import Parts, assemble
from hub.bootstrap.in_force import in_force
from hub.bootstrap.listeners import own_tls
from hub.domain.deliveries import RetryPolicy
from hub.domain.errors import HubError, Invalid
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.signing import Signer
from hub.ports.store import Store
from hub.ports.tracer import Tracer
from hub.ports.vault import Vault
from hub.settings import Settings
from mappings.canonical import events

__all__ = [
    "Opened",
    "PATIENCE_S",
    "Parts",
    "VERSION",
    "assemble",
    "current_schema",
    "metrics_server",
    "migrate_store",
    "open_backup",
    "open_hub",
    "own_tls",
    "root_settings",
    "settle",
]
VERSION = version("hirewire")
SWEEP_S = 300.0  # between two sweeps; one that finds nothing is a few index probes
PATIENCE_S = 30.0  # how long a starting process waits for its database


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """A hub on real ports, with what has to be closed again."""

    hub: Hub
    timer: Timer
    meter: PrometheusMeter
    clock: SystemClock
    vault: FieldVault
    tracer: Tracer | None = None
    node: str = field(default_factory=lambda: f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(2)}")

    async def render_metrics(self) -> tuple[bytes, str]:
        """The metrics of this process, and the lanes of all of them: (body, content type)."""
        store, lanes = self.hub.store, self.hub.lanes
        self.meter.in_flight(lanes.in_flight, lanes.limits.in_flight)
        self.meter.keys(self.vault.vitals())
        health = await store.health()
        self.meter.store(health, await store.vitals() if health.ok else None)
        if health.ok:
            async with store.look() as look:
                self.meter.lanes(await look.lanes(), self.clock.now())
                self.meter.erasures(await look.erasure_stats(), self.clock.now())
                self.meter.runs(await look.run_stats(self.clock.now()), self.clock.now())
                self.meter.held(await look.awaiting_consent(), await look.kept_at_border())
            self.meter.border(await self.hub.border.show(DEFAULT_TENANT))
        return self.meter.render(), CONTENT_TYPE

    async def anchor(self) -> None:
        """Take the time from the database, so that leases mean the same to all processes."""
        self.clock.anchor(await self.hub.store.now())

    async def sweep(self) -> None:
        """Let go of what is over."""
        await self.hub.retain()

    async def watch_epoch(self) -> None:
        """Let go of keys that another process destroyed, also where nobody asks for any just now."""
        await self.hub.vault.prepare(DEFAULT_TENANT)

    async def erase(self) -> None:
        """Move on every erasure that was approved."""
        await self.hub.carry_out()

    async def let_across(self) -> None:
        """Let go what there is room for at the border."""
        await self.hub.border.sweep()

    async def end_views(self) -> None:
        """End views of recordings that give no sign any more."""
        await self.hub.watching.sweep()

    async def watch_keys(self) -> None:
        """Ask the provider of root keys how it is, so that an outage is seen before keys in memory are too old."""
        state = await self.hub.keys.health()
        if not state.ok:
            self.meter.note("keys.provider_down", provider=state.provider)

    async def sweep_media(self) -> None:
        """Remove recordings that nobody completed."""
        if gone := await self.hub.media.sweep():
            self.meter.note("media.swept", count=gone)

    async def disable_unused(self) -> None:
        """Disable accounts that nobody used for long."""
        await self.hub.people.unused()

    async def scrub_media(self) -> None:
        """Open every copy of every recording once a day."""
        await self.hub.scrub()

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Report this process and the keys it has loaded while the block runs."""
        reporting = asyncio.create_task(self._report())
        try:
            yield
        finally:
            reporting.cancel()
            with suppress(HubError):
                await self.hub.keys.nodes.leave(self.node)

    async def _report(self) -> None:
        nodes = self.hub.keys.nodes
        while True:
            try:
                await nodes.report(self.node, VERSION, await self.hub.keys.shelf.key_epoch())
            except HubError as error:
                self.meter.note("keys.not_reported", code=error.code)
            await self.clock.sleep(BEAT_S)

    async def begin(self) -> None:
        """Wait for the database, take its time and open the keys: a lost keyring stops us here, before anything is accepted."""
        await until_there(self.hub.store, PATIENCE_S)
        self.clock.begin(await self.hub.store.now())
        await self.hub.lanes.recall()
        await self.hub.vault.prepare(DEFAULT_TENANT)

    async def run_loops(self) -> None:
        """The lanes and the timer, until the lanes are told to stop."""
        self.meter.note("loops.started")
        if not self.hub.media.quarantine:
            self.meter.note("scanner.none")  # files that come in are not judged
        self.timer.start()
        advancing = asyncio.create_task(self.hub.advance.run())
        try:
            await self.hub.lanes.run()
        finally:
            self.hub.advance.stop()
            await advancing
            self.hub.backtests.stop()
            self.hub.retain.stop()
            await self.timer.stop()
            self.meter.note("loops.stopped")

    async def close(self) -> None:
        """Let go of sockets and files."""
        if self.tracer is not None:
            await asyncio.to_thread(self.tracer.close)
        await self.hub.transport.close()
        await self.hub.store.close()


def open_hub(settings: Settings) -> Opened:
    """The product as the settings say. Nothing is asked of the network or the database yet."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    configure_logs(settings.log_level, "json" if settings.log_format == "json" else "text")
    clock = SystemClock()
    ids = SystemIds(clock)
    store = db.open_store(settings.database)
    vault = FieldVault(open_root_keys(root_settings(settings)), store, clock, max_age_s=settings.key_cache_s)
    meter = PrometheusMeter([name for name, _ in events()], Lines(), version=VERSION)
    guard = Guard(
        allow_loopback=settings.egress_loopback,
        allow_http=settings.egress_loopback,
        allow_config_hosts=settings.egress_loopback,
        ports=frozenset(settings.egress_ports),
    )
    parts = Parts(
        store=store,
        vault=vault,
        clock=clock,
        ids=ids,
        meter=meter,
        catalog=FolderCatalog(),
        transport=Router.build(guard, clock, client=settings.http_client, ca_bundle=settings.ca_file),
        signatures=VendorSignatures(clock),
        retry=RetryPolicy(delays_s=settings.retry_delays),
        limits=LoopLimits(
            in_flight=settings.in_flight,
            lease=timedelta(seconds=settings.lease_s),
            renew_s=settings.lease_s / 4,  # a lease that ends before it is renewed gives live work away
        ),
        blobs=open_blobs(settings.media, settings.media_copy, endpoint=settings.media_endpoint),
        tracer=_tracer(settings),
        people=_people_policy(settings),
        bounds=Bounds(settings.backlog, settings.tenant_backlog, settings.free_disk),
        keep=settings.keep,
        rates=settings.rates,
        review=settings.rule_review,
        heads=KeptHeads(open_objects(settings.audit_heads)),
        keep_acts=timedelta(days=settings.audit_days),
        heads_posted=settings.audit_webhook is not None,
        scanner=None if settings.scanner is None else Clamd(settings.scanner),
        home=settings.home_region,
        in_force=in_force(settings),
    )
    owner = secrets.token_hex(8)
    timer = Timer(store, meter, clock, owner=owner, lease_s=min(SHORTEST_LEASE_S, settings.lease_s))
    opened = Opened(assemble(parts), timer, meter, clock, vault, parts.tracer)
    timer.every(60.0, "clock", opened.anchor, at_once=True)
    timer.every(600.0, "limits", opened.hub.limits.forget, shared=True)
    timer.every(15.0, "consents", opened.hub.consents.sweep, shared=True)
    timer.every(2.0, "key_epoch", opened.watch_epoch)
    timer.every(2.0, "erasures", opened.erase, shared=True)
    timer.every(15.0, "border", opened.let_across, shared=True)
    timer.every(60.0, "views", opened.end_views, shared=True)
    timer.every(10.0, "keys", opened.hub.keys.work_off, shared=True, at_once=True)
    timer.every(30.0, "key_provider", opened.watch_keys)
    timer.every(3600.0, "media", opened.sweep_media, shared=True)
    if parts.scanner is not None:
        timer.every(60.0, "quarantine", opened.hub.quarantine.work_off, shared=True, at_once=True)
    timer.every(86_400.0, "scrub", opened.scrub_media, shared=True)
    timer.every(1.0, "replays", opened.hub.replays.advance, shared=True)
    daily = Daily(store, clock, ids)
    _audit_jobs(timer, opened.hub.trail, daily)
    if settings.audit_webhook is not None:
        hook = HeadHook(opened.hub.transport, settings.audit_webhook, settings.audit_webhook_secret)
        posts = HeadPosts(store, hook, clock, meter)

        async def post_heads() -> None:
            await posts()

        timer.every(10.0, "audit_webhook", post_heads, shared=True)
    backups = open_backup(settings, opened)
    if backups is not None:
        backups.plan(timer, daily)
    timer.every(3600.0, "unused_accounts", opened.disable_unused, shared=True)
    timer.every(60.0, "sessions", opened.hub.people.sweep, shared=True)
    timer.every(1.0, "backtests", partial(opened.hub.backtests.work_off, owner), at_once=True)
    timer.every(SWEEP_S, "partitions", opened.hub.retain.make_room, shared=True, at_once=True)
    timer.every(SWEEP_S, "retention", opened.sweep, shared=True, at_once=True)
    return opened


def _audit_jobs(timer: Timer, trail: Trail, daily: Daily) -> None:
    async def sign() -> None:
        await trail.sign_ends()

    async def prune() -> None:
        await trail.prune()

    async def verify() -> None:
        await daily("audit_verify", trail.verify_all)

    timer.every(10.0, "audit_heads", sign, shared=True)
    timer.every(3600.0, "audit_retention", prune, shared=True)
    timer.every(600.0, "audit_verify", verify, shared=True)


def open_backup(settings: Settings, opened: Opened) -> Backups | None:
    """Backups as the settings say, None where they say of none. Raises Invalid."""
    if settings.backup_to is None or settings.backup_keys_to is None:
        return None

    def at(address: str) -> tuple[Store, Vault, Signer]:
        store = db.open_store(address)
        vault = FieldVault(opened.vault.roots, store)
        return store, vault, VaultSigner(store, vault, opened.clock)

    wanted = Wanted(
        database=settings.database,
        home=settings.home,
        to=settings.backup_to,
        keys_to=settings.backup_keys_to,
        recipients=settings.backup_recipients,
        keep=timedelta(days=settings.backup_keep_days),
        scratch_at=settings.backup_scratch,
        ship_s=settings.backup_ship_s,
    )
    return open_backups(wanted, opened.hub, at)


def root_settings(settings: Settings) -> RootSettings:
    """What the settings say about root keys."""
    return RootSettings(
        settings.key_provider,
        settings.keyring,
        settings.root_key,
        settings.production,
        settings.vault_address,
        settings.vault_key,
        settings.vault_token_file,
        settings.vault_namespace,
        settings.kms_keys,
        settings.kms_endpoint,
        settings.ca_file,
    )


def _people_policy(settings: Settings) -> PeoplePolicy:
    site = urlsplit(settings.public_url)
    idle = timedelta(seconds=settings.session_idle_s)
    sessions = SessionPolicy(idle, min(idle, SessionPolicy().idle_admin), timedelta(seconds=settings.session_life_s))
    return PeoplePolicy(
        f"{site.scheme}://{site.netloc}", sessions, settings.separation, settings.password_days, settings.unused_days
    )


def _tracer(settings: Settings) -> Tracer | None:
    if settings.traces is None:
        return None
    try:
        from hub.adapters.tracing import OtelTracer
    except ImportError as error:
        text = "traces need the extra `otel`: pip install 'hirewire[otel]'"
        raise Invalid(text, code="extra_missing", at="HIREWIRE_TRACES") from error
    return OtelTracer(settings.traces, version=VERSION, ratio=settings.traces_ratio)


def settle() -> None:
    """Tell the garbage collector that what start-up made lives for good, and that work makes many short-lived objects.

    Measured at 1,500 deliveries: 900 us of CPU each before, 660 us after (bench/end_to_end.py shows the whole).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def migrate_store(settings: Settings, revision: str = "head", patience_s: float = 0.0) -> None:
    """Bring the schema to this revision; a database that is not up yet is waited for."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    patiently(lambda: db.migrate(settings.database, revision), patience_s)


def current_schema(settings: Settings) -> str | None:
    """The schema's revision, None where there is no schema."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return db.current(settings.database)


@asynccontextmanager
async def metrics_server(settings: Settings, opened: Opened) -> AsyncIterator[None]:
    """`work`'s own /metrics while the block runs, if HIREWIRE_METRICS_LISTEN says where."""
    if settings.metrics_listen is None:
        yield
        return
    from hub.adapters.http.exporter import serve_metrics  # a server that only some need

    async with serve_metrics(settings.metrics_listen, opened.render_metrics, own_tls(settings)):
        yield
