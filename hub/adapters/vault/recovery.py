"""Recovery of root keys: shares on paper, of which a few give the keyring back; and the proof that they do.

A share is one line: `hwk1-<set>-<threshold>-<number>-<base32>`. `set` tells splits apart. Inside is the keyring with a
check value, so that too few shares, or those of two splits, are told from the keyring.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.adapters.vault.data_keys import DESTROYED, open_row
from hub.adapters.vault.keyring import EnvKeyring, keyring_at, write_keyring
from hub.adapters.vault.root_keys import RootSet, read_root
from hub.adapters.vault.shamir import join, split
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.ports.vault import KeyKeeping, KeyShelf

CHECK = 16
_LINE = re.compile(r"hwk1-([0-9a-f]{8})-(\d{1,3})-(\d{1,3})-([A-Z2-7]+)-([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the restored root keys opened."""

    roots: tuple[str, ...]
    keys: int


def split_keyring(path: Path, threshold: int, shares: int) -> list[str]:
    """The shares of the keyring file, one line each. Raises NotFound, Invalid, Unavailable."""
    roots = keyring_at(path)
    if roots is None:
        raise NotFound(f"there is no keyring {path}")
    content = {"active": roots.active, "keys": {id: key.hex() for id, key in roots.keys.items()}}
    plain = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    set_id = os.urandom(4).hex()
    return [
        _line(set_id, threshold, number, values) for number, values in split(plain + _check(plain), threshold, shares)
    ]


def joined(lines: Sequence[str]) -> RootSet:
    """The keyring. Raises Invalid: `bad_share` (a line with a slip of the pen, or of another split), `too_few_shares`."""
    found = [_read(line) for line in lines if line.strip()]
    if len({(set_id, threshold) for set_id, threshold, _, _ in found}) != 1:
        raise Invalid("the shares are of more than one split, or there are none", code="bad_share")
    threshold = found[0][1]
    shares = {number: values for _, _, number, values in found}
    if len(shares) < threshold:
        raise Invalid(f"{len(shares)} shares are given and {threshold} are needed", code="too_few_shares")
    secret = join(list(shares.items())[:threshold])
    plain, check = secret[:-CHECK], secret[-CHECK:]
    if check != _check(plain):
        raise Invalid("these shares give no keyring", code="bad_share")
    content = json.loads(plain)
    return RootSet(content["active"], dict(read_root(id, key) for id, key in content["keys"].items()))


async def prove(roots: RootSet, shelf: KeyShelf, keeping: KeyKeeping) -> Proof:
    """Open every stored tenant key with these root keys; nothing is changed. Raises Unavailable (`wrong_keyring`)."""
    order = [roots.active, *(id for id in roots.keys if id != roots.active)]
    keyring = EnvKeyring(",".join(f"{id}:{roots.keys[id].hex()}" for id in order), production=False)
    opened = 0
    for tenant in await keeping.key_tenants():
        for row in await shelf.load_keys(tenant):
            if row.state != DESTROYED:
                await open_row(keyring, row, tenant)
                opened += 1
    return Proof(tuple(order), opened)


def restore_keyring(path: Path, roots: RootSet) -> None:
    """Write the keyring file. Raises Conflict (`keyring_exists`), Unavailable."""
    if path.exists():
        raise Conflict(f"there is a keyring {path}; it is not replaced", code="keyring_exists")
    write_keyring(path, roots)
    if keyring_at(path) != roots:
        raise Unavailable(f"keyring {path} was not written as it should be", code="keyring_unwritable")


def _line(set_id: str, threshold: int, number: int, values: bytes) -> str:
    head = f"hwk1-{set_id}-{threshold}-{number}-{base64.b32encode(values).decode().rstrip('=')}"
    return f"{head}-{hashlib.sha256(head.encode()).hexdigest()[:8]}"


def _read(line: str) -> tuple[str, int, int, bytes]:
    text = line.strip()
    match = _LINE.fullmatch(text)
    if match is None or hashlib.sha256(text[:-9].encode()).hexdigest()[:8] != match[5]:
        raise Invalid("a share is not written as it was printed", code="bad_share")
    digits = match[4] + "=" * (-len(match[4]) % 8)
    try:
        return match[1], int(match[2]), int(match[3]), base64.b32decode(digits)
    except binascii.Error as error:
        raise Invalid("a share is not written as it was printed", code="bad_share") from error


def _check(plain: bytes) -> bytes:
    return hashlib.sha256(b"hirewire/keyring/1" + plain).digest()[:CHECK]
