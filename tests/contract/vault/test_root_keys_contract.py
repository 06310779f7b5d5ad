"""What every provider of root keys keeps to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from hub.adapters.vault import RootKeys
from hub.adapters.vault.data_keys import new_row, open_row
from hub.domain.errors import Conflict, Unavailable
from hub.domain.ids import TenantId
from hub.ports.vault import KeyShelf

RootsMaker = Callable[[str], RootKeys]
KEY = bytes(range(32))


async def test_unwraps_what_it_wrapped_also_after_a_restart(make_roots: RootsMaker) -> None:
    wrapped = await make_roots("one").wrap(KEY)
    assert KEY not in wrapped.key
    assert await make_roots("one").unwrap(wrapped) == KEY


async def test_names_the_root_key_that_it_wrapped_with(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    assert (await roots.versions())[0] == wrapped.parent


async def test_another_keyring_is_refused_even_under_the_same_id(make_roots: RootsMaker) -> None:
    wrapped = await make_roots("one").wrap(KEY)
    other = make_roots("two")
    await other.wrap(KEY)
    with pytest.raises(Unavailable) as caught:
        await other.unwrap(replace(wrapped, parent=(await other.versions())[0]))
    assert caught.value.code in ("wrong_keyring", "key_provider_denied")  # KMS may say that it is not ours to ask


async def test_an_unknown_root_key_is_refused_and_no_other_is_tried(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    with pytest.raises(Unavailable) as caught:
        await roots.unwrap(replace(wrapped, parent="rk_9"))
    assert caught.value.code == "wrong_keyring"


async def test_every_bit_of_a_wrapped_key_counts(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    for bit in range(0, len(wrapped.key) * 8, 1 if roots.provider in ("file", "env") else 37):
        bad = bytearray(wrapped.key)
        bad[bit // 8] ^= 1 << bit % 8
        try:  # the last digit of Vault's base64 has bits that say nothing
            assert roots.provider == "vault"
            assert await roots.unwrap(replace(wrapped, key=bytes(bad))) == KEY
        except (AssertionError, Unavailable) as error:
            if isinstance(error, AssertionError):
                with pytest.raises(Unavailable):
                    await roots.unwrap(replace(wrapped, key=bytes(bad)))


@pytest.mark.parametrize("junk", [b"", b"\0", b"\0" * 15, b"\0" * 17, b"\0" * 40, b"\0" * 8192])
async def test_junk_in_place_of_a_wrapped_key_is_a_named_error(make_roots: RootsMaker, junk: bytes) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    with pytest.raises(Unavailable):
        await roots.unwrap(replace(wrapped, key=junk))


async def test_is_healthy_and_says_so(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    await roots.wrap(KEY)
    health = await roots.health()
    assert health.ok
    assert "root key" in health.detail


async def test_shows_no_key(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    await roots.wrap(KEY)
    shown = [repr(value) for value in vars(roots).values()]
    assert not any(re.search(r"(?<![0-9a-f-])b'", text) or "keys={" in text for text in shown)


async def test_what_was_wrapped_before_a_rotation_still_opens(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    old = await roots.wrap(KEY)
    if roots.provider in ("env", "aws-kms"):
        with pytest.raises(Conflict, match="first"):
            await roots.rotate()
        return
    new = await roots.rotate()
    assert (await roots.versions())[:2] == (new, old.parent)
    assert (await roots.wrap(KEY)).parent == new
    again = make_roots("one")
    assert await again.unwrap(old) == KEY
    assert await again.unwrap(await roots.wrap(KEY)) == KEY


async def test_a_wrapped_key_is_bound_to_what_it_is_for(make_roots: RootsMaker, shelf: KeyShelf) -> None:
    """By the provider itself where it can; by the commitment everywhere."""
    roots = make_roots("one")
    row = await new_row(roots, TenantId(1), "pii")
    for moved in (replace(row, tenant=TenantId(2)), replace(row, data_class="media"), replace(row, id=bytes(16))):
        with pytest.raises(Unavailable) as caught:
            await open_row(roots, moved, moved.tenant)
        assert caught.value.code == ("key_mismatch" if roots.provider in ("file", "env") else "wrong_keyring")
    assert (await open_row(roots, row, TenantId(1))).id == row.id
