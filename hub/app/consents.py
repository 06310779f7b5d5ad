"""Consents: kept as a ledger, asked before a vendor is spoken to, and at work on what waits as soon as they change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from hub.app.channels import Channels
from hub.app.library import Library
from hub.app.purposes import purposes
from hub.domain.audit import Act, Grade
from hub.domain.consents import RECORDING, Awaited, Consent, in_force, taken_back
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.domain.ids import EventId, TenantId
from hub.ports.clock import Clock
from hub.ports.consents import OpenDelivery
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.vault import Place, Vault, subject_owner
from mappings.documents import Document, Json

BATCH = 1000
SWEPT = 200  # awaited consents asked about in one sweep


class About(Protocol):
    """An event, as far as consents go."""

    @property
    def id(self) -> EventId: ...
    @property
    def tenant(self) -> TenantId: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def received_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A statement as somebody tells it. `at` None: now."""

    purpose: str
    at: datetime | None = None
    text_version: str | None = None
    locale: str | None = None
    expires_at: datetime | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement of the ledger as people read it. `evidence` None: there is none, or its key was destroyed."""

    consent: Consent
    evidence: str | None
    in_force: bool


def person_of(event: About, data: Document) -> str | None:
    """Whose consents count: the event's subject, else the candidate inside."""
    candidate = data.get("candidate")
    id_ = candidate.get("id") if isinstance(candidate, dict) else None
    return event.subject if event.subject is not None else id_ if isinstance(id_, str) else None


def told_by(event: About, data: Document, vault: Vault | None = None) -> Iterator[Consent]:
    """The statements inside an event. With a vault, whose keys for the subject are prepared, their evidence too.

    What lies ahead counts from when it came: a sender's clock may be fast, and a withdrawal must not wait for it.
    """
    candidate, subject = data.get("candidate"), person_of(event, data)
    consents = candidate.get("consents") if isinstance(candidate, dict) else None
    for one in consents if isinstance(consents, list) else ():
        if not isinstance(one, dict):
            continue
        purpose, given = str(one.get("purpose")), _moment(one.get("granted_at"))
        if given is not None:
            given = min(given, event.received_at)
            said = Consent(
                tenant=event.tenant, subject=subject or "", purpose=purpose, given=True, at=given,
                recorded_at=event.received_at, source=event.id, text_version=_text(one, "text_version"),
                locale=_text(one, "locale"), expires_at=_moment(one["expires_at"]) or given if one.get("expires_at") else None,
            )  # fmt: skip
            evidence = None if vault is None or event.subject is None else _text(one, "evidence")
            yield said if vault is None else _with_evidence(vault, said, evidence)
        if one.get("withdrawn_at"):  # when nobody can tell, it was taken back, and now
            taken = _moment(one["withdrawn_at"]) or event.received_at
            at = min(taken if given is None else max(taken, given), event.received_at)
            yield Consent(event.tenant, subject or "", purpose, False, at, event.received_at, event.id)


def entries(event: About, data: Document, vault: Vault) -> tuple[Consent, ...]:
    """What an event adds to the ledger; nothing where nobody can say whose consents they are."""
    return () if person_of(event, data) is None else tuple(told_by(event, data, vault))


async def lacking(
    store: Store, event: About, data: Document, wanted: Collection[str | None], now: datetime
) -> str | None:
    """The first of these purposes that the candidate has not agreed to, by the ledger and the event itself."""
    purposes_ = [one for one in wanted if one is not None]
    if not purposes_:
        return None
    subject, said = person_of(event, data), list(told_by(event, data))
    if subject is not None:
        async with store.look() as look:
            said += await look.consents(event.tenant, subject)
    return next((one for one in purposes_ if not in_force([s for s in said if s.purpose == one], now)), None)


async def recording_withdrawn(store: Store, tenant: TenantId, subject: str, now: datetime) -> bool:
    """Whether the candidate took the consent to be recorded back, or it ran out."""
    async with store.look() as look:
        return taken_back(await look.consents(tenant, subject, RECORDING), now)


