"""Files sealed to a key that is elsewhere: what opens them, and everything that must not."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.vault import sealed_box
from hub.adapters.vault.sealed_box import CHUNK, STANZA, TAG, Sealing, Unsealing, generate, read_public, read_secret
from hub.domain.errors import Conflict, Invalid

ONE, TWO = (X25519PrivateKey.from_private_bytes(hashlib.sha256(name).digest()) for name in (b"one", b"two"))
MARK = b"a word that nobody may find"


def sealed(plain: bytes, *to: X25519PrivateKey) -> bytes:
    sealing = Sealing([one.public_key() for one in to or (ONE,)])
    return sealing.header + sealing.update(plain) + sealing.finish()


def opened(box: bytes, secret: X25519PrivateKey | None = ONE, step: int = 1 << 16) -> bytes:
    opening = Unsealing(secret=secret)
    plain = b"".join(opening.update(box[at : at + step]) for at in range(0, len(box), step))
    return plain + opening.finish()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])
def test_what_was_sealed_opens(size: int) -> None:
    plain = (MARK * (size // len(MARK) + 1))[:size]
    box = sealed(plain)
    assert opened(box) == plain
    assert MARK not in box
    assert len(box) == 51 + STANZA + size + TAG * max(1, -(-size // CHUNK))


@settings(max_examples=25)
@given(st.binary(max_size=200), st.integers(1, 400))
def test_pieces_of_any_size_open(plain: bytes, step: int) -> None:
    assert opened(sealed(plain), step=step) == plain


def test_each_of_several_keys_opens_and_no_other() -> None:
    box = sealed(MARK, ONE, TWO)
    assert opened(box, ONE) == opened(box, TWO) == MARK
    with pytest.raises(Conflict) as caught:
        opened(sealed(MARK, ONE), TWO)
    assert caught.value.code == "other_recipient"
    with pytest.raises(Conflict):
        opened(box, None)


def test_the_file_key_opens_its_own_file_only() -> None:
    first, second = Sealing([ONE.public_key()]), Sealing([ONE.public_key()])
    box = first.header + first.finish()
    assert Unsealing(file_key=first.file_key).update(box) == b""
    with pytest.raises(Conflict):
        Unsealing(file_key=second.file_key).update(box)


def test_every_flipped_bit_of_the_head_and_some_of_the_rest_are_refused() -> None:
    box = sealed(MARK * 5000)
    places = [*range(51 + STANZA), *range(51 + STANZA, len(box), len(box) // 300)]
    for place in places:
        changed = bytearray(box)
        changed[place] ^= 1 << (place % 8)
        with pytest.raises(Conflict):
            opened(bytes(changed))


def test_what_is_cut_off_or_changed_in_order_is_refused() -> None:
    box, head, chunk = sealed(MARK * 10_000), 51 + STANZA, CHUNK + TAG
    chunks = [box[at : at + chunk] for at in range(head, len(box), chunk)]
    assert len(chunks) > 3
    for parts in (chunks[:-1], chunks[1:], [chunks[1], chunks[0], *chunks[2:]], [*chunks, chunks[-1]], []):
        with pytest.raises(Conflict):
            opened(box[:head] + b"".join(parts))
    for size in (*range(0, head, 7), len(box) - 1):
        with pytest.raises(Conflict):
            opened(box[:size])


def test_keys_as_people_keep_them() -> None:
    public, secret = generate()
    assert read_secret(secret + "\n").public_key() == read_public(public)
    for bad in ("", public, secret[:-1], "age1xyz", secret.replace("secret", "sacred")):
        with pytest.raises(Invalid):
            read_secret(bad)
    with pytest.raises(Invalid):
        Sealing([])


STORED = (  # sealed once, kept for ever: what was written must stay readable
    "4857424b0101000163dd087494e3c95f61aa02a1570764438e6354c705135465d1992496782b54bf789ac99570b7f647"
    "3c471169b8b910ecd85999161d5999bfea8f40a0332b98fc68dc9a8a10ad3551044a2311ab984f3405fc44dfc25db0c0"
    "150e6f67e05e24000100002223280b9a46ee611912d0fb37cbf9b34abff257c3d46779a0e35574ffa59280632928ba3f"
    "ac71a6ff0267b9ffd0be1ce4c118a78694b59fd869d7ef25"
)


def test_the_first_version_of_the_format_stays_readable() -> None:
    assert opened(bytes.fromhex(STORED)) == b"kept for ever"


def test_a_skipped_commitment_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: a box whose commitment nobody compares opens no more than before, but says damaged, not whose."""
    box = bytearray(sealed(MARK))
    box[51 + STANZA - 1] ^= 1
    monkeypatch.setattr(sealed_box.hmac, "compare_digest", lambda *_: True)
    with pytest.raises(Conflict) as caught:
        opened(bytes(box))
    assert caught.value.code == "backup_damaged"
