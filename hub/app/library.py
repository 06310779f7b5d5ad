"""What is configured, compiled once: live rules, connections and mappings, kept fresh by the config version."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace

from hub.domain.connections import Connection
from hub.domain.errors import NotFound
from hub.domain.ids import ConnectionId, RevisionId, TenantId
from hub.domain.rules import Action, CompiledRule, LiveRule, RunMode, compile_rule, parse
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
    stopped: bool = False  # the kill switch: every rule is in observe mode


@dataclass(slots=True)
class Library:
    """Reads configuration through a cache. Anything returned may be up to REFRESH_S old."""

    store: Store
    catalog: Catalog
    clock: Clock
    _books: dict[TenantId, Book] = field(default_factory=dict)
    _checked: dict[TenantId, float] = field(default_factory=dict)
    _steps: dict[RevisionId, dict[str, Action]] = field(default_factory=dict)
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
                known = _book(version, rules, connections, mappings, stopped)
        self._books[tenant] = known
        self._checked[tenant] = now
        return known

    def forget(self) -> None:
        """Look again at the next call (after a change made by this process)."""
        self._checked = dict.fromkeys(self._checked, float("-inf"))

    async def step(self, revision: RevisionId, step: str) -> Action:
        """The action of a rule revision, in force or not. Raises NotFound."""
        if revision not in self._steps:
            async with self._reading:
                if revision not in self._steps:
                    self._steps[revision] = await self._read_steps(revision)
        action = self._steps[revision].get(step)
        if action is None:
            raise NotFound(f"rule revision {revision} has no step {step}")
        return action

    async def _read_steps(self, revision: RevisionId) -> dict[str, Action]:
        async with self.store.look() as look:
            stored = await look.revision(revision)
        if stored is None:
            raise NotFound(f"rule revision {revision} is not there")
        return {action.id: action for action in compile_rule(parse(stored.body)).steps}

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
    version: int, rules: list[Rule], connections: list[Connection], mappings: list[StoredMapping], stopped: bool
) -> Book:
    live: dict[str, list[LiveRule]] = {}
    for rule in rules:
        if rule.live is not None:
            compiled = in_force(rule.live.body, observed=stopped or rule.state == "observe")
            live.setdefault(compiled.on, []).append(LiveRule(rule.id, rule.live.id, rule.name, compiled))
    return Book(
        version=version,
        rules={on: tuple(found) for on, found in live.items()},
        by_name={connection.name: connection for connection in connections},
        by_id={connection.id: connection for connection in connections},
        mappings={f"{m.name}@{m.version}": compile_mapping(m.body) for m in mappings},
        stopped=stopped,
    )


def in_force(stored: Document, *, observed: bool) -> CompiledRule:
    """The rule ready to run; `observed`: it decides, whatever it says itself, and nothing follows."""
    body = parse(stored)
    return compile_rule(replace(body, guards=replace(body.guards, mode=RunMode.OBSERVE)) if observed else body)
