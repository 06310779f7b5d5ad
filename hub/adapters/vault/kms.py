"""Root keys in AWS KMS (or a service that speaks its API): the root key never leaves it. Needs the extra `aws`.

API: https://docs.aws.amazon.com/kms/latest/APIReference/
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from hub.adapters.vault.root_keys import RootHealth, Wrapped
from hub.domain.errors import Conflict, Invalid, Unavailable

TIMEOUT_S = 5.0
WRONG = frozenset({"InvalidCiphertextException", "IncorrectKeyException", "NotFoundException", "InvalidArnException"})
DENIED = frozenset(
    {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidClientTokenId"}
)


class KmsKeys:
    """A `RootKeys` provider over KMS keys, the first of which wraps. A wrapped key is bound to its encryption context.

    Who rotates within KMS changes nothing here; another root key is one more ARN at the front of HIREWIRE_KMS_KEYS.
    """

    provider = "aws-kms"

    def __init__(
        self,
        keys: Sequence[str],
        *,
        endpoint: str | None = None,
        ca_file: str | None = None,
        session: Session | None = None,
    ) -> None:
        if not keys or not all(keys):
            raise Invalid("HIREWIRE_KMS_KEYS names at least one key", code="bad_setting", at="HIREWIRE_KMS_KEYS")
        parts = keys[0].split(":")
        region = parts[3] if len(parts) > 5 and parts[3] else None
        config = Config(
            connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"total_max_attempts": 2}, proxies={}
        )
        self._keys = tuple(keys)
        self._kms: Any = (session or Session()).create_client(
            "kms", region_name=region, endpoint_url=endpoint, config=config, verify=ca_file
        )

    async def wrap(self, key: bytes, context: bytes = b"") -> Wrapped:
        active = self._keys[0]
        told = await self._call(
            lambda: self._kms.encrypt(KeyId=active, Plaintext=key, EncryptionContext=_context(context))
        )
        return Wrapped(active, told["CiphertextBlob"])

    async def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        if wrapped.parent not in self._keys:
            raise Unavailable(f"HIREWIRE_KMS_KEYS has no root key {wrapped.parent!r}", code="wrong_keyring")
        if not 0 < len(wrapped.key) <= 6144:  # the API's own bound
            raise Unavailable("KMS does not open the stored keys", code="wrong_keyring")
        told = await self._call(
            lambda: self._kms.decrypt(
                KeyId=wrapped.parent, CiphertextBlob=wrapped.key, EncryptionContext=_context(context)
            )
        )
        found: bytes = told["Plaintext"]
        return found

    async def versions(self) -> tuple[str, ...]:
        return self._keys

    async def health(self) -> RootHealth:
        try:
            told = await self._call(lambda: self._kms.describe_key(KeyId=self._keys[0]))
        except Unavailable as error:
            return RootHealth(False, str(error))
        state = str(told["KeyMetadata"].get("KeyState"))
        return RootHealth(state == "Enabled", f"{len(self._keys)} root keys in KMS, the active one is {state.lower()}")

    async def offered(self) -> str:
        return await self.rotate()

    async def rotate(self) -> str:
        raise Conflict("put another KMS key first in HIREWIRE_KMS_KEYS", code="rotate_elsewhere")

    async def _call(self, act: Callable[[], Any]) -> Any:
        try:
            return await asyncio.to_thread(act)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in WRONG:
                raise Unavailable("KMS does not open the stored keys", code="wrong_keyring") from error
            kind = "key_provider_denied" if code in DENIED else "key_provider_down"
            raise Unavailable(f"KMS answers {code}", code=kind, after=5.0) from error
        except BotoCoreError as error:
            raise Unavailable(
                f"KMS does not answer ({type(error).__name__})", code="key_provider_down", after=5.0
            ) from error


def _context(context: bytes) -> dict[str, str]:
    return {"hirewire": base64.b64encode(context).decode()}
