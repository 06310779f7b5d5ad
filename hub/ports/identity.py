"""How people prove who they are: passwords, authenticators, sign-in elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mappings.documents import Document


class Passwords(Protocol):
    """Slow hashes. Hashing happens beside the event loop."""

    async def hash(self, password: str) -> str:
        """A hash with its parameters in it."""

    async def fits(self, hash: str, password: str) -> bool: ...

    def stale(self, hash: str) -> bool:
        """Whether it was made with other parameters than those in force."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A public-key credential of an authenticator (WebAuthn)."""

    id: str  # base64url
    public: bytes  # attested credential data
    count: int


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the browser is asked, and what the answer is held against."""

    options: Document
    state: Document


class Authenticators(Protocol):
    """WebAuthn Level 2. A fault in an answer is Invalid, code `bad_assertion`, whatever it is."""

    def register(self, person: str, name: str, known: Sequence[Credential], challenge: bytes) -> Ceremony: ...

    def registered(self, state: Document, answer: Document) -> Credential: ...

    def authenticate(self, known: Sequence[Credential], challenge: bytes) -> Ceremony: ...

    def authenticated(self, state: Document, known: Sequence[Credential], answer: Document) -> Credential:
        """The one that signed, with its new count."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An account at a provider, as the provider vouches for it. All of it is personal data."""

    subject: str
    login: str
    name: str
    email: str | None = None
    groups: tuple[str, ...] = ()
    two_factors: bool = False  # the provider says that it asked for two


@dataclass(frozen=True, slots=True)
class Handover:
    """A sign-in that is under way elsewhere: where the browser goes, and what its answer is held against."""

    url: str
    state: Document = field(default_factory=dict)


class SignInProvider(Protocol):
    """One way of signing in elsewhere."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings of a provider of this kind; `client_secret` is sealed."""

    async def begin(self, config: Document, back: str, state: str, nonce: str, verifier: str) -> Handover:
        """`verifier` is for PKCE (RFC 7636). Raises Unavailable (`provider_away`), Invalid."""

    async def end(
        self, config: Document, secret: str, back: str, begun: Document, answer: Mapping[str, str]
    ) -> Elsewhere:
        """Who came back. Raises Unauthorized (`sign_in_refused`) for whatever does not hold, Unavailable."""
