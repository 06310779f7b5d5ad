"""The life of a rule: drafted, reviewed by a second person, observed, live, paused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.app.checks import check_rule
from hub.app.held import checked_fate, hold, settle
from hub.app.incoming import nul_in, unfit_text
from hub.app.library import Library
from hub.app.rules.beside import must_not_overlap
from hub.app.rules.cases import CaseResult, Cases
from hub.domain.audit import Act
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound, Rejected
from hub.domain.ids import TenantId
from hub.ports.clock import Clock
from hub.ports.connector import Catalog
from hub.ports.rules import IN_FORCE, Review, Rule, RuleRevision, Rules
from hub.ports.store import Store, Work
from mappings.documents import Document

STATES = ("observe", "live", "paused")
LONGEST_NAME = 100
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """A revision and where its review stands: `draft`, `in_review`, `approved`, `returned`."""

    revision: RuleRevision
    review: str
    acts: tuple[Review, ...]
    in_force: bool


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Everything that changes a rule one step at a time. Each act is on the record, with who and why.

    With `review`, what comes into force must have been backtested, and approved by somebody who did not write it.
    """

    store: Store
    library: Library
    catalog: Catalog
    cases: Cases
    clock: Clock
    review: bool

    async def rule(self, tenant: TenantId, name: str) -> Rule:
        """Raises NotFound."""
        async with self.store.look() as look:
            return await _found(look, tenant, name)

    async def draft(self, tenant: TenantId, name: str, body: Document, by: str, reason: str | None = None) -> Rule:
        """A new latest revision; what is in force stays in force. Raises Invalid with its place in the rule."""
        _check_name(name)
        await self.check(tenant, body)
        return await self._revise(tenant, name, body, by, reason, "rule.draft")

    async def restore(self, tenant: TenantId, name: str, number: int, by: str, reason: str | None = None) -> Rule:
        """An old revision once more, as the draft."""
        async with self.store.look() as look:
            old = await _numbered(look, await _found(look, tenant, name), number)
        return await self._revise(tenant, name, old.body, by, reason, "rule.restore")

    async def _revise(self, tenant: TenantId, name: str, body: Document, by: str, reason: str | None, act: str) -> Rule:
        now, why = self.clock.now(), reason_of(reason)
        async with self.store.work() as work:
            rule = await work.draft_rule(tenant, name, body, by=by, now=now, reason=why)
            await work.audit(Act(now, tenant, by, act, name, detail_of(rule.latest.number, why)))
        self.library.forget()
        return rule

    async def submit(self, tenant: TenantId, name: str, by: str, reason: str | None = None) -> Rule:
        """Ask for a review of the latest revision. Raises Conflict (`wrong_review_state`)."""
        return await self._review(tenant, name, by, "submit", reason, wanted=("draft", "returned"))

    async def approve(
        self, tenant: TenantId, name: str, by: str, reason: str | None = None, number: int | None = None
    ) -> Rule:
        """The latest revision, which must be the one of this number if one is given.

        Raises Forbidden (`own_change`) for who changed the draft last, Conflict where no review was asked for.
        """
        return await self._review(tenant, name, by, "approve", reason, wanted=("in_review",), number=number)

    async def send_back(self, tenant: TenantId, name: str, by: str, reason: str | None = None) -> Rule:
        """Return the latest revision to its author, also after it was approved."""
        return await self._review(tenant, name, by, "return", reason, wanted=("in_review", "approved"))

    async def _review(
        self,
        tenant: TenantId,
        name: str,
        by: str,
        act: str,
        reason: str | None,
        wanted: tuple[str, ...],
        number: int | None = None,
    ) -> Rule:
        now, why = self.clock.now(), reason_of(reason)
        async with self.store.work() as work:
            rule = await _found(work, tenant, name)
            if number not in (None, rule.latest.number):
                raise Conflict(f"the latest revision is {rule.latest.number} by now", code="newer_revision")
            found = review_state(rule.latest, await work.reviews(rule.id))
            if found not in wanted:
                raise Conflict(
                    f"revision {rule.latest.number} is {found}; wanted: {' or '.join(wanted)}",
                    code="wrong_review_state",
                )
            if act == "approve" and by == rule.latest.created_by:
                raise Forbidden("who changed a draft last may not approve it", code="own_change")
            await work.add_review(rule.id, Review(rule.latest.id, act, by, now, why))
            await work.audit(Act(now, tenant, by, f"rule.{act}", name, detail_of(rule.latest.number, why)))
        return rule

    async def turn(
        self,
        tenant: TenantId,
        name: str,
        state: str,
        by: str,
        *,
        number: int | None = None,
        reason: str | None = None,
        reviewed: bool = False,
        held: str = "keep",
    ) -> tuple[Rule, list[CaseResult]]:
        """Put a revision in force (`observe`, `live`) or take it out (`paused`); also the results of its test cases.

        `reviewed`: this caller needs a second person's approval even where the settings do not ask for one.
        Without a number: the current revision if that changes the state, else the latest. A pause holds what the rule
        caused and has not left; `held`, one of FATES, says what becomes of that. Raises Conflict: `not_in_force`,
        `case_failed`, `not_approved`, `not_backtested`, `overlap`.
        """
        _check_turn(state, held)
        async with self.store.look() as look:
            rule = await _found(look, tenant, name)
            if state == "paused" and rule.current is None:
                raise Conflict("a rule that was never in force cannot be paused", code="not_in_force")
            revision = await _chosen(look, rule, state, number)
        results: list[CaseResult] = []
        if state in IN_FORCE:
            await self.check(tenant, revision.body)
            results = await self.cases.must_hold(tenant, revision.body)
        now, why = self.clock.now(), reason_of(reason)
        async with self.store.work() as work:
            if state in IN_FORCE:
                await self._may_come_into_force(work, await _found(work, tenant, name), revision, reviewed)
            await work.set_rule(rule.id, state, revision.id)
            await work.audit(Act(now, tenant, by, f"rule.{state}", name, detail_of(revision.number, why)))
            changed = await _found(work, tenant, name)
        self.library.forget()
        if state == "paused":
            await hold(self.store, tenant, rule.id)
        await settle(self.store, self.clock, tenant, by, held, (rule.id, name))
        return changed, results

    async def held(self, rule: Rule) -> dict[str, int]:
        """How many of its deliveries are held since it was paused or all rules were stopped, by connection."""
        async with self.store.look() as look:
            counts = await look.held_by_stop(rule.tenant, rule.id)
        names = (await self.library.book(rule.tenant)).by_id
        return {names[one].name: count for one, count in counts.items() if one in names}

    async def _may_come_into_force(self, work: Work, rule: Rule, revision: RuleRevision, reviewed: bool) -> None:
        await must_not_overlap(work, self.catalog, rule.tenant, rule.name, revision.body)
        if not (self.review or reviewed) or revision == rule.current:
            return
        if not is_approved(revision, await work.reviews(rule.id)):
            raise Conflict(f"revision {revision.number} was not approved by a second person", code="not_approved")
        if not self.review:
            return
        tried = await work.backtests(rule.id, 100)
        if not any(one.revision == revision.id and one.state == "done" for one in tried):
            raise Conflict(f"revision {revision.number} was not tried on past events", code="not_backtested")

    async def history(self, tenant: TenantId, name: str) -> list[Standing]:
        """All revisions, newest first. Raises NotFound."""
        async with self.store.look() as look:
            rule = await _found(look, tenant, name)
            revisions, reviews = await look.revisions(rule.id), await look.reviews(rule.id)
        live = None if rule.live is None else rule.live.id
        return [
            Standing(
                one,
                review_state(one, reviews),
                tuple(act for act in reviews if act.revision == one.id),
                one.id == live,
            )
            for one in revisions
        ]

    async def numbered(self, tenant: TenantId, name: str, number: int | None) -> tuple[Rule, RuleRevision]:
        """A revision by its number, the latest without one. Raises NotFound."""
        async with self.store.look() as look:
            rule = await _found(look, tenant, name)
            return rule, rule.latest if number is None else await _numbered(look, rule, number)

    async def check(self, tenant: TenantId, body: Document) -> None:
        """Raises Invalid where the rule could not be in force here."""
        at = nul_in(body, "rule")
        if at is not None:
            raise unfit_text(at)
        async with self.store.look() as look:
            connections = await look.connections(tenant)
            mappings = await look.mappings(tenant)
        connectors = {one.name: self.catalog.get(one.connector) for one in connections}
        try:
            check_rule({"rule": body}, "", connectors, {f"{m.name}@{m.version}": m.body for m in mappings})
        except Rejected as error:
            raise Invalid(str(error), code=error.code, at=(error.at or "").removeprefix(".") or None) from error


