"""A revision told beside the one in force: begun, ended, and what came of it so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.app.rules.lifecycle import Lifecycle, detail_of, reason_of
from hub.domain.audit import Act
from hub.domain.errors import Conflict, NotFound
from hub.domain.ids import EventId, TenantId
from hub.domain.rules import parse
from hub.ports.rules import Compared, Rule, RuleRevision, first_id

SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """How often both would act since then, or one alone; `events` came of the type that both wait for."""

    rule: str
    revision: RuleRevision
    against: RuleRevision
    since: datetime
    events: int
    counts: Compared
    newly: tuple[EventId, ...]
    no_longer: tuple[EventId, ...]


@dataclass(frozen=True, slots=True)
class Comparisons:
    """The live revision acts; the other one only says what it would do."""

    lifecycle: Lifecycle

    async def begin(
        self, tenant: TenantId, name: str, by: str, *, number: int | None = None, reason: str | None = None
    ) -> Rule:
        """Tell a revision (the latest without a number) beside the live one. Its test cases must hold; it needs no review.

        Raises NotFound, Conflict (`not_in_force`, `same_revision`, `other_event`, `case_failed`).
        """
        rule, revision = await self.lifecycle.numbered(tenant, name, number)
        if rule.state != "live" or rule.live is None:
            raise Conflict("no revision of this rule acts that it could be compared with", code="not_in_force")
        if revision.id == rule.live.id:
            raise Conflict(f"revision {revision.number} is the one in force", code="same_revision")
        if parse(revision.body).on != parse(rule.live.body).on:
            raise Conflict("the two revisions wait for different events", code="other_event")
        await self.lifecycle.check(tenant, revision.body)
        await self.lifecycle.cases.must_hold(tenant, revision.body)
        return await self._set(tenant, rule, revision, by, reason)

    async def end(self, tenant: TenantId, name: str, by: str, reason: str | None = None) -> Rule:
        """No longer; what was compared is kept. Raises NotFound, Conflict (`not_beside`)."""
        rule = await self.lifecycle.rule(tenant, name)
        if rule.beside is None:
            raise Conflict("no revision is told beside the one in force", code="not_beside")
        return await self._set(tenant, rule, None, by, reason)

    async def _set(self, tenant: TenantId, rule: Rule, revision: RuleRevision | None, by: str, why: str | None) -> Rule:
        life, said = self.lifecycle, reason_of(why)
        now, chosen = life.clock.now(), revision or rule.beside or rule.latest
        async with life.store.work() as work:
            await work.set_beside(rule.id, None if revision is None else revision.id, now)
            act = "rule.beside" if revision is not None else "rule.beside_end"
            await work.audit(Act(now, tenant, by, act, rule.name, detail_of(chosen.number, said)))
        life.library.forget()
        return await life.rule(tenant, rule.name)

    async def so_far(self, tenant: TenantId, name: str) -> Comparison:
        """Raises NotFound (also where none is told)."""
        life = self.lifecycle
        rule = await life.rule(tenant, name)
        if rule.beside is None or rule.beside_since is None or rule.live is None:
            raise NotFound("no revision is told beside the one in force")
        since, before = first_id(rule.beside_since), first_id(life.clock.now() + timedelta(milliseconds=1))
        async with life.store.look() as look:
            return Comparison(
                name,
                rule.beside,
                rule.live,
                rule.beside_since,
                await look.count_events(tenant, parse(rule.beside.body).on, since, before),
                await look.compared(rule.beside.id),
                tuple(await look.observed(rule.beside.id, SAMPLES, versus="newly")),
                tuple(await look.observed(rule.beside.id, SAMPLES, versus="no_longer")),
            )
