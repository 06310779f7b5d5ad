"""What is configured, compiled once: live rules, connections and mappings, kept fresh by the config version."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from hub.app.border_policy import read_border
from hub.app.hours import read_hours
from hub.domain.border import BorderPolicy
from hub.domain.connections import Connection, Ordering, Stuck
from hub.domain.deliveries import PAUSED, STOPPED, Delivery
from hub.domain.errors import NotFound
from hub.domain.hours import BusinessHours
from hub.domain.ids import ConnectionId, RevisionId, RuleId, TenantId
from hub.domain.rules import (
    Action,
    AllAtOnce,
    CompiledRule,
    LiveRule,
    Program,
    RunMode,
    compile_program,
    compile_rule,
    parse,
)
from hub.ports.calendar import Days
from hub.ports.clock import Clock
from hub.ports.connector import Catalog, Connector
from hub.ports.store import Rule, Store, StoredMapping
from mappings.documents import Document
from mappings.engine import Mapping, compile_mapping

REFRESH_S = 0.5  # how long a process may act on configuration that another one has changed


@dataclass(frozen=True, slots=True)
class Book:
    """One tenant's configuration at one version."""

    version: int
    rules: Dict[str, tuple[LiveRule, ...]]  # event type -> live rules
    by_name: Dict[str, Connection]
    by_id: Dict[ConnectionId, Connection]
    mappings: Dict[str, Mapping]  # `name@version` -> the tenant's own
    replacing: Dict[ConnectionId, frozenset[str]]  # operations whose later call makes an earlier, unsent one needless
    awaited: frozenset[str] = frozenset()  # event types that some run waits for or soon may
    hours: BusinessHours = field(default_factory=BusinessHours)
    asking: Dict[str, AllAtOnce] = field(default_factory=dict)  # event type -> what asks its live rules
    names: Dict[RuleId, str] = field(default_factory=dict)
    beside: Dict[RuleId, LiveRule] = field(default_factory=dict)  # told beside the live revision, never acting
    tagged: frozenset[str] = frozenset()  # event types on which some rule asks for the words on the candidate
    stopped: bool = False  # the kill switch: every rule is in observe mode
    paused: Dict[str, str] = field(default_factory=dict)  # rule id, as steps of deliveries begin -> its name
    border: BorderPolicy = field(default_factory=BorderPolicy)

    def merge(self, connection: Connection, operation: str) -> str | None:
        """What deliveries of one candidate have in common of which only the newest need be sent, None: send each."""
        lane = connection.lane
        if lane.ordering is not Ordering.KEY or lane.stuck in (Stuck.BLOCK, Stuck.PARK):
            return None
        chosen = lane.stuck is Stuck.COALESCE or operation in self.replacing.get(connection.id, ())
        return operation if chosen else None


NO_RULES = Book(0, {}, {}, {}, {}, {})