@dataclass(frozen=True, slots=True)
class Consents:
    """What is given lets go what waited for it; what is withdrawn holds what has not left.

    The gate itself asks the ledger at every try (`hub.app.delivery.deliver`), in every process: what is done here makes it seen
    at once, and `sweep` finds what fell between two transactions.
    """

    store: Store
    vault: Vault
    library: Library
    channels: Channels
    clock: Clock
    meter: Meter
    _swept: list[Awaited] = field(default_factory=list)  # where the last sweep ended

    async def __call__(self, tenant: TenantId, subject: str) -> list[Shown]:
        """The candidate's ledger, oldest first."""
        now = self.clock.now()
        async with self.store.look() as look:
            found = await look.consents(tenant, subject)
        await self.vault.prepare(tenant, sealed=[one.evidence for one in found if one.evidence is not None])
        standing = {one.purpose: in_force([s for s in found if s.purpose == one.purpose], now) for one in found}
        return [Shown(one, self._evidence(one), standing[one.purpose]) for one in found]

    async def record(self, tenant: TenantId, subject: str, told: Told, by: str) -> Consent:
        """The candidate agreed. Raises Invalid."""
        return await self._say(tenant, subject, told, True, by)

    async def withdraw(self, tenant: TenantId, subject: str, told: Told, by: str) -> Consent:
        """The candidate takes it back; deliveries that have not left are held. Raises Invalid."""
        return await self._say(tenant, subject, told, False, by)

    async def _say(self, tenant: TenantId, subject: str, told: Told, given: bool, by: str) -> Consent:
        now = self.clock.now()
        _check(subject, told, now)
        said = Consent(
            tenant, subject, told.purpose, given, _within(told.at or now, "at"), now, by,
            told.text_version, told.locale,
            None if told.expires_at is None else _within(told.expires_at, "expires_at"),
        )  # fmt: skip
        if told.evidence is not None:
            await self.vault.prepare(tenant, [subject_owner(subject)])
            said = _with_evidence(self.vault, said, told.evidence)
        about: Document = {"purpose": told.purpose, "at": said.at.isoformat(), "id": said.id}
        act = "consent.record" if given else "consent.withdraw"
        async with self.store.work() as work:
            await work.add_consents([said])
            await work.audit(Act(now, tenant, by, act, subject, about, grade=Grade.PERSONAL))
        await self.take_effect([said])
        return said

    async def take_effect(self, said: Sequence[Consent]) -> None:
        """Let go and hold what these statements, which are in the ledger, are about."""
        given = {one.awaited for one in said if one.given}
        async with self.store.look() as look:
            awaited = await look.awaited_among(given)
        for one in sorted(awaited | {one.awaited for one in said if not one.given}):
            await self._settle(one)

    async def told(self, said: Sequence[Consent]) -> None:
        """The same after events were accepted: what is accepted stays so, and what is missed here the sweep finds."""
        try:
            await self.take_effect(said)
        except Unavailable as error:
            self.meter.note("consents.later", code=error.code)

    async def sweep(self) -> None:
        """Let go what waits for a consent that is in force by now; so many at a time, in turn."""
        async with self.store.look() as look:
            some = await look.awaited_consents(self._swept[-1] if self._swept else None, SWEPT)
        self._swept[:] = some[-1:] if len(some) == SWEPT else []
        for awaited in some:
            await self._settle(awaited)

    async def _settle(self, awaited: Awaited) -> None:
        now = self.clock.now()
        async with self.store.look() as look:
            said = await look.consents(awaited.tenant, awaited.subject, awaited.purpose)
            open_ = [] if in_force(said, now) else await look.open_deliveries(awaited.tenant, awaited.subject)
        if in_force(said, now):
            await self._let_go(awaited)
            return
        ids = [one.id for one in open_ if await self._wants(awaited, one)]
        if ids:
            async with self.store.work() as work:
                count = await work.hold_for_consent(awaited, ids)
            self.meter.note("consents.held", tenant=awaited.tenant, purpose=awaited.purpose, count=count)

    async def _let_go(self, awaited: Awaited) -> None:
        count, some = 0, BATCH
        while some == BATCH:  # in small transactions: new events go on
            async with self.store.work() as work:
                some = await work.let_go_consented(awaited, BATCH)
            count += some
        if count:
            self.meter.note("consents.let_go", tenant=awaited.tenant, purpose=awaited.purpose, count=count)
            self.store.ring()

    async def _wants(self, awaited: Awaited, one: OpenDelivery) -> bool:
        """Whether this delivery needs that consent."""
        book = await self.library.book(awaited.tenant)
        connection = book.by_id.get(one.connection)
        if connection is None or one.revision is None:
            return False
        if awaited.purpose in (connection.lane.needs_consent, book.border.purpose(connection.lane.region)):
            return True
        try:
            action = await self.library.step(one.revision, one.step)
            operation = self.channels.connector(connection).operations.get(action.operation)
        except NotFound:
            return False
        return operation is not None and operation.consent == awaited.purpose

    def _evidence(self, said: Consent) -> str | None:
        if said.evidence is None:
            return None
        try:
            return self.vault.open(_place(said), said.evidence).decode()
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return None


def _check(subject: str, told: Told, now: datetime) -> None:
    if not 0 < len(subject) <= 256 or not subject.isprintable():
        raise Invalid(
            "a candidate's id is a text of 1 to 256 characters that can be printed", code="format", at="subject"
        )
    if told.purpose not in purposes():
        raise Invalid(f"purpose is one of {', '.join(purposes())}", code="enum", at="purpose")
    for name, most in (("text_version", 100), ("locale", 20), ("evidence", 500)):
        text = getattr(told, name)
        if text is not None and (not 0 < len(text) <= most or not text.isprintable()):
            raise Invalid(f"{name} is a text of 1 to {most} characters that can be printed", code="format", at=name)
    if told.at is not None and told.at > now:
        raise Invalid("nobody has agreed or withdrawn in the future", code="range", at="at")
    if told.expires_at is not None and told.expires_at <= (told.at or now):
        raise Invalid("a consent ends after it was given", code="range", at="expires_at")


def _within(at: datetime, name: str) -> datetime:
    """In UTC. Raises Invalid at the edges of time."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"{name} is out of all time", code="range", at=name) from error


def _place(said: Consent) -> Place:
    return Place(said.tenant, "consent", said.id, "evidence", owner=subject_owner(said.subject))


def _with_evidence(vault: Vault, said: Consent, evidence: str | None) -> Consent:
    """Where the candidate's key is only drafted, the event that tells it brings that along."""
    return said if evidence is None else replace(said, evidence=vault.seal_new(_place(said), evidence.encode())[0])


def _moment(value: Json) -> datetime | None:
    """In UTC; None where there is none, or none that can be reckoned with (a leap second, the edges of time)."""
    try:
        found = datetime.fromisoformat(value.upper()) if isinstance(value, str) else None
        zoned = found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)
        return None if zoned is None else zoned.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(document: Document, name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) else None
