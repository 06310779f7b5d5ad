"""What the API says, as it stands on the wire."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hub.app.configure import secret_names
from hub.app.queries import AttemptView, TimelineEntry, state_name
from hub.app.runs import RunView
from hub.domain.connections import Connection
from hub.domain.deliveries import Delivery
from hub.domain.ids import show
from hub.ports.arrivals import StoredEvent
from hub.ports.connector import Connector
from hub.ports.queue import DoneDelivery
from hub.ports.store import LaneStats
from mappings.documents import MISSING, Json


class AcceptedEvent(msgspec.Struct):
    """One event that is durable now. The same for a repeat."""

    source: str
    id: str
    event_id: str


class Accepted(msgspec.Struct):
    """All events of a request, in its order."""

    accepted: list[AcceptedEvent]


class EventCause(msgspec.Struct):
    """What made an event happen."""

    event_id: str
    delivery_id: str | None


class EventSummary(msgspec.Struct):
    """An event without its data."""

    id: str
    type: str
    version: int
    source: str
    source_id: str
    subject: str | None
    occurred_at: datetime
    received_at: datetime
    cause: EventCause | None

    @classmethod
    def of(cls, e: StoredEvent) -> EventSummary:
        """From the record."""
        cause = None
        if e.cause is not None:
            delivery = show("dlv", e.cause.delivery) if e.cause.delivery is not None else None
            cause = EventCause(e.cause.event, delivery)
        return cls(e.id, e.type, e.version, e.source, e.key, e.subject, e.occurred_at, e.received_at, cause)


class Event(EventSummary):
    """An event with its data."""

    data: dict[str, object] = {}


class EventPage(msgspec.Struct):
    """Newest first; `next` is the cursor of the following page."""

    items: list[EventSummary]
    next: str | None


class DeliverySummary(msgspec.Struct):
    """A delivery: live (`ready`, `leased`, `waiting`, `held`) or ended (`delivered`, `dead`, `expired`, ...)."""

    id: str
    event_id: str
    connection: str
    what: str
    state: str
    attempts: int
    received_at: datetime
    due_at: datetime | None
    finished_at: datetime | None
    reference: str | None
    replay_of: str | None
    error: str | None

    @classmethod
    def of(cls, d: Delivery | DoneDelivery, connection: str, what: str) -> DeliverySummary:
        """From the record."""
        live = isinstance(d, Delivery)
        return cls(
            id=show("dlv", d.id),
            event_id=d.event,
            connection=connection,
            what=what,
            state=state_name(d),
            attempts=d.attempt if isinstance(d, Delivery) else d.attempts,
            received_at=d.received_at,
            due_at=d.due_at if isinstance(d, Delivery) else None,
            finished_at=None if live or not isinstance(d, DoneDelivery) else d.finished_at,
            reference=d.reference if isinstance(d, DoneDelivery) else None,
            replay_of=show("dlv", d.replay_of) if d.replay_of is not None else None,
            error=d.error if isinstance(d, DoneDelivery) else None,
        )


class Attempt(msgspec.Struct):
    """One try; `made_with` names versions and milliseconds by phase, `talk` is what was said: credentials removed, bodies cut."""

    number: int
    started_at: datetime
    took_ms: int
    outcome: str
    status: int | None
    error: str | None
    made_with: dict[str, object] | None
    talk: list[dict[str, object]]

    @classmethod
    def of(cls, view: AttemptView) -> Attempt:
        """From the record."""
        a = view.attempt
        lines = view.talk if isinstance(view.talk, list) else []
        talk = [dict[str, object](line) for line in lines if isinstance(line, dict)]
        made_with = None if a.detail is None else dict[str, object](a.detail)
        return cls(a.number, a.started_at, a.took_ms, a.outcome, a.status, a.error, made_with, talk)


class DeliveryDetail(DeliverySummary):
    """A delivery with all its tries."""

    tries: list[Attempt] = []


class DeliveryPage(msgspec.Struct):
    """Newest first; `next` is the cursor of the following page."""

    items: list[DeliverySummary]
    next: str | None


class Replayed(msgspec.Struct):
    """The delivery to watch from now on."""

    delivery_id: str


class TimelineLine(msgspec.Struct):
    """One line of a candidate's story."""

    at: datetime
    kind: str
    id: str
    what: str
    state: str
    caused_by: str | None
    attempts: int
    stands: dict[str, str] | None = None

    @classmethod
    def of(cls, e: TimelineEntry) -> TimelineLine:
        """From the record."""
        told = e.detail.get("stands")
        stands = {tongue: str(words) for tongue, words in told.items()} if isinstance(told, dict) else None
        return cls(e.at, e.kind, e.id, e.what, e.state, e.caused_by, e.attempts, stands)


