"""Equal people are found however they are written, only within their tenant, and never by what has few values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.app.identify import Identify
from hub.domain.errors import Invalid
from hub.domain.identifiers import Identifier, normal_form
from hub.domain.ids import TenantId

ONE, TWO = TenantId(1), TenantId(2)
SAME: list[tuple[Identifier, list[str]]] = [
    (Identifier.EMAIL, ["lin.yue@example.com", " Lin.Yue@EXAMPLE.com ", "\uff2c\uff29\uff2e.yue@example.com"]),
    (
        Identifier.PHONE,
        [
            "+8613800138000",
            "138 0013 8000",
            "0086-138-0013-8000",
            "(+86) 138.0013.8000",
            "\uff11\uff13\uff18\uff10\uff10\uff11\uff13\uff18\uff10\uff10\uff10",
        ],
    ),
    (Identifier.PHONE, ["+861012345678", "010-1234 5678", "+86 (0)10 12345678"]),
    (Identifier.PHONE, ["+12025550143", "001 202 555 0143", "+1 (202) 555-0143"]),
    (Identifier.ID_NUMBER, ["11010519491231002X", "110105 19491231 002x", "110105491231002"]),
    (Identifier.ID_NUMBER, ["E12345678", "e1234 5678"]),
    (Identifier.EXTERNAL, ["A-17", " A-17 "]),
]


@pytest.fixture
def identify() -> Identify:
    store = MemoryStore(ManualClock())
    return Identify(FieldVault(EnvKeyring("41" * 32, production=False), store), store)


@pytest.mark.parametrize(("kind", "spellings"), SAME)
async def test_spellings_of_one_value_are_equal(identify: Identify, kind: Identifier, spellings: list[str]) -> None:
    found = {await identify.index(ONE, kind, one) for one in spellings}
    assert len(found) == 1
    assert len(found.pop()) == 16
    assert normal_form(kind, spellings[0]).casefold() == spellings[0].casefold()


async def test_others_differ_in_value_kind_tenant_and_system(identify: Identify) -> None:
    values = [
        await identify.index(ONE, Identifier.EXTERNAL, "13800138000", "ats"),
        await identify.index(ONE, Identifier.EXTERNAL, "13800138000", "hris"),
        await identify.index(ONE, Identifier.PHONE, "13800138000"),
        await identify.index(ONE, Identifier.PHONE, "13800138001"),
        await identify.index(TWO, Identifier.PHONE, "13800138000"),
        await identify.index(ONE, Identifier.ID_NUMBER, "13800138000"),
        await identify.index(ONE, Identifier.EXTERNAL, "a-17"),
        await identify.index(ONE, Identifier.EXTERNAL, "b-17"),
    ]
    assert len(set(values)) == len(values)


async def test_a_candidates_id_is_what_it_ever_was(identify: Identify) -> None:
    """Ids are stored in events: the index by e-mail address may never change."""
    assert await identify(ONE, " Ada@Example.com") == await identify(ONE, "ada@example.com")
    assert (await identify(ONE, "ada@example.com")).removeprefix("cand_") == (
        await identify.index(ONE, Identifier.EMAIL, "ada@example.com")
    ).hex()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((Identifier.EMAIL, bad) for bad in ("", "x", "@x", "x@", "a b@example.com", "x" * 250 + "@e.example")),
        *((Identifier.PHONE, bad) for bad in ("", "123", "+0123456789", "12345678901234567890", "call me", "+86138#12")),
        (Identifier.PHONE, "13800138000 ext 5"),
        *((Identifier.ID_NUMBER, bad) for bad in ("", "1", "110105194912310021", "林悦", "11010519491231002XX!")),
        *((Identifier.EXTERNAL, bad) for bad in ("", "a\x00b", "x" * 257)),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_without_repeating_it(kind: Identifier, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        normal_form(kind, value)
    assert caught.value.code == f"bad_{kind}"
    assert not value or value not in str(caught.value)


@given(kind=st.sampled_from(Identifier), value=st.text(max_size=40))
def test_the_normal_form_stays_the_same(kind: Identifier, value: str) -> None:
    try:
        once = normal_form(kind, value)
    except Invalid:
        return
    assert normal_form(kind, once) == once
