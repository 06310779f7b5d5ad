"""Which provider of root keys the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.adapters.vault.keyring import EnvKeyring, FileKeyring
from hub.adapters.vault.root_keys import RootKeys
from hub.adapters.vault.transit import TransitKeys, TransitSettings
from hub.domain.errors import Invalid

PROVIDERS = ("file", "env", "vault", "aws-kms")


@dataclass(frozen=True, slots=True)
class RootSettings:
    """What the settings say about root keys; what a provider does not need is empty."""

    provider: str
    keyring: Path
    root_key: str | None = None
    production: bool = False
    vault_address: str | None = None
    vault_key: str = "transit/hirewire"
    vault_token_file: Path | None = None
    vault_namespace: str | None = None
    kms_keys: Sequence[str] = ()
    kms_endpoint: str | None = None
    ca_file: Path | None = None


def open_root_keys(settings: RootSettings) -> RootKeys:
    """Nothing is asked of the provider yet. Raises Invalid, Unavailable (a keyring that may not be used)."""
    match settings.provider:
        case "env":
            if settings.root_key is None:
                raise Invalid("HIREWIRE_ROOT_KEY is missing", code="bad_setting", at="HIREWIRE_ROOT_KEY")
            return EnvKeyring(settings.root_key, production=settings.production)
        case "vault":
            if settings.vault_address is None or settings.vault_token_file is None:
                name = "HIREWIRE_VAULT_ADDR" if settings.vault_address is None else "HIREWIRE_VAULT_TOKEN_FILE"
                raise Invalid(f"{name} is missing", code="bad_setting", at=name)
            transit = TransitSettings(
                settings.vault_address,
                settings.vault_key,
                settings.vault_token_file,
                settings.ca_file,
                settings.vault_namespace,
            )
            return TransitKeys(transit, production=settings.production)
        case "aws-kms":
            try:
                from hub.adapters.vault.kms import KmsKeys
            except ImportError as error:
                text = "AWS KMS needs the extra `aws`: pip install 'hirewire[aws]'"
                raise Invalid(text, code="extra_missing", at="HIREWIRE_KEY_PROVIDER") from error
            ca_file = None if settings.ca_file is None else str(settings.ca_file)
            return KmsKeys(settings.kms_keys, endpoint=settings.kms_endpoint, ca_file=ca_file)
        case _:
            return FileKeyring(settings.keyring)