def review_state(revision: RuleRevision, reviews: Sequence[Review]) -> str:
    """Where the review of a revision stands."""
    last = next((one.act for one in reversed(reviews) if one.revision == revision.id), None)
    return {None: "draft", "submit": "in_review", "approve": "approved", "return": "returned"}[last]


def is_approved(revision: RuleRevision, reviews: Sequence[Review]) -> bool:
    """Whether somebody else than its author had the last word on it, and said yes."""
    return review_state(revision, reviews) == "approved"


async def _found(rules: Rules, tenant: TenantId, name: str) -> Rule:
    rule = await rules.rule(tenant, name)
    if rule is None:
        raise NotFound("there is no such rule")
    return rule


async def _numbered(rules: Rules, rule: Rule, number: int) -> RuleRevision:
    for one in await rules.revisions(rule.id):
        if one.number == number:
            return one
    raise NotFound("the rule has no such revision")


async def _chosen(rules: Rules, rule: Rule, state: str, number: int | None) -> RuleRevision:
    if number is not None and state != "paused":
        return await _numbered(rules, rule, number)
    if rule.current is not None and (state == "paused" or state != rule.state):
        return rule.current
    return rule.latest


def _check_turn(state: str, held: str) -> None:
    if state not in STATES:
        raise Invalid(f"state is one of {', '.join(STATES)}", code="enum", at="state")
    if checked_fate(held) == "release" and state == "paused":
        raise Invalid("what a paused rule caused is kept or discarded", code="enum", at="held")


def _check_name(name: str) -> None:
    if (
        not 0 < len(name) <= LONGEST_NAME
        or not name.isprintable()
        or name != name.strip()
        or "/" in name
        or name[0] == "."
    ):
        raise Invalid(
            f"a rule's name has 1 to {LONGEST_NAME} characters, no / in it and no dot in front",
            code="bad_name",
            at="name",
        )


def reason_of(reason: str | None) -> str | None:
    """Why, as it is kept. Raises Invalid (`too_long`)."""
    if reason is not None and (len(reason) > LONGEST_REASON or "\0" in reason):
        raise Invalid(f"a reason has at most {LONGEST_REASON} characters", code="too_long", at="reason")
    return reason or None


def detail_of(number: int, reason: str | None) -> Document:
    """What the audit trail keeps of an act on a revision."""
    return {"revision": number} if reason is None else {"revision": number, "reason": reason}
