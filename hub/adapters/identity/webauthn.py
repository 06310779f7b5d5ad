"""Authenticators by WebAuthn Level 2: challenges out, signed answers in, no attestation asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from hub.domain.errors import Invalid
from hub.ports.identity import Ceremony, Credential
from mappings.documents import Document

_VERIFIED = UserVerificationRequirement.REQUIRED
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WebAuthn:
    """`hub.ports.identity.Authenticators` for one site: its host is the relying party, its origin the only one."""

    host: str
    origin: str

    def register(self, person: str, name: str, known: Sequence[Credential], challenge: bytes) -> Ceremony:
        user = PublicKeyCredentialUserEntity(id=person.encode(), name=name, display_name=name)
        options, state = self._server().register_begin(
            user, _attested(known), user_verification=_VERIFIED, challenge=challenge
        )
        return Ceremony(_plain(options), _plain(state))

    def registered(self, state: Document, answer: Document) -> Credential:
        found = _heard(lambda: self._server().register_complete(state, cast("Mapping[str, Any]", answer)))
        assert found.credential_data is not None
        attested = found.credential_data
        return Credential(websafe_encode(attested.credential_id), bytes(attested), found.counter)

    def authenticate(self, known: Sequence[Credential], challenge: bytes) -> Ceremony:
        options, state = self._server().authenticate_begin(
            _attested(known), user_verification=_VERIFIED, challenge=challenge
        )
        return Ceremony(_plain(options), _plain(state))

    def authenticated(self, state: Document, known: Sequence[Credential], answer: Document) -> Credential:
        given = cast("Mapping[str, Any]", answer)
        used = _heard(lambda: self._server().authenticate_complete(state, _attested(known), given))
        count = _heard(lambda: AuthenticationResponse.from_dict(given).response.authenticator_data.counter)
        id_ = websafe_encode(used.credential_id)
        before = next(one for one in known if one.id == id_)
        if (before.count or count) and count <= before.count:  # 7.2 step 21: a copy of the authenticator speaks
            raise Invalid("this authenticator does not answer for itself", code="bad_assertion")
        return Credential(id_, before.public, count)

    def _server(self) -> Fido2Server:
        party = PublicKeyCredentialRpEntity(id=self.host, name="Hirewire")
        return Fido2Server(party, verify_origin=lambda origin: origin == self.origin)


def _attested(known: Sequence[Credential]) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(one.public) for one in known]


def _heard(ask: Callable[[], T]) -> T:
    """The library's answer; whatever it finds wrong is one error, without its words."""
    try:
        return ask()
    except Exception as error:  # a client's bytes reach parsers that raise what they like
        raise Invalid("this authenticator does not answer for itself", code="bad_assertion") from error


def _plain(value: Any) -> Any:
    """JSON of the library's objects: bytes as base64url."""
    if isinstance(value, bytes):
        return websafe_encode(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
