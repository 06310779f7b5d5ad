"""Configuration as code: read a document, say what would change, change it in one transaction, write it out again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hub.app.border_policy import border_in, read_border
from hub.app.channels import secrets_place
from hub.app.checks import check_mapping, check_rule, check_settings
from hub.app.held import hold
from hub.app.hours import calendar_in, read_hours
from hub.app.lane_settings import lane_document, lane_of
from hub.app.library import Library
from hub.app.rules.beside import cautions, must_not_overlap
from hub.app.rules.cases import Cases
from hub.app.rules.proposed import WAITS, may_be_in_force, propose
from hub.domain.audit import Act
from hub.domain.connections import Connection
from hub.domain.errors import Invalid
from hub.domain.ids import TenantId
from hub.ports.calendar import Days
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Catalog, Connector
from hub.ports.rules import IN_FORCE
from hub.ports.store import Rule, Store, StoredMapping, Work
from hub.ports.vault import Vault, connection_owner
from mappings.documents import Document, Json

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `lines` say it in words: `+ field: value`, `- field: value`; secrets only as names."""

    kind: str  # connection | mapping | rule | calendar | border
    name: str
    act: str  # add | change
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is configured now."""

    connections: Dict[str, Connection]
    mappings: Dict[str, StoredMapping]
    rules: Dict[str, Rule]
    calendar: Document | None = None
    border: Document | None = None


@dataclass(frozen=True, slots=True)
class Configure:
    """Plan, apply and export. Nothing is deleted: what a document does not name stays as it is."""

    store: Store
    vault: Vault
    catalog: Catalog
    library: Library
    clock: Clock
    ids: Ids
    days: Days
    cases: Cases
    review: bool = False  # rules come into force only when a second person has approved them

    async def plan(self, tenant: TenantId, document: Document) -> list[Change]:
        """What `apply` would change. Raises Invalid with `at` = the place in the document."""
        async with self.store.look() as look:
            known = await _known(look, tenant)
        self._check(document, known)
        changes = [
            *(
                _connection_change(name, _object(body, name), known)
                for name, body in _part(document, "connections").items()
            ),
            *(_mapping_change(body, known) for body in _list(document, "mappings")),
            *(_rule_change(name, _object(body, name), known) for name, body in _part(document, "rules").items()),
            *_part_change("calendar", "business hours", calendar_in(document), known.calendar),
            *_part_change("border", "border", border_in(document), known.border),
        ]
        changes = [change for change in changes if change.lines]
        return [
            await self._on_rules(tenant, change, document) if change.kind == "rule" else change for change in changes
        ]

    async def _on_rules(self, tenant: TenantId, change: Change, document: Document) -> Change:
        """The change of a rule with its test cases run, and what review makes of it."""
        body = _object(_part(document, "rules")[change.name], change.name)
        stored = _object(body.get("rule"), "rule")
        if body.get("state", "live") not in IN_FORCE:
            return change
        await self.cases.must_hold(tenant, stored, f"rules.{change.name}.rule.cases")
        async with self.store.look() as look:
            await must_not_overlap(look, self.catalog, tenant, change.name, stored)
            odd = await cautions(look, self.catalog, tenant, change.name, stored)
            free = not self.review or await may_be_in_force(look, tenant, change.name, stored)
        waits = () if free else (f"* waits for review: {WAITS}",)
        return replace(change, lines=(*change.lines, *(f"! {line}" for line in odd), *waits))

    async def apply(self, tenant: TenantId, document: Document, by: str) -> list[Change]:
        """Make the changes of `plan`, all or none, each on the record."""
        changes = await self.plan(tenant, document)
        handles = await self._keys(tenant, [change.name for change in changes if change.kind == "connection"])
        now = self.clock.now()
        async with self.store.work() as work:
            known = await _known(work, tenant)
            for change in changes:
                match change.kind:
                    case "connection":
                        body = _object(_part(document, "connections")[change.name], change.name)
                        await self._put_connection(work, tenant, change.name, body, known, handles[change.name])
                    case "mapping":
                        body = next(m for m in _list(document, "mappings") if _mapping_name(m) == change.name)
                        await work.put_mapping(tenant, str(body["name"]), _whole(body["version"]), body, now)
                    case "calendar":
                        await work.put_calendar(tenant, calendar_in(document) or {})
                    case "border":
                        await work.put_border_policy(tenant, border_in(document) or {})
                    case _:
                        body = _object(_part(document, "rules")[change.name], change.name)
                        rule = _object(body.get("rule"), "rule")
                        state = str(body.get("state", "live"))
                        if self.review:
                            await propose(work, tenant, change.name, rule, state=state, by=by, now=now)
                        else:
                            await work.put_rule(tenant, change.name, rule, state=state, by=by, now=now)
                entry = Act(now, tenant, by, f"{change.kind}.{change.act}", change.name, {"lines": list(change.lines)})
                await work.audit(entry)
        self.library.forget()
        await self._hold_paused(tenant, changes, document)
        self.store.ring()
        return changes

    async def _hold_paused(self, tenant: TenantId, changes: Sequence[Change], document: Document) -> None:
        """What the rules that are paused now caused and has not left."""
        named = {change.name: _part(document, "rules")[change.name] for change in changes if change.kind == "rule"}
        for name in (name for name, body in named.items() if _object(body, name).get("state") == "paused"):
            async with self.store.look() as look:
                rule = await look.rule(tenant, name)
            if rule is not None and rule.state == "paused":
                await hold(self.store, tenant, rule.id)

    async def export(self, tenant: TenantId) -> Document:
        """All of it as a document that `apply` takes; secrets are named, never shown."""
        async with self.store.look() as look:
            known = await _known(look, tenant)
        parts = {"calendar": known.calendar, "border": known.border}
        return {
            "hirewire": FORMAT,
            **{name: body for name, body in parts.items() if body is not None},
            "connections": {name: self._show(c) for name, c in sorted(known.connections.items())},
            "mappings": [m.body for _, m in sorted(known.mappings.items())],
            "rules": {
                name: {"state": rule.state, "rule": (rule.current or rule.latest).body}
                for name, rule in sorted(known.rules.items())
            },
        }

    def _show(self, connection: Connection) -> Document:
        shown: Document = {
            "connector": connection.connector,
            "config": connection.config,
            "lane": lane_document(connection.lane),
        }
        kept = secret_names(self.catalog.get(connection.connector)) if connection.secrets is not None else ()
        if kept:
            shown["secrets"] = {name: {"keep": True} for name in kept}
        return shown

    def _check(self, document: Document, known: Known) -> None:
        if document.get("hirewire") != FORMAT:
            raise Invalid(f"a configuration starts with `hirewire: {FORMAT}`", code="bad_format", at="hirewire")
        for key in document:
            if key not in {"hirewire", "connections", "mappings", "rules", "calendar", "border"}:
                raise Invalid(f"unknown part {key!r}", code="unknown_field", at=key)
        with _inside("calendar"):
            read_hours(calendar_in(document) or {}, self.days)
        with _inside("border"):
            read_border(border_in(document) or {}, None)
        connectors: dict[str, Connector] = {n: self.catalog.get(c.connector) for n, c in known.connections.items()}
        for name, body in _part(document, "connections").items():
            at = f"connections.{name}"
            fields = _object(body, at)
            connector = self.catalog.get(str(fields.get("connector", "")))
            old = known.connections.get(name)
            if old is not None and old.connector != connector.name:
                raise Invalid(
                    "a connection keeps its connector; make a new one", code="connector_changed", at=f"{at}.connector"
                )
            check_settings(connector, fields, at, has_secrets=old is not None and old.secrets is not None)
            lane_of(_object(fields.get("lane", {}), f"{at}.lane"), f"{at}.lane", connector.operations)
            connectors[name] = connector
        own = {key: m.body for key, m in known.mappings.items()}
        for index, mapping in enumerate(_list(document, "mappings")):
            check_mapping(mapping, f"mappings.{index}")
            own[_mapping_name(mapping)] = mapping
        for name, body in _part(document, "rules").items():
            check_rule(_object(body, f"rules.{name}"), f"rules.{name}", connectors, own)

    async def _keys(self, tenant: TenantId, names: Sequence[str]) -> dict[str, str]:
        """Make ready the keys of these connections' secrets; their handles, new ones for those that are not there yet."""
        async with self.store.look() as look:
            there = {one.name: one for one in await look.connections(tenant)}
        handles = {name: there[name].handle if name in there else f"con_{self.ids.token(12)}" for name in names}
        sealed = [there[name].secrets for name in names if name in there]
        await self.vault.prepare(tenant, [connection_owner(handle) for handle in handles.values()], sealed)
        return handles

    async def _put_connection(
        self, work: Work, tenant: TenantId, name: str, body: Document, known: Known, handle: str
    ) -> None:
        connector = self.catalog.get(str(body["connector"]))
        old = known.connections.get(name)
        handle = old.handle if old is not None else handle
        secrets = self._secrets(connector, body, old, tenant, handle)
        await work.put_connection(
            tenant,
            name,
            handle=handle,
            connector=connector.name,
            config=_object(body.get("config", {}), "config"),
            lane=lane_of(_object(body.get("lane", {}), "lane"), "lane"),
            secrets=secrets,
        )

    def _secrets(
        self, connector: Connector, body: Document, old: Connection | None, tenant: TenantId, handle: str
    ) -> bytes | None:
        """The sealed secrets after this change, None where nothing changes."""
        given = _object(body.get("secrets", {}), "secrets")
        fresh = {name: value for name, value in given.items() if isinstance(value, str)}
        place = secrets_place(tenant, handle)
        kept: dict[str, Json] = {}
        if old is not None and old.secrets is not None:
            kept = json.loads(self.vault.open(place, old.secrets))
        made = {
            name: self._made(connector, name)
            for name in secret_names(connector, generated=True)
            if name not in fresh and name not in kept
        }
        if not fresh and not made:
            return None
        return self.vault.seal(place, json.dumps({**kept, **made, **fresh}).encode())

    def _made(self, connector: Connector, name: str) -> str:
        """A secret of the kind that the connector's `x-generate` asks for: `hex32`, or `whsec` (Standard Webhooks)."""
        properties = connector.config_schema.get("properties")
        schema = properties.get(name) if isinstance(properties, dict) else None
        if isinstance(schema, dict) and schema.get("x-generate") == "whsec":
            return "whsec_" + base64.b64encode(bytes.fromhex(self.ids.token(24))).decode()
        return self.ids.token(16)


