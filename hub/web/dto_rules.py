"""What the API says of rules, as it stands on the wire."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hub.app.fieldbook import Fieldbook
from hub.app.queries import Why as RuleWhy
from hub.app.rules.cases import CaseResult
from hub.app.rules.compared import Comparison
from hub.app.rules.diff import Part
from hub.app.rules.kill_switch import Standing as KillStanding
from hub.app.rules.lifecycle import Standing
from hub.app.rules.why import CandidateWhy, Effect, EventWhy, Finding
from hub.app.rules.why_words import finding_lines
from hub.app.rules.words import clause_words
from hub.domain.rules import parse
from hub.ports.rules import Backtest, Rule, RuleRevision

TONGUES = ("en", "zh-CN")
VERDICTS = {True: "yes", False: "no", None: "unknown"}


class RuleView(msgspec.Struct):
    """A rule: its latest revision, with its sentence in both languages. `in_force`: the revision that events meet now.

    `beside` is one that is told beside it and does nothing.
    """

    name: str
    state: str
    revision: int
    in_force: int | None
    beside: int | None
    event: str
    sentence: dict[str, str]
    rule: dict[str, object]

    @classmethod
    def of(cls, rule: Rule, fields: Fieldbook) -> RuleView:
        """From the record."""
        body = rule.latest.body
        return cls(
            rule.name,
            rule.state,
            rule.latest.number,
            None if rule.live is None else rule.live.number,
            None if rule.beside is None else rule.beside.number,
            parse(body).on,
            fields.sentences(body),
            dict[str, object](body),
        )


class Act(msgspec.Struct):
    """One act of a review: `submit`, `approve`, `return`."""

    act: str
    actor: str
    at: datetime
    reason: str | None


class RevisionView(msgspec.Struct):
    """An immutable revision. `review`: `draft`, `in_review`, `approved`, `returned`."""

    number: int
    created_at: datetime
    created_by: str
    reason: str | None
    review: str
    in_force: bool
    acts: list[Act]
    sentence: dict[str, str]
    rule: dict[str, object]

    @classmethod
    def of(cls, one: Standing, fields: Fieldbook) -> RevisionView:
        """From the record."""
        r = one.revision
        acts = [Act(act.act, act.actor, act.at, act.reason) for act in one.acts]
        return cls(
            r.number, r.created_at, r.created_by, r.reason, one.review, one.in_force, acts,
            fields.sentences(r.body),
            dict[str, object](r.body),
        )  # fmt: skip


class DiffPart(msgspec.Struct):
    """A run of words: `same`, `removed` or `added`."""

    change: str
    text: str

    @classmethod
    def of(cls, part: Part) -> DiffPart:
        """From the use case."""
        return cls(part.change, part.text)


class DiffView(msgspec.Struct):
    """How a revision differs: its sentence in both languages, and `- path: value`, `+ path: value` lines."""

    before: int
    after: int
    sentence: dict[str, list[DiffPart]]
    changes: list[str]


class CaseView(msgspec.Struct):
    """A test case of a rule. `ran` False: its event is not stored (any more)."""

    event_id: str
    expect: str
    ran: bool
    held: bool
    verdict: str

    @classmethod
    def of(cls, one: CaseResult) -> CaseView:
        """From the use case."""
        return cls(one.event, "fire" if one.wanted else "no", one.ran, one.held, VERDICTS[one.said])


class TurnedView(msgspec.Struct):
    """What is in force now, how the revision's test cases went, and which of its deliveries are held, by connection."""

    name: str
    state: str
    in_force: int | None
    cases: list[CaseView]
    held: dict[str, int]


class SwitchView(msgspec.Struct):
    """The kill switch: `stopped` rules decide, and nothing follows. `held`: what it or a pause holds, by connection."""

    stopped: bool
    held: dict[str, int]

    @classmethod
    def of(cls, standing: KillStanding) -> SwitchView:
        """From the use case."""
        return cls(standing.stopped, {**standing.held})


class ObservedView(msgspec.Struct):
    """Events on which the current revision would have acted while it could not, newest first."""

    revision: int
    events: list[str]


