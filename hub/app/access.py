"""API tokens: made once, shown once, kept as a hash; each may do what its scopes say and nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from hub.domain.approvers import ROLE, Approver
from hub.domain.audit import Act
from hub.domain.errors import Invalid, Unauthorized
from hub.domain.ids import TenantId
from hub.domain.permissions import Context, Decision, Kind, Object, Subject, decide
from hub.ports.clock import Clock, Ids
from hub.ports.people import ApiToken
from hub.ports.store import Store

SCOPES: dict[str, str] = {
    "events:write": "send events, ask for candidate ids",
    "events:read": "read events and candidate timelines, personal data included",
    "deliveries:read": "read deliveries and their attempts",
    "deliveries:replay": "replay deliveries and release held ones",
    "consents:read": "read the consents of candidates",
    "consents:write": "record consents and withdrawals",
    "subjects:read": "read erasures and legal holds",
    "subjects:write": "ask for erasures and legal holds, note vendors' answers",
    "runs:read": "read runs of rules: what waits, for what, until when",
    "runs:decide": "approve, reject, release, discard and cancel runs",
    "rules:read": "read rules, explain what they did",
    "rules:write": "draft, submit and backtest rules; observe, put in force, pause them; the switch of all rules",
    "rules:approve": "approve or return what somebody else wrote",
    "connections:read": "read connections, never their secrets",
    "media:write": "send recordings, remove them",
    "media:read": "play recordings",
    "metrics:read": "read metrics",
    "border:read": "read how many persons' data went abroad, the limits and what is held",
    "retention:read": "read how long records are kept and how many are over",
    "audit:read": "read the audit trail",
    "people:read": "read accounts, rights and the organisation",
    "people:write": "make and disable accounts, change the organisation, assign requisitions",
    "scim:write": "keep accounts and groups by SCIM",
}

KNOWN_S = 1.0
_A_ROLE = re.compile(r"role:\w[\w .-]{0,63}")  # what a gate may ask for
_NO_TIME = datetime.max.replace(tzinfo=UTC)  # scopes do not depend on the time


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. `id` goes into the audit trail. `account`: the service account that a token was issued to.

    For a person, `asks` knows the rights, and `scopes` are what a token would need for them.
    """

    id: str
    tenant: TenantId
    scopes: frozenset[str]
    account: str | None = None
    clearance: int = 4
    asks: Asks | None = None
    session: str | None = None

    @property
    def bound_to(self) -> str:
        """What a link may be tied to: a person's session, so that it dies with it; of a program, who it is."""
        return self.session or self.id

    def may(self, action: str) -> Decision:
        """Whether the caller may also do this to the object of the request."""
        if self.asks is not None:
            return self.asks.decide(action)
        kind = Kind.TOKEN if self.account is None else Kind.SERVICE
        subject = Subject(self.id, self.tenant, kind, scopes=self.scopes, clearance=self.clearance)
        return decide(subject, action, Object(self.tenant), Context(_NO_TIME))

    @property
    def approver(self) -> Approver:
        """Who it is to a gate: a person with the roles granted, a token with those that it was made with."""
        made = (one.removeprefix(ROLE) for one in self.scopes if one.startswith(ROLE))
        return Approver(self.id, frozenset(made) if self.asks is None else self.asks.roles)


class Asks(Protocol):
    """What a person's request may ask of its own rights."""

    @property
    def roles(self) -> frozenset[str]:
        """The roles that the person holds now for the object of the request."""

    def decide(self, action: str) -> Decision: ...


@dataclass(frozen=True, slots=True)
class Access:
    """Makes, checks and revokes tokens of the form `hw_<40 hex digits>`.

    A token once found is taken for good for KNOWN_S: so long may one work on that another process has revoked.
    """

    store: Store
    clock: Clock
    ids: Ids
    audience: str = ""
    _known: dict[bytes, tuple[ApiToken, float]] = field(default_factory=dict, repr=False)

    async def make(
        self, tenant: TenantId, name: str, scopes: Iterable[str], by: str, expires_at: datetime | None = None
    ) -> tuple[ApiToken, str]:
        """The token's record and its secret, which is never to be seen again. Raises Invalid for unknown scopes."""
        wanted = frozenset(scopes)
        unknown = [one for one in wanted - SCOPES.keys() if _A_ROLE.fullmatch(one) is None]
        if unknown or not wanted:
            raise Invalid(
                f"scopes are some of {', '.join(SCOPES)}, and roles such as role:hr_owner",
                code="unknown_scope",
                at="scopes",
            )
        secret = f"hw_{self.ids.token(20)}"
        now = self.clock.now()
        token = ApiToken(f"tok_{self.ids.token(8)}", tenant, name, digest(secret), wanted, now, expires_at)
        async with self.store.work() as work:
            await work.add_token(token)
            await work.audit(Act(now, tenant, by, "token.make", token.id, {"scopes": [*sorted(wanted)]}))
        return token, secret

    def knows(self, secret: str) -> bool:
        """Whether this secret was found before, in this process; it may have been revoked since."""
        return digest(secret) in self._known

    async def check(self, secret: str) -> Caller:
        """Who holds this secret. Raises Unauthorized, in the same words whatever is wrong with it."""
        token = await self._find(digest(secret))
        now = self.clock.now()
        if token is None or token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
            raise Unauthorized("a valid API token is needed", code="bad_token")
        if token.audience not in (None, self.audience):
            raise Unauthorized("a valid API token is needed", code="bad_token")
        return Caller(token.account or token.id, token.tenant, token.scopes, token.account, token.clearance)

    async def _find(self, hash: bytes) -> ApiToken | None:
        known, now = self._known.get(hash), self.clock.monotonic()
        if known is not None and now - known[1] < KNOWN_S:
            return known[0]
        if known is not None:
            self._known[hash] = (known[0], now)  # one asks again for all who come meanwhile
        async with self.store.look() as look:
            token = await look.token(hash)
        if token is None:
            self._known.pop(hash, None)
        else:
            self._known[hash] = (token, now)
        return token

    def forget(self) -> None:
        """Look every token up again, after a change made by this process."""
        self._known.clear()

    async def revoke(self, tenant: TenantId, id: str, by: str) -> bool:
        """Whether there was such a token in force."""
        now = self.clock.now()
        async with self.store.work() as work:
            done = await work.revoke_token(tenant, id, now)
            await work.audit(Act(now, tenant, by, "token.revoke", id))
        self._known.clear()
        return done


def digest(secret: str) -> bytes:
    """SHA-256: the secret is 160 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).digest()
