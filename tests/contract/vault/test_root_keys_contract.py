"""What every provider of root keys keeps to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hub.adapters.vault import RootKeys
from hub.domain.errors import Unavailable

RootsMaker = Callable[[str], RootKeys]
KEY = bytes(range(32))


async def test_unwraps_what_it_wrapped_also_after_a_restart(make_roots: RootsMaker) -> None:
    wrapped = await make_roots("one").wrap(KEY)
    assert KEY not in wrapped.key
    assert len(wrapped.key) == 40
    assert await make_roots("one").unwrap(wrapped) == KEY


async def test_names_the_root_key_that_it_wrapped_with(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    assert (await roots.versions())[0] == wrapped.parent == "rk_1"


async def test_another_keyring_is_refused_even_under_the_same_id(make_roots: RootsMaker) -> None:
    wrapped = await make_roots("one").wrap(KEY)
    other = make_roots("two")
    await other.wrap(KEY)
    with pytest.raises(Unavailable) as caught:
        await other.unwrap(wrapped)
    assert caught.value.code == "wrong_keyring"


async def test_an_unknown_root_key_is_refused_and_no_other_is_tried(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    with pytest.raises(Unavailable) as caught:
        await roots.unwrap(replace(wrapped, parent="rk_9"))
    assert caught.value.code == "wrong_keyring"


async def test_every_bit_of_a_wrapped_key_counts(make_roots: RootsMaker) -> None:
    roots = make_roots("one")
    wrapped = await roots.wrap(KEY)
    for bit in range(len(wrapped.key) * 8):
        bad = bytearray(wrapped.key)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Unavailable):
            await roots.unwrap(replace(wrapped, key=bytes(bad)))


@pytest.mark.parametrize("junk", [b"", b"\0", b"\0" * 15, b"\0" * 17, b"\0" * 40, b"\0" * 4096])
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
    assert any("rk_1" in text for text in shown)
    assert not any("b'" in text or "keys" in text.replace("keyring", "") for text in shown)