class Timeline(msgspec.Struct):
    """A candidate's story, oldest first. `legal_hold`: nothing of it is removed. `erased`: nobody can read what was said."""

    candidate_id: str
    lines: list[TimelineLine]
    legal_hold: bool = False
    erased: bool = False


class CandidateId(msgspec.Struct):
    """The opaque id of a candidate."""

    candidate_id: str


class CandidatesFound(msgspec.Struct):
    """Opaque ids of candidates, at most 100."""

    candidate_ids: list[str]


class RunSummary(msgspec.Struct):
    """A run of a rule; `stands` says where it is, in both languages."""

    id: str
    rule: str
    revision: int
    state: str
    event_id: str
    at_event_id: str
    candidate_id: str | None
    step: str | None
    awaits: str | None
    until: datetime | None
    approvers: list[str]
    reason: str | None
    created_at: datetime
    changed_at: datetime
    stands: dict[str, str]
    stopped: bool

    @classmethod
    def of(cls, view: RunView) -> RunSummary:
        """From the record."""
        run = view.run
        return cls(
            id=show("run", run.id),
            rule=view.rule,
            revision=view.revision,
            state=str(run.state),
            event_id=run.event,
            at_event_id=run.at,
            candidate_id=run.subject,
            step=run.step,
            awaits=run.awaits,
            until=run.until,
            approvers=[*view.approvers],
            reason=run.reason,
            created_at=run.created_at,
            changed_at=run.changed_at,
            stands=dict(view.stands),
            stopped=view.stopped,
        )


class RunPage(msgspec.Struct):
    """Runs, newest first; `next_cursor` is null at the end."""

    items: list[RunSummary]
    next_cursor: str | None


class RunsDecided(msgspec.Struct):
    """How many runs were found, or decided; `more`: there are others behind them."""

    count: int
    more: bool


class ConnectionView(msgspec.Struct):
    """A connection; `secrets` are names only. `region`: the jurisdiction that its target is in, null: nobody said."""

    name: str
    connector: str
    state: str
    config: dict[str, object]
    region: str | None
    secrets: list[str]
    webhook_path: str | None
    partner_path: str | None
    lane: LaneView | None

    @classmethod
    def of(cls, c: Connection, connector: Connector, stats: LaneStats | None) -> ConnectionView:
        """From the record."""
        return cls(
            name=c.name,
            connector=c.connector,
            state=str(c.state),
            config=dict[str, object](c.config),
            region=c.lane.region,
            secrets=list(secret_names(connector)) if c.secrets is not None else [],
            webhook_path=f"/v1/hooks/{c.handle}" if connector.takes_hooks else None,
            partner_path=f"/v1/partner/{c.handle}" if connector.endpoints else None,
            lane=LaneView.of(stats) if stats is not None else None,
        )


class LaneView(msgspec.Struct):
    """What waits in the lane of a connection."""

    ready: int
    leased: int
    waiting: int
    held: int
    oldest_due: datetime | None
    held_until: datetime | None

    @classmethod
    def of(cls, s: LaneStats) -> LaneView:
        """From the record."""
        return cls(s.ready, s.leased, s.waiting, s.held, s.oldest_due, s.held_until)


class Health(msgspec.Struct):
    """`ok`, or what is wrong."""

    status: str
    detail: str


def shown(value: object) -> Json:
    """A traced value for the wire: what is missing becomes null."""
    return None if value is MISSING else value  # type: ignore[return-value]
