"""Format 1 of the field envelope, guarded by stored samples: what was ever written must open for ever."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.vault import EnvKeyring, Wrapped
from hub.adapters.vault.data_keys import commitment, normalised, open_row
from hub.adapters.vault.envelope import PREFIX, context, key_id, listed, open_sealed, seal
from hub.domain.errors import Conflict, Unavailable
from hub.domain.ids import TenantId
from hub.ports.vault import KeyRow, Place

KEY, NONCE, KEY_ID = bytes(range(32)), bytes(range(100, 112)), bytes(range(200, 216))
PLACE = Place(TenantId(7), "event", "evt_1", "body", 3)
PLAIN = "林悦".encode()
CONTEXT = "".join(
    (
        *("00000014", "48460101c8c9cacbcccdcecfd0d1d2d3d4d5d6d7"),
        *("00000001", "37"),
        *("00000005", "6576656e74"),
        *("00000005", "6576745f31"),
        *("00000004", "626f6479"),
        *("00000001", "33"),
    )
)
SEALED = "48460101c8c9cacbcccdcecfd0d1d2d3d4d5d6d76465666768696a6b6c6d6e6fae854980fb4ffc2d1547fa8d483e49b2c6296c6b0f34"
ROW_WRAPPED = "44a8570db2eadc20b94b53c497a018b22a806bebd43603dd594c26bfca848b602a23e4993f34fa32"
ROW_COMMIT = "735aa7f49c6e19a5e570c11dc004822ed304bcd99e460b54c824f92ffe743b9b"
BLIND = "04de74ec8623b3898a7f2cd5fcdae378"


def test_the_bound_context_is_this() -> None:
    assert context(PREFIX + KEY_ID, PLACE).hex() == CONTEXT


def test_a_stored_envelope_is_made_byte_by_byte_again() -> None:
    header = PREFIX + KEY_ID
    assert seal(AESGCM(KEY), header, NONCE, PLAIN, context(header, PLACE)).hex() == SEALED


def test_a_stored_envelope_opens() -> None:
    sealed = bytes.fromhex(SEALED)
    assert key_id(sealed) == KEY_ID
    assert open_sealed(AESGCM(KEY), sealed, bytes.fromhex(CONTEXT)) == PLAIN


async def test_a_stored_key_row_opens_and_blinds_as_ever() -> None:
    roots = EnvKeyring("41" * 32, production=False)
    row = KeyRow(KEY_ID, TenantId(7), "index", "rk_1", "active", bytes.fromhex(ROW_WRAPPED), bytes.fromhex(ROW_COMMIT))
    opened = await open_row(roots, row, TenantId(7))
    assert (await roots.wrap(KEY)) == Wrapped("rk_1", row.wrapped)
    assert commitment(KEY, KEY_ID, TenantId(7), "index") == row.commit
    assert opened.blind("person", "email", "Lin.Yue@example.com").hex() == BLIND
    assert KEY.hex() not in repr(opened)


@pytest.mark.parametrize(
    ("at", "value"), [(0, 0x47), (1, 0x45), (2, 0), (2, 2), (3, 0), (3, 2), (3, 3)], ids=lambda value: str(value)
)
def test_another_magic_version_or_algorithm_is_unknown(at: int, value: int) -> None:
    bad = bytearray.fromhex(SEALED)
    bad[at] = value
    with pytest.raises(Conflict) as caught:
        key_id(bytes(bad))
    assert caught.value.code == "unknown_envelope"


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_two_lists_never_give_the_same_bytes(left: list[bytes], right: list[bytes]) -> None:
    assert (listed(*left) == listed(*right)) == (left == right)


@given(st.text(st.characters(exclude_categories=())))
def test_normalising_twice_changes_nothing(value: str) -> None:
    assert normalised(normalised(value)) == normalised(value)


@pytest.mark.parametrize("size", [16, 31, 33, 64])
async def test_a_data_key_of_another_size_is_refused(size: int) -> None:
    roots = EnvKeyring("41" * 32, production=False)
    key = bytes(size)
    row = KeyRow(
        KEY_ID, TenantId(1), "pii", "rk_1", "active", (await roots.wrap(key)).key,
        commitment(key, KEY_ID, TenantId(1), "pii"),
    )  # fmt: skip
    with pytest.raises(Unavailable) as caught:
        await open_row(roots, row, TenantId(1))
    assert caught.value.code == "key_mismatch"
