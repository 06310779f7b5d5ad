"""An authenticator in software: makes a key for a site and signs challenges with it, as CTAP2 devices do."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

FLAGS = AuthenticatorData.FLAG


class SoftAuthenticator:
    """One device with at most one credential; `count` is its signature counter."""

    def __init__(self, origin: str = "https://hub.example", host: str = "hub.example") -> None:
        self.origin, self.host, self.count = origin, host, 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(32)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.create"""
        client = self._client("webauthn.create", options["publicKey"]["challenge"])
        public = ES256.from_cryptography_key(self._key.public_key())
        attested = AttestedCredentialData.create(Aaguid(bytes(16)), self._id, public)
        data = AuthenticatorData.create(self._rp(), FLAGS.UP | FLAGS.UV | FLAGS.AT, self.count, attested)
        statement = AttestationObject.create("none", data, {})
        return self._answer({"clientDataJSON": client, "attestationObject": bytes(statement)})

    def get(self, options: dict[str, Any], *, verified: bool = True) -> dict[str, Any]:
        """navigator.credentials.get"""
        self.count += 1
        client = self._client("webauthn.get", options["publicKey"]["challenge"])
        flags = FLAGS.UP | FLAGS.UV if verified else FLAGS.UP
        data = AuthenticatorData.create(self._rp(), flags, self.count)
        signed = bytes(data) + hashlib.sha256(client).digest()
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer({"clientDataJSON": client, "authenticatorData": bytes(data), "signature": signature})

    def _rp(self) -> bytes:
        return hashlib.sha256(self.host.encode()).digest()

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, response: dict[str, bytes]) -> dict[str, Any]:
        id_ = websafe_encode(self._id)
        plain = {name: websafe_encode(value) for name, value in response.items()}
        return {"id": id_, "rawId": id_, "type": "public-key", "response": plain, "clientExtensionResults": {}}
