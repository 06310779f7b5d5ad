"""Encryption at rest: the one home of cryptography. Root keys wrap tenant keys, these wrap owners' keys, which seal."""

from hub.adapters.vault.field_vault import FieldVault
from hub.adapters.vault.keyring import EnvKeyring, FileKeyring
from hub.adapters.vault.media_vault import StreamVault
from hub.adapters.vault.providers import RootSettings, open_root_keys
from hub.adapters.vault.root_keys import RootHealth, RootKeys, Wrapped

__all__ = [
    "EnvKeyring", "FieldVault", "FileKeyring", "RootHealth", "RootKeys", "RootSettings", "StreamVault", "Wrapped",
    "open_root_keys",
]  # fmt: skip
