"""Root keys in HashiCorp Vault's transit engine (or OpenBao's): Vault wraps and unwraps, the root key never leaves it.

API: https://developer.hashicorp.com/vault/api-docs/secret/transit
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from hub.adapters.vault.root_keys import RootHealth, Wrapped
from hub.domain.errors import Invalid, Unavailable

TIMEOUT_S = 5.0
PREFIX = "vault"


@dataclass(frozen=True, slots=True)
class TransitSettings:
    """`key` is `mount/name`. The token is read from its file at every call: an agent may renew it there."""

    address: str
    key: str
    token_file: Path
    ca_file: Path | None = None
    namespace: str | None = None


class TransitKeys:
    """A `RootKeys` provider. Each version of the transit key is a root key: `vault:transit/hirewire:v3`.

    A wrapped key is bound to what it is for (`associated_data`), so it opens as nothing else even for who holds the token.
    """

    provider = "vault"

    def __init__(self, settings: TransitSettings, *, production: bool = False) -> None:
        address = urlsplit(settings.address)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise Invalid("HIREWIRE_VAULT_ADDR is an address", code="bad_setting", at="HIREWIRE_VAULT_ADDR")
        if production and address.scheme != "https":
            raise Invalid("Vault is spoken to over https", code="not_for_production", at="HIREWIRE_VAULT_ADDR")
        self._mount, _, self._name = settings.key.rpartition("/")
        if not self._mount or not self._name:
            raise Invalid("HIREWIRE_VAULT_KEY is mount/name", code="bad_setting", at="HIREWIRE_VAULT_KEY")
        self._settings, self._address = settings, address
        self._tls: ssl.SSLContext | None = None
        if address.scheme == "https":
            self._tls = ssl.create_default_context(cafile=settings.ca_file and str(settings.ca_file))

    async def wrap(self, key: bytes, context: bytes = b"") -> Wrapped:
        told = await self._call("POST", "encrypt", plaintext=_text(key), associated_data=_text(context))
        sealed = str(told.get("ciphertext", ""))
        head, version, _ = (*sealed.split(":", 2), "", "")[:3]
        if head != "vault" or not version.startswith("v"):
            raise Unavailable("Vault gave no ciphertext", code="key_provider_down")
        return Wrapped(f"{PREFIX}:{self._settings.key}:{version}", sealed.encode())

    async def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        if not wrapped.parent.startswith(f"{PREFIX}:{self._settings.key}:v"):
            raise Unavailable(f"Vault has no root key {wrapped.parent!r}", code="wrong_keyring")
        ciphertext = wrapped.key.decode("ascii", "replace")
        told = await self._call("POST", "decrypt", ciphertext=ciphertext, associated_data=_text(context))
        return base64.b64decode(str(told.get("plaintext", "")))

    async def versions(self) -> tuple[str, ...]:
        told = await self._call("GET", "keys")
        latest = int(told["latest_version"])
        oldest = max(1, int(told.get("min_decryption_version", 1)))
        return tuple(f"{PREFIX}:{self._settings.key}:v{number}" for number in range(latest, oldest - 1, -1))

    async def health(self) -> RootHealth:
        try:
            versions = await self.versions()
        except Unavailable as error:
            return RootHealth(False, str(error))
        return RootHealth(True, f"{len(versions)} root keys in Vault, {versions[0]} active")

    async def offered(self) -> str:
        return ""

    async def rotate(self) -> str:
        await self._call("POST", "keys", "/rotate")
        return (await self.versions())[0]

    async def _call(self, method: str, what: str, tail: str = "", **fields: str) -> dict[str, Any]:
        path = f"/v1/{quote(self._mount)}/{what}/{quote(self._name, safe='')}{tail}"
        try:
            status, body = await asyncio.to_thread(self._talk, method, path, fields)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"Vault does not answer ({type(error).__name__})", code="key_provider_down", after=5.0
            ) from error
        return _answer(status, body, what)

    def _talk(self, method: str, path: str, fields: dict[str, str]) -> tuple[int, bytes]:
        host, port = str(self._address.hostname), self._address.port
        link: http.client.HTTPConnection
        if self._tls is None:
            link = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        else:
            link = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
        headers = {"X-Vault-Token": self._settings.token_file.read_text().strip(), "X-Vault-Request": "true"}
        if self._settings.namespace:
            headers["X-Vault-Namespace"] = self._settings.namespace
        try:
            link.request(method, path, json.dumps(fields) if method == "POST" else None, headers)
            answer = link.getresponse()
            return answer.status, answer.read(1 << 20)
        finally:
            link.close()


def _answer(status: int, body: bytes, what: str) -> dict[str, Any]:
    """The data of an answer. Vault's own words are not passed on: they may name what was sent."""
    if status == 403:
        raise Unavailable("Vault refuses the token", code="key_provider_denied", after=5.0)
    if status == 400 and what == "decrypt":
        raise Unavailable("Vault's root key does not open the stored keys", code="wrong_keyring")
    if status == 404:
        raise Unavailable("Vault has no such transit key", code="wrong_keyring")
    if status == 204:
        return {}
    if status != 200:
        raise Unavailable(f"Vault answers {status}", code="key_provider_down", after=5.0)
    try:
        found = json.loads(body)["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("Vault's answer is none", code="key_provider_down", after=5.0) from error
    return found if isinstance(found, dict) else {}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
