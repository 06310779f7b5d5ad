"""Shares: any three of five give the keyring back, two give nothing, a slip of the pen is named."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import FieldVault, FileKeyring
from hub.adapters.vault.keyring import keyring_at
from hub.adapters.vault.recovery import joined, prove, restore_keyring, split_keyring
from hub.adapters.vault.root_keys import RootSet
from hub.adapters.vault.shamir import _inverse, _times, join, split
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.domain.ids import TenantId

# Shares of bytes 0 to 31, five of which three are needed, as another implementation (pyshamir 1.1.0, a port of HashiCorp
# Vault's) made them: the values, then the point.
STRANGERS = (
    "9660860df94b9aab57a0350483a17ca885431a253a1e584f42132c983bc9070222",
    "d95328f66f93961d6ea186c8ddb2b08bc7df938d61a330113026c76839dbd56410",
    "3bd6a92ea97794b92706235d25f7ee5953d11007b138d653827a3f8cac0409207a",
    "dda3c7d223295f71677f37d65bea45c6935857f6541f34b3a984ba0489c9f0e957",
    "e8b0b25c1f538c4ab17a954ff4b65633f1d9d8ab61a6bf5ff3205f2adb10799370",
)


def test_the_field_is_that_of_aes() -> None:
    """FIPS 197, section 4.2: {57}*{83}={c1}, {57}*{13}={fe}; appendix: the inverse of {53} is {ca}."""
    assert (_times(0x57, 0x83), _times(0x57, 0x13), _inverse(0x53)) == (0xC1, 0xFE, 0xCA)
    assert all(_times(a, _inverse(a)) == 1 for a in range(1, 256))


def test_shares_of_another_implementation_are_joined() -> None:
    shares = [(raw[-1], raw[:-1]) for raw in map(bytes.fromhex, STRANGERS)]
    for three in itertools.combinations(shares, 3):
        assert join(three) == bytes(range(32))


@given(secret=st.binary(min_size=1, max_size=40), sizes=st.tuples(st.integers(2, 6), st.integers(0, 4)), data=st.data())
@settings(max_examples=60, deadline=None)
def test_enough_shares_give_the_secret(secret: bytes, sizes: tuple[int, int], data: st.DataObject) -> None:
    threshold, more = sizes
    shares = split(secret, threshold, threshold + more)
    chosen = data.draw(st.permutations(shares))[:threshold]
    assert join(chosen) == secret


def test_fewer_shares_say_nothing() -> None:
    """With two of three shares every value of the secret is as likely: some third share leads to each."""
    (one, two, _) = split(b"\x2a", 3, 3)
    reached = {join([one, two, (9, bytes([value]))]) for value in range(256)}
    assert len(reached) == 256


@pytest.mark.parametrize(("threshold", "shares"), [(1, 3), (4, 3), (2, 256), (0, 0)])
def test_a_split_that_makes_no_sense_is_refused(threshold: int, shares: int) -> None:
    with pytest.raises(Invalid):
        split(b"x", threshold, shares)


@pytest.fixture
async def keyring(tmp_path: Path) -> Path:
    roots = FileKeyring(tmp_path / "keyring.json")
    await roots.wrap(bytes(32))
    await roots.rotate()
    return tmp_path / "keyring.json"


async def test_the_keyring_comes_back_from_any_three_of_five(keyring: Path, tmp_path: Path) -> None:
    store = MemoryStore(ManualClock())
    await FieldVault(FileKeyring(keyring), store).prepare(TenantId(1))
    lines = split_keyring(keyring, 3, 5)
    assert len(set(lines)) == 5
    assert not any(
        key.hex() in line for key in (keyring_at(keyring) or RootSet("", {})).keys.values() for line in lines
    )
    for three in itertools.combinations(lines, 3):
        roots = joined(three)
        assert roots == keyring_at(keyring)
    proof = await prove(roots, store, store)
    assert (proof.roots, proof.keys) == (("rk_2", "rk_1"), 5)
    with pytest.raises(Conflict) as caught:
        restore_keyring(keyring, roots)
    assert caught.value.code == "keyring_exists"
    restore_keyring(tmp_path / "new" / "keyring.json", roots)
    assert await FileKeyring(tmp_path / "new" / "keyring.json").versions() == ("rk_2", "rk_1")


async def test_shares_of_another_keyring_prove_nothing(keyring: Path, tmp_path: Path) -> None:
    store = MemoryStore(ManualClock())
    await FieldVault(FileKeyring(keyring), store).prepare(TenantId(1))
    other = tmp_path / "other" / "keyring.json"
    await FileKeyring(other).wrap(bytes(32))
    with pytest.raises(Unavailable) as caught:
        await prove(joined(split_keyring(other, 2, 2)), store, store)
    assert caught.value.code == "wrong_keyring"


async def test_what_is_wrong_with_shares_is_said(keyring: Path, tmp_path: Path) -> None:
    lines, others = split_keyring(keyring, 3, 5), split_keyring(keyring, 3, 5)
    slip = lines[0][:40] + ("A" if lines[0][40] != "A" else "B") + lines[0][41:]
    for bad, code in (
        ([], "bad_share"),
        (["what is this"], "bad_share"),
        (lines[:2], "too_few_shares"),
        ([lines[0], lines[0], lines[1]], "too_few_shares"),
        ([*lines[:2], others[2]], "bad_share"),
        ([slip, *lines[1:3]], "bad_share"),
    ):
        with pytest.raises(Invalid) as caught:
            joined(bad)
        assert caught.value.code == code
    with pytest.raises(NotFound):
        split_keyring(tmp_path / "none.json", 3, 5)