def secret_names(connector: Connector, *, generated: bool = False) -> tuple[str, ...]:
    """The connector's secret settings; with `generated`, only those that the hub makes itself."""
    properties = connector.config_schema.get("properties")
    return tuple(
        name
        for name, schema in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(schema, dict) and schema.get("x-secret") and (not generated or schema.get("x-generate"))
    )


async def _known(work: Work, tenant: TenantId) -> Known:
    return Known(
        {c.name: c for c in await work.connections(tenant)},
        {f"{m.name}@{m.version}": m for m in await work.mappings(tenant)},
        {r.name: r for r in await work.rules(tenant)},
        await work.calendar(tenant),
        await work.border_policy(tenant),
    )


def _connection_change(name: str, body: Document, known: Known) -> Change:
    old = known.connections.get(name)
    before: Document = {}
    if old is not None:
        before = {"connector": old.connector, "config": old.config, "lane": lane_document(old.lane)}
    after: Document = {
        "connector": body["connector"],
        "config": _object(body.get("config", {}), "config"),
        "lane": lane_document(lane_of(_object(body.get("lane", {}), "lane"), "lane")),
    }
    lines = list(differences(before, after))
    secrets = _object(body.get("secrets", {}), "secrets")
    lines += [f"* secret {n} is set" for n, value in sorted(secrets.items()) if isinstance(value, str)]
    return Change("connection", name, "add" if old is None else "change", tuple(lines))


