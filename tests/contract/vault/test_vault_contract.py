"""What the vault keeps to, over every provider of root keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import pytest

from hub.adapters.vault import FieldVault, RootKeys
from hub.domain.errors import Conflict, Unavailable
from hub.domain.ids import TenantId
from hub.ports.vault import DataClass, KeyRow, KeyShelf, Place, Vault

pytestmark = pytest.mark.parametrize("provider", ["file", "env", "vault"], indirect=True)
RootsMaker = Callable[[str], RootKeys]
ONE, TWO = TenantId(1), TenantId(2)
PLACE = Place(ONE, "event", "evt_1", "body")
SECRET = "林悦 lin.yue@example.com".encode()
ELSEWHERE = {
    "row": replace(PLACE, row="evt_2"),
    "column": replace(PLACE, column="talk"),
    "table": replace(PLACE, table="attempt"),
    "schema version": replace(PLACE, version=2),
    "tenant": replace(PLACE, tenant=TWO),
    "class": replace(PLACE, data_class=DataClass.CREDENTIAL),
    "shifted border": replace(PLACE, table="even", row="tevt_1"),
}


class Rows(KeyShelf, Protocol):
    rows: list[KeyRow]


async def prepared(roots: RootKeys, shelf: KeyShelf, kind: type[FieldVault] = FieldVault) -> Vault:
    vault = kind(roots, shelf)
    await vault.prepare(ONE)
    await vault.prepare(TWO)
    return vault


async def check_refuses(vault: Vault, elsewhere: Place) -> None:
    """The check itself, so that it can be shown to fail on a vault that binds nothing."""
    sealed = vault.seal(PLACE, SECRET)
    assert vault.open(PLACE, sealed) == SECRET
    await vault.prepare(elsewhere.tenant, sealed=[sealed])
    with pytest.raises(Conflict) as caught:
        vault.open(elsewhere, sealed)
    assert caught.value.code == "sealed_elsewhere"


async def test_opens_what_it_sealed_also_after_a_restart(make_roots: RootsMaker, shelf: Rows) -> None:
    sealed = (await prepared(make_roots("one"), shelf)).seal(PLACE, SECRET)
    assert SECRET not in sealed
    assert len(sealed) == len(SECRET) + 48
    assert (await prepared(make_roots("one"), shelf)).open(PLACE, sealed) == SECRET


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_a_value_opens_only_where_it_was_sealed(make_roots: RootsMaker, shelf: Rows, where: str) -> None:
    await check_refuses(await prepared(make_roots("one"), shelf), ELSEWHERE[where])


class BindsNothing(FieldVault):
    """A vault with the fault that the check above is there for."""

    def _bound(self, key: object, place: Place) -> bytes:
        return b""


@pytest.mark.parametrize("where", ["row", "column", "table", "schema version", "shifted border"])
async def test_the_check_catches_a_vault_that_binds_nothing(make_roots: RootsMaker, shelf: Rows, where: str) -> None:
    broken = await prepared(make_roots("one"), shelf, BindsNothing)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await check_refuses(broken, ELSEWHERE[where])


async def test_every_flipped_bit_is_refused(make_roots: RootsMaker, shelf: Rows) -> None:
    vault = await prepared(make_roots("one"), shelf)
    sealed = vault.seal(PLACE, bytes(40))
    flips = len(sealed) * 8
    assert flips >= 700
    for bit in range(flips):
        bad = bytearray(sealed)
        bad[bit // 8] ^= 1 << bit % 8
        await vault.prepare(ONE, sealed=[bytes(bad)])
        with pytest.raises(Conflict) as caught:
            vault.open(PLACE, bytes(bad))
        assert caught.value.code == ("unknown_envelope" if bit < 4 * 8 else "sealed_elsewhere")


async def test_every_shortened_or_lengthened_envelope_is_refused(make_roots: RootsMaker, shelf: Rows) -> None:
    vault = await prepared(make_roots("one"), shelf)
    sealed = vault.seal(PLACE, SECRET)
    for end in range(len(sealed)):
        with pytest.raises(Conflict):
            vault.open(PLACE, sealed[:end])
    with pytest.raises(Conflict):
        vault.open(PLACE, sealed + b"\0")


async def test_no_nonce_comes_twice(make_roots: RootsMaker, shelf: Rows) -> None:
    vault = await prepared(make_roots("one"), shelf)
    assert len({vault.seal(PLACE, b"same")[20:32] for _ in range(5000)}) == 5000


async def test_a_tenant_that_was_not_prepared_is_unavailable(make_roots: RootsMaker, shelf: Rows) -> None:
    vault = FieldVault(make_roots("one"), shelf)
    acts: tuple[Callable[[], bytes], ...] = (
        lambda: vault.seal(PLACE, b""),
        lambda: vault.open(PLACE, b""),
        lambda: vault.blind(PLACE, ""),
    )
    for act in acts:
        with pytest.raises(Unavailable) as caught:
            act()
        assert caught.value.code == "vault_not_prepared"


async def test_keys_are_made_once_per_class_however_many_ask(make_roots: RootsMaker, shelf: Rows) -> None:
    roots = make_roots("one")
    vaults = [FieldVault(roots, shelf) for _ in range(4)]
    await asyncio.gather(*(vault.prepare(ONE) for vault in vaults for _ in range(3)))
    assert sorted(row.data_class for row in shelf.rows) == ["audit", "credential", "index", "media", "pii"]
    assert vaults[3].open(PLACE, vaults[0].seal(PLACE, SECRET)) == SECRET


async def test_the_first_writer_of_a_key_wins(make_roots: RootsMaker, shelf: Rows) -> None:
    """Another process stores its keys between our look and our write: we take theirs."""
    roots = make_roots("one")

    class Late:
        """A shelf on which somebody else is faster by one step."""

        async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
            return []

        async def add_key(self, row: KeyRow) -> KeyRow:
            return await shelf.add_key(row)

        def __getattr__(self, name: str) -> object:
            return getattr(shelf, name)

    first = FieldVault(roots, shelf)
    await first.prepare(ONE)
    second = FieldVault(roots, Late())  # type: ignore[arg-type]
    await second.prepare(ONE)
    assert len(shelf.rows) == 5
    assert second.open(PLACE, first.seal(PLACE, SECRET)) == SECRET


async def test_a_wrong_keyring_is_refused_and_touches_nothing(make_roots: RootsMaker, shelf: Rows) -> None:
    await FieldVault(make_roots("one"), shelf).prepare(ONE)
    shelf.rows.pop()  # one class is missing: a careless vault would make it under the wrong root key
    before = list(shelf.rows)
    vault = FieldVault(make_roots("two"), shelf)
    with pytest.raises(Unavailable) as caught:
        await vault.prepare(ONE)
    assert caught.value.code == "wrong_keyring"
    assert shelf.rows == before
    with pytest.raises(Unavailable):
        vault.seal(PLACE, SECRET)


@pytest.mark.parametrize(
    "moved",
    [
        lambda row: replace(row, tenant=TWO),
        lambda row: replace(row, data_class="credential" if row.data_class == "pii" else "pii"),
        lambda row: replace(row, id=bytes(16)),
        lambda row: replace(row, id=row.id[:8]),
        lambda row: replace(row, commit=bytes(32)),
        lambda row: replace(row, commit=b""),
    ],
    ids=["tenant", "class", "id", "short id", "commitment", "no commitment"],
)
async def test_a_key_row_that_was_moved_is_refused(
    make_roots: RootsMaker, shelf: Rows, moved: Callable[[KeyRow], KeyRow]
) -> None:
    await FieldVault(make_roots("one"), shelf).prepare(ONE)
    shelf.rows[0] = moved(shelf.rows[0])
    vault = FieldVault(make_roots("one"), shelf)
    with pytest.raises(Unavailable) as caught:
        await vault.prepare(shelf.rows[0].tenant)
    assert caught.value.code in ("key_mismatch", "wrong_keyring")  # some providers see it themselves


async def test_a_retired_key_opens_and_a_new_one_seals(make_roots: RootsMaker, shelf: Rows) -> None:
    old = (await prepared(make_roots("one"), shelf)).seal(PLACE, SECRET)
    shelf.rows[:] = [replace(row, state="retired") if row.data_class == "pii" else row for row in shelf.rows]
    vault = await prepared(make_roots("one"), shelf)
    assert vault.open(PLACE, old) == SECRET
    new = vault.seal(PLACE, SECRET)
    assert new[4:20] != old[4:20]
    assert vault.open(PLACE, new) == SECRET


async def test_a_destroyed_key_opens_nothing_and_says_why(make_roots: RootsMaker, shelf: Rows) -> None:
    sealed = (await prepared(make_roots("one"), shelf)).seal(PLACE, SECRET)
    shelf.rows[:] = [replace(row, state="destroyed", wrapped=bytes(40)) for row in shelf.rows]
    vault = await prepared(make_roots("one"), shelf)
    with pytest.raises(Conflict) as caught:
        vault.open(PLACE, sealed)
    assert caught.value.code == "key_destroyed"
    assert vault.open(PLACE, vault.seal(PLACE, b"new")) == b"new"


async def test_a_blind_index_finds_equal_values_and_only_those(make_roots: RootsMaker, shelf: Rows) -> None:
    vault = await prepared(make_roots("one"), shelf)
    mail = replace(PLACE, column="email")
    found = vault.blind(mail, "Lin.Yue@example.com")
    assert len(found) == 16
    full_width = "\uff2c\uff29\uff2e.yue@EXAMPLE.com"  # as a Chinese input method may leave it
    assert found == vault.blind(replace(mail, row="evt_9", version=3), full_width)
    others = [
        vault.blind(mail, "lin.yue@example.co"),
        vault.blind(replace(mail, column="phone"), "lin.yue@example.com"),
        vault.blind(replace(mail, table="person"), "lin.yue@example.com"),
        vault.blind(replace(mail, tenant=TWO), "lin.yue@example.com"),
    ]
    assert len({found, *others}) == 5
    assert (await prepared(make_roots("one"), shelf)).blind(mail, "lin.yue@example.com") == found


async def test_errors_hold_neither_the_value_nor_a_key(make_roots: RootsMaker, shelf: Rows) -> None:
    vault = await prepared(make_roots("one"), shelf)
    for elsewhere in ELSEWHERE.values():
        await vault.prepare(elsewhere.tenant, sealed=[vault.seal(PLACE, b"")])
        with pytest.raises(Conflict) as caught:
            vault.open(elsewhere, vault.seal(PLACE, b"canary-7261"))
        assert "canary" not in str(caught.value)
