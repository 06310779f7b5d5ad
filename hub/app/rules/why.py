"""Why something happened, and above all why nothing did: every rule's answer to an event, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.app.library import Library
from hub.app.places import body_place
from hub.app.queries import state_name
from hub.app.tags import as_it_was
from hub.domain.consents import NEEDS_CONSENT
from hub.domain.deliveries import Delivery
from hub.domain.errors import Conflict, NotFound
from hub.domain.events import HOOK_RECEIVED
from hub.domain.ids import EventId, RuleId, TenantId, show
from hub.domain.rules import Explanation, compile_rule, parse
from hub.domain.rules.explaining import Answer, ClauseAnswer, EachAnswer, GroupAnswer
from hub.ports.arrivals import StoredEvent
from hub.ports.queue import DoneDelivery
from hub.ports.rules import Evaluated, Rule, RuleRevision
from hub.ports.store import Page, Store
from hub.ports.vault import Vault
from mappings.documents import Document

EVENTS_OF_A_CANDIDATE = 50


@dataclass(frozen=True, slots=True)
class Effect:
    """One delivery that a rule caused: where it stands, and why it is not through."""

    id: str
    connection: str
    operation: str
    state: str  # as deliveries say it: ready, leased, waiting, held, delivered, dead, ...
    attempts: int
    error: str | None = None  # of the last try: a stable class, never a vendor's text with personal data
    lane: str = "active"  # the connection's state


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's answer.

    `reason`: `acted`, `observed`, `stopped` (it would have acted), `not_met`, `unknown`, `paused`, `draft`,
    `not_in_force` (it is, but was not when the event came), `no_event` (nothing of its type came); and of a revision
    told beside the one in force: `both`, `newly`, `no_longer`, `beside` (see `hub.ports.rules.Evaluated`).
    `verdict` and `failing` are of the revision named, on the event as it came.
    """

    rule: str
    state: str
    trigger: str
    revision: RuleRevision
    reason: str
    verdict: bool | None = None
    explanation: Explanation | None = None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class EventWhy:
    """All rules that wait for events of this type. `note`: `erased` (nobody can read it), `own` (the hub's own event)."""

    event: StoredEvent
    findings: tuple[Finding, ...]
    note: str | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class CandidateWhy:
    """A candidate's events, newest first, and the rules for which nothing came."""

    candidate: str
    events: tuple[EventWhy, ...]
    waiting: tuple[Finding, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """Answers from what is stored: verdicts by id, computed again in full from the event and the revision."""

    store: Store
    vault: Vault
    library: Library

    async def event(self, tenant: TenantId, id: EventId) -> EventWhy:
        """Raises NotFound."""
        async with self.store.look() as look:
            stored = await look.event(tenant, id)
            rules = await look.rules(tenant)
        if stored is None:
            raise NotFound("there is no such event")
        return await self._event(stored, rules)

    async def candidate(self, tenant: TenantId, candidate: str) -> CandidateWhy:
        """Raises NotFound."""
        async with self.store.look() as look:
            events = await look.events(tenant, Page(EVENTS_OF_A_CANDIDATE + 1), subject=candidate)
            rules = await look.rules(tenant)
        if not events:
            raise NotFound("there is no such candidate")
        shown = events[:EVENTS_OF_A_CANDIDATE]
        answers = tuple([await self._event(one, rules) for one in shown])
        came = {one.type for one in events}
        waiting = tuple(_silent(rule) for rule in rules if _trigger(rule) not in came)
        return CandidateWhy(candidate, answers, waiting, len(events) > len(shown))

    async def _event(self, stored: StoredEvent, rules: Sequence[Rule]) -> EventWhy:
        async with self.store.look() as look:
            evaluated = await look.evaluated(stored.tenant, stored.id)
            deliveries = await look.deliveries(stored.tenant, Page(200), event=stored.id)
            stopped = await look.rules_stopped(stored.tenant)
        if stored.type == HOOK_RECEIVED:
            return EventWhy(stored, (), "own", stopped)
        data = await self._data(stored)
        said = await self._said(evaluated or (), rules)
        effects = [(one, await self._effect(stored.tenant, one)) for one in deliveries if one.revision is not None]
        findings = []
        for rule in rules:
            revision, once = said.get(rule.id, (rule.current or rule.latest, None))
            if parse(revision.body).on == stored.type:
                mine = tuple([shown for one, shown in effects if one.revision == revision.id])
                findings.append(_finding(rule, revision, once, data, stored, mine, known=evaluated is not None))
        findings += await self._beside(evaluated or (), data, stored)
        return EventWhy(stored, tuple(findings), "erased" if data is None else None, stopped)

    async def _said(
        self, evaluated: Sequence[Evaluated], rules: Sequence[Rule]
    ) -> dict[RuleId, tuple[RuleRevision, Evaluated | None]]:
        """The revision of each rule that answered when the event came."""
        known = {one.id: one for rule in rules for one in (rule.latest, rule.current) if one is not None}
        found: dict[RuleId, tuple[RuleRevision, Evaluated | None]] = {}
        async with self.store.look() as look:
            for one in evaluated:
                if one.beside:
                    continue
                revision = known.get(one.revision) or await look.revision(one.revision)
                if revision is not None:
                    found[revision.rule] = (revision, one)
        return found

    async def _beside(
        self, evaluated: Sequence[Evaluated], data: Document | None, stored: StoredEvent
    ) -> list[Finding]:
        """What revisions said that were told beside the ones in force."""
        found = []
        async with self.store.look() as look:
            for one in evaluated:
                revision = await look.revision(one.revision) if one.beside else None
                if revision is not None:
                    rule = compile_rule(parse(revision.body))
                    told = None if data is None else rule.explain(data, stored.received_at)
                    found.append(Finding(revision.name, "beside", stored.type, revision, one.how, one.verdict, told))
        return found

    async def _data(self, stored: StoredEvent) -> Document | None:
        await self.vault.prepare(stored.tenant, sealed=[stored.body])
        try:
            found: Document = json.loads(self.vault.open(body_place(stored.tenant, stored.id), stored.body))
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return None
        return await as_it_was(self.store, stored, found)

    async def _effect(self, tenant: TenantId, delivery: Delivery | DoneDelivery) -> Effect:
        async with self.store.look() as look:
            attempts = await look.attempts(tenant, delivery.id)
            awaited = (await look.awaited_by(tenant, [delivery.id])).get(delivery.id)
        error = attempts[-1].error if attempts else None
        lane = (await self.library.book(tenant)).by_id.get(delivery.connection)
        assert delivery.revision is not None
        return Effect(
            show("dlv", delivery.id),
            lane.name if lane is not None else show("con", delivery.connection),
            (await self.library.step(delivery.revision, delivery.step)).operation,
            state_name(delivery),
            delivery.attempt if isinstance(delivery, Delivery) else delivery.attempts,
            error if awaited is None else f"{NEEDS_CONSENT}:{awaited.purpose}",
            str(lane.state) if lane is not None else "active",
        )


def _finding(
    rule: Rule,
    revision: RuleRevision,
    said: Evaluated | None,
    data: Document | None,
    stored: StoredEvent,
    effects: tuple[Effect, ...],
    *,
    known: bool,
) -> Finding:
    explained = None if data is None else compile_rule(parse(revision.body)).explain(data, stored.received_at)
    verdict = said.verdict if said is not None else explained.verdict if explained is not None else None
    if said is not None or effects:
        how = "live" if said is None else said.how
        met = {"live": "acted", "observe": "observed", "stopped": "stopped"}.get(how, how)
        reason = met if verdict is True or effects else "unknown" if verdict is None else "not_met"
    elif rule.live is None:
        reason = rule.state
    elif known or verdict is True or revision.created_at > stored.received_at:  # else the record would say so
        reason = "not_in_force"
    else:
        reason = "unknown" if verdict is None else "not_met"
    return Finding(rule.name, rule.state, stored.type, revision, reason, verdict, explained, effects)


def _silent(rule: Rule) -> Finding:
    revision = rule.current or rule.latest
    reason = "no_event" if rule.live is not None else rule.state
    return Finding(rule.name, rule.state, _trigger(rule), revision, reason)


def _trigger(rule: Rule) -> str:
    return parse((rule.current or rule.latest).body).on


def in_the_way(explanation: Explanation) -> Explanation:
    """The explanation without what is met: the clauses that are false or not known, and the groups that hold them."""
    root = None if explanation.root is None else _pruned(explanation.root)
    return Explanation(explanation.verdict, root)


def _pruned(answer: Answer) -> Answer | None:
    if answer.verdict is not None and answer.verdict is not answer.negated:
        return None
    match answer:
        case GroupAnswer(items=items):
            left = tuple([kept for item in items if (kept := _pruned(item)) is not None])
            return replace(answer, items=left) if left else None
        case ClauseAnswer() | EachAnswer():
            return answer