def _mapping_change(body: Document, known: Known) -> Change:
    name = _mapping_name(body)
    old = known.mappings.get(name)
    return Change(
        "mapping", name, "add" if old is None else "change", tuple(differences(old.body if old else {}, body))
    )


def _rule_change(name: str, body: Document, known: Known) -> Change:
    old = known.rules.get(name)
    before: Document = {"state": old.state, "rule": (old.current or old.latest).body} if old is not None else {}
    after: Document = {"state": body.get("state", "live"), "rule": body.get("rule")}
    return Change("rule", name, "add" if old is None else "change", tuple(differences(before, after)))


def _part_change(kind: str, name: str, after: Document | None, before: Document | None) -> list[Change]:
    if after is None:
        return []
    return [Change(kind, name, "add" if before is None else "change", tuple(differences(before or {}, after)))]


@contextmanager
def _inside(part: str) -> Iterator[None]:
    """Places in this part of the document."""
    try:
        yield
    except Invalid as error:
        raise Invalid(str(error), code=error.code, at=f"{part}.{error.at}".rstrip(".")) from error


def differences(before: Json, after: Json, at: str = "") -> list[str]:
    """Lines that say how `after` differs: `- path: value` and `+ path: value`, by path."""
    if isinstance(before, dict) and isinstance(after, dict):
        lines = []
        for key in [*before, *(k for k in after if k not in before)]:
            path = f"{at}.{key}" if at else key
            if key not in after:
                lines += [f"- {path}: {_brief(before[key])}"]
            elif key not in before:
                lines += [f"+ {path}: {_brief(after[key])}"]
            else:
                lines += differences(before[key], after[key], path)
        return lines
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            line for i, (b, a) in enumerate(zip(before, after, strict=True)) for line in differences(b, a, f"{at}.{i}")
        ]
    return [] if before == after else [f"- {at}: {_brief(before)}", f"+ {at}: {_brief(after)}"]


def _brief(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _mapping_name(body: Document) -> str:
    return f"{body.get('name')}@{body.get('version')}"


def _whole(value: Json) -> int:
    if not isinstance(value, int):
        raise Invalid("a version is a whole number", code="type", at="version")
    return value


def _part(document: Document, name: str) -> Document:
    return _object(document.get(name) or {}, name)


def _list(document: Document, name: str) -> list[Document]:
    value = document.get(name) or []
    if not isinstance(value, list):
        raise Invalid(f"{name} is a list", code="type", at=name)
    return [_object(item, f"{name}.{index}") for index, item in enumerate(value)]


def _object(value: Json, at: str) -> Document:
    if not isinstance(value, dict):
        raise Invalid("this is not an object", code="type", at=at)
    return value