@dataclass(slots=True)
class Library:
    """Reads configuration through a cache. Anything returned may be up to REFRESH_S old."""

    store: Store
    catalog: Catalog
    clock: Clock
    days: Days
    home: str | None = None  # the region that this hub is in
    _books: dict[TenantId, Book] = field(default_factory=dict)
    _checked: dict[TenantId, float] = field(default_factory=dict)
    _steps: dict[RevisionId, dict[str, Action]] = field(default_factory=dict)
    _programs: dict[RevisionId, Program] = field(default_factory=dict)
    _shipped: dict[tuple[str, str], Mapping] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def book(self, tenant: TenantId) -> Book:
        """The tenant's configuration."""
        known = self._books.get(tenant)
        if known is not None and (self._fresh(tenant) or self._reading.locked()):
            return known
        async with self._reading:  # one reader for all who found the cache stale at once
            known = self._books.get(tenant)
            if known is not None and self._fresh(tenant):
                return known
            return await self._read(tenant, known)

    def _fresh(self, tenant: TenantId) -> bool:
        return self.clock.monotonic() - self._checked[tenant] < REFRESH_S

    async def _read(self, tenant: TenantId, known: Book | None) -> Book:
        now = self.clock.monotonic()
        async with self.store.look() as look:
            version = await look.config_version()
            if known is None or known.version != version:
                rules = await look.rules(tenant)
                stopped = await look.rules_stopped(tenant)
                connections = await look.connections(tenant)
                mappings = await look.mappings(tenant)
                hours = read_hours(await look.calendar(tenant) or {}, self.days)
                awaited, replacing = await look.awaited(tenant), self._replacing(connections)
                known = _book(version, rules, connections, mappings, replacing, hours, awaited, stopped)
                border = read_border(await look.border_policy(tenant) or {}, self.home)
                known = replace(known, border=border)
        self._books[tenant] = known
        self._checked[tenant] = now
        return known

    def _replacing(self, connections: Sequence[Connection]) -> dict[ConnectionId, frozenset[str]]:
        found = {}
        for one in connections:
            with contextlib.suppress(NotFound):  # a connector that is gone: its deliveries say so
                operations = self.catalog.get(one.connector).operations
                found[one.id] = frozenset(name for name, operation in operations.items() if operation.replaces)
        return found

    async def stopped(self, delivery: Delivery) -> str | None:
        """Why what a rule planned must not leave now: all rules are stopped, or its own is paused.

        A yes of the cache is asked again, so that nothing is held that was let go.
        """
        book = await self.book(delivery.tenant)
        name = book.paused.get(delivery.step.partition(".")[0])
        if not book.stopped and name is None:
            return None
        async with self.store.look() as look:
            if await look.rules_stopped(delivery.tenant):
                return STOPPED
            rule = None if name is None else await look.rule(delivery.tenant, name)
        return PAUSED if rule is not None and rule.state == "paused" else None

    def forget(self) -> None:
        """Look again at the next call (after a change made by this process)."""
        self._checked = dict.fromkeys(self._checked, float("-inf"))

    async def step(self, revision: RevisionId, step: str) -> Action:
        """The action of a rule revision, in force or not, by the step that a delivery names. Raises NotFound."""
        if revision not in self._steps:
            async with self._reading:
                if revision not in self._steps:
                    await self._read_revision(revision)
        action = self._steps[revision].get(step.partition(".")[2])
        if action is None:
            raise NotFound(f"rule revision {revision} has no step {step}")
        return action

    async def program(self, revision: RevisionId) -> Program:
        """The steps of a rule revision as a program. Raises NotFound."""
        if revision not in self._programs:
            async with self._reading:
                await self._read_revision(revision)
        return self._programs[revision]

    async def _read_revision(self, revision: RevisionId) -> None:
        async with self.store.look() as look:
            stored = await look.revision(revision)
        if stored is None:
            raise NotFound(f"rule revision {revision} is not there")
        body = parse(stored.body)
        self._steps[revision] = {action.id: action for action in compile_rule(body).steps}
        self._programs[revision] = compile_program(body)

    async def mapping(self, tenant: TenantId, connector: Connector, name: str) -> Mapping:
        """The mapping `name@version`: the tenant's own before the connector's. Raises NotFound."""
        own = (await self.book(tenant)).mappings.get(name)
        if own is not None:
            return own
        key = (connector.name, name)
        if key not in self._shipped:
            document = connector.mappings.get(name)
            if document is None:
                raise NotFound(f"there is no mapping {name} for connector {connector.name}")
            self._shipped[key] = compile_mapping(document)
        return self._shipped[key]


def _book(
    version: int,
    rules: Sequence[Rule],
    connections: Sequence[Connection],
    mappings: Sequence[StoredMapping],
    replacing: Dict[ConnectionId, frozenset[str]],
    hours: BusinessHours,
    awaited: frozenset[str],
    stopped: bool,
) -> Book:
    live: dict[str, list[LiveRule]] = {}
    besides: dict[RuleId, LiveRule] = {}
    soon = set(awaited)
    for rule in rules:
        if rule.live is not None:
            compiled = in_force(rule.live.body, observed=stopped or rule.state == "observe")
            if compiled.needs_run:
                soon |= compile_program(compiled.body).awaited
            live.setdefault(compiled.on, []).append(LiveRule(rule.id, rule.live.id, rule.name, compiled))
            if rule.beside is not None:
                told = in_force(rule.beside.body, observed=True)
                besides[rule.id] = LiveRule(rule.id, rule.beside.id, rule.name, told)
    return Book(
        version=version,
        rules={on: tuple(found) for on, found in live.items()},
        by_name={connection.name: connection for connection in connections},
        by_id={connection.id: connection for connection in connections},
        mappings={f"{m.name}@{m.version}": compile_mapping(m.body) for m in mappings},
        replacing=replacing,
        awaited=frozenset(soon),
        hours=hours,
        names={rule.id: rule.name for rule in rules},
        asking={on: AllAtOnce([one.compiled for one in found]) for on, found in live.items()},
        beside=besides,
        tagged=frozenset(
            one.compiled.on for one in (*chain(*live.values()), *besides.values()) if one.compiled.asks_tags
        ),
        stopped=stopped,
        paused={str(rule.id): rule.name for rule in rules if rule.state == "paused"},
    )


def in_force(stored: Document, *, observed: bool) -> CompiledRule:
    """The rule ready to run; `observed`: it decides, whatever it says itself, and nothing follows."""
    body = parse(stored)
    return compile_rule(replace(body, guards=replace(body.guards, mode=RunMode.OBSERVE)) if observed else body)
