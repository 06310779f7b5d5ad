"""Proofs of identity by library: Argon2id for passwords, FIDO2 for authenticators."""

from hub.adapters.identity.argon2id import Argon2id
from hub.adapters.identity.webauthn import WebAuthn

__all__ = ["Argon2id", "WebAuthn"]