class ComparisonView(msgspec.Struct):
    """A revision told beside the one in force (`against`): how often both would act, or one of them alone; the newest ids."""

    revision: int
    against: int
    since: datetime
    events: int
    both: int
    newly: int
    no_longer: int
    newly_events: list[str]
    no_longer_events: list[str]

    @classmethod
    def of(cls, c: Comparison) -> ComparisonView:
        """From the use case."""
        return cls(
            c.revision.number, c.against.number, c.since, c.events, c.counts.both, c.counts.newly, c.counts.no_longer,
            [*c.newly], [*c.no_longer],
        )  # fmt: skip


class BacktestView(msgspec.Struct):
    """A backtest: `queued`, `running`, `done`, `cancelled`, `failed`. `result` is there when it is done.

    `words` names the clauses of the result in both languages.
    """

    id: str
    rule: str
    revision: int
    days: int
    state: str
    created_at: datetime
    created_by: str
    seen: int
    total: int | None
    finished_at: datetime | None
    result: dict[str, object] | None
    words: dict[str, dict[str, str]]

    @classmethod
    def of(cls, b: Backtest, revision: RuleRevision, fields: Fieldbook) -> BacktestView:
        """From the record."""
        words = {
            "en": clause_words(revision.body, fields, "en"),
            "zh-CN": clause_words(revision.body, fields, "zh-CN"),
        }
        result = None if b.result is None else dict[str, object](b.result)
        return cls(
            b.id, revision.name, revision.number, b.days, b.state, b.created_at, b.created_by, b.seen, b.total,
            b.finished_at, result, words,
        )  # fmt: skip


class WhyView(msgspec.Struct):
    """Why a rule fired on an event or did not: `verdict` is `yes`, `no` or `unknown`; a line per clause."""

    rule: str
    revision: int
    verdict: str
    lines: dict[str, list[str]]
    stands: dict[str, str] | None = None

    @classmethod
    def of(cls, why: RuleWhy, lines: dict[str, list[str]]) -> WhyView:
        """From the record."""
        revision = why.rule.live or why.rule.latest
        stands = dict(why.stands) if why.stands else None
        return cls(why.rule.name, revision.number, VERDICTS[why.explanation.verdict], lines, stands)


class EffectView(msgspec.Struct):
    """What a rule caused: one delivery and where it stands. `lane` is the connection's state."""

    delivery_id: str
    connection: str
    operation: str
    state: str
    attempts: int
    error: str | None
    lane: str

    @classmethod
    def of(cls, e: Effect) -> EffectView:
        """From the use case."""
        return cls(e.id, e.connection, e.operation, e.state, e.attempts, e.error, e.lane)


class FindingView(msgspec.Struct):
    """One rule's answer, with its `reason` as a stable word and in lines that people read."""

    rule: str
    state: str
    event: str
    revision: int
    reason: str
    verdict: str
    effects: list[EffectView]
    lines: dict[str, list[str]]

    @classmethod
    def of(cls, f: Finding, fields: Fieldbook, reveal: bool) -> FindingView:
        """From the use case."""
        lines = {tongue: finding_lines(f, fields, tongue, reveal=reveal) for tongue in TONGUES}
        effects = [EffectView.of(effect) for effect in f.effects]
        return cls(f.rule, f.state, f.trigger, f.revision.number, f.reason, VERDICTS[f.verdict], effects, lines)


class EventWhyView(msgspec.Struct):
    """Every rule that waits for events of this type. `note`: `erased`, `own`; `stopped`: all rules are, now."""

    event_id: str
    type: str
    received_at: datetime
    note: str | None
    stopped: bool
    rules: list[FindingView]

    @classmethod
    def of(cls, why: EventWhy, fields: Fieldbook, reveal: bool) -> EventWhyView:
        """From the use case."""
        rules = [FindingView.of(one, fields, reveal) for one in why.findings]
        return cls(why.event.id, why.event.type, why.event.received_at, why.note, why.stopped, rules)


class CandidateWhyView(msgspec.Struct):
    """A candidate's events, newest first, and the rules for which no event came. `more`: older ones are not shown."""

    candidate_id: str
    events: list[EventWhyView]
    waiting: list[FindingView]
    more: bool

    @classmethod
    def of(cls, why: CandidateWhy, fields: Fieldbook, reveal: bool) -> CandidateWhyView:
        """From the use case."""
        events = [EventWhyView.of(one, fields, reveal) for one in why.events]
        return cls(why.candidate, events, [FindingView.of(one, fields, reveal) for one in why.waiting], why.more)
