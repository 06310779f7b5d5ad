"""What an auditor asks: each control with what is in force here, the tests that prove it, and where it is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.app.evidence.controls import chosen
from hub.app.keys.exchange import Keys
from hub.app.trail.trail import Trail
from hub.domain.evidence import Finding, Result, Standard, in_order, judge
from hub.domain.ids import TenantId
from hub.domain.in_force import Fact, InForce, Standing, facts
from hub.domain.permissions import POWERS, Role
from hub.ports.accounts import Factor, Person, RoleGrant
from hub.ports.clock import Clock
from hub.ports.store import Store

UNUSED = timedelta(days=90)
_FACTORS = frozenset({"totp", "webauthn"})


@dataclass(frozen=True, slots=True)
class Report:
    """One standard as it is met here. It is evidence for an auditor, never a certificate."""

    standard: Standard
    at: datetime
    findings: Sequence[Finding]
    tested: bool  # whether the result of a run was given


@dataclass(frozen=True, slots=True)
class Evidence:
    """Reads the settings of this process and the records of one tenant; changes nothing."""

    store: Store
    trail: Trail
    keys: Keys
    clock: Clock
    settings: InForce

    async def __call__(
        self, tenant: TenantId, names: tuple[str, ...] = (), results: Mapping[str, Result] | None = None
    ) -> list[Report]:
        """The standards of these ids, or all; unmet controls first. Raises Invalid (`unknown_standard`)."""
        wanted, at = chosen(names), self.clock.now()
        found = {fact.name: fact for fact in await self.facts(tenant)}
        return [
            Report(one, at, in_order([judge(control, found, results) for control in one.controls]), results is not None)
            for one in wanted
        ]

    async def facts(self, tenant: TenantId) -> list[Fact]:
        """Everything that is in force: settings, then what the records say."""
        return [*facts(self.settings), *await self._people(tenant), *await self._state(tenant)]

    async def _people(self, tenant: TenantId) -> list[Fact]:
        async with self.store.look() as look:
            people = [one for one in await look.records(Person, tenant) if one.state == "active"]
            factors = await look.records(Factor, tenant)
            grants = await look.records(RoleGrant, tenant)
        now = self.clock.now()
        strong = {one.person for one in factors if one.kind in _FACTORS}
        keyed = {one.person for one in factors if one.kind == "webauthn"}
        there = {one.id for one in people}
        admins = {one.person for one in grants if Role(one.role) in POWERS} & there
        unused = sum(now - (one.seen_at or one.created_at) > UNUSED for one in people)
        return [
            _share("factors", "accounts with a second factor", len(there & strong), len(there), Standing.PARTLY),
            _share("admin_factors", "administrators with WebAuthn", len(admins & keyed), len(admins), Standing.UNMET),
            Fact("stale", "accounts unused for 90 days", str(unused), Standing.UNMET if unused else Standing.MET),
        ]

    async def _state(self, tenant: TenantId) -> list[Fact]:
        health = await self.store.health()
        roots = await self.keys.health()
        verdict = await self.trail.verify(tenant)
        holds = verdict.fault is None
        trail = f"{verdict.acts} acts hold" if verdict.fault is None else f"broken at act {verdict.fault.seq}"
        return [
            Fact("database", "schema", "current" if health.ok else "behind or away", _met(health.ok)),
            Fact("keys", "root keys", f"{roots.provider}: {'well' if roots.ok else 'away'}", _met(roots.ok)),
            Fact("trail", "audit trail", trail, _met(holds)),
        ]


def _share(name: str, setting: str, has: int, of: int, otherwise: Standing) -> Fact:
    if not of:
        return Fact(name, setting, "nobody is there yet", Standing.PARTLY)
    return Fact(name, setting, f"{has} of {of}", Standing.MET if has == of else otherwise)


def _met(good: bool) -> Standing:
    return Standing.MET if good else Standing.UNMET
