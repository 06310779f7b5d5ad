"""The vault holds for any value in any place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.memory.keys import MemoryKeys
from hub.adapters.memory.tables import Tables
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.domain.errors import Conflict
from hub.domain.ids import TenantId
from hub.ports.vault import DataClass, Place, Vault

ONE = TenantId(1)
PLACE = Place(ONE, "event", "evt_1", "body")
anything = st.text(st.characters(exclude_categories=()), max_size=30)
places = st.builds(
    Place,
    st.just(ONE),
    anything,
    anything,
    anything,
    st.integers(min_value=0, max_value=2**40),
    st.sampled_from(DataClass),
)


@given(place=places, other=places, plain=st.binary(max_size=300), value=anything)
@settings(deadline=None, max_examples=150)
def test_any_value_in_any_place(place: Place, other: Place, plain: bytes, value: str) -> None:
    vault = _vault_for_properties()
    sealed = vault.seal(place, plain)
    assert vault.open(place, sealed) == plain
    if replace(other, owner=None) != place:
        with pytest.raises(Conflict):
            vault.open(other, sealed)
    assert len(vault.blind(place, value)) == 16
    assert vault.blind(place, value) == vault.blind(replace(place, row=""), value)


@given(junk=st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"HF\x01\x01" + tail))
@settings(deadline=None, max_examples=150)
def test_junk_is_a_conflict(junk: bytes) -> None:
    vault = _vault_for_properties()
    asyncio.run(vault.prepare(ONE, sealed=[junk]))
    with pytest.raises(Conflict):
        vault.open(PLACE, junk)


_KEPT = MemoryKeys(Tables())  # one shelf for all examples; nothing in them depends on another


def _vault_for_properties() -> Vault:
    vault = FieldVault(EnvKeyring("41" * 32, production=False), _KEPT)
    asyncio.run(vault.prepare(ONE))
    return vault
