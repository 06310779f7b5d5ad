"""Every column with sealed values is known to those who exchange keys, and can be walked along and changed on every store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import LargeBinary

from hub.adapters.db.tables import metadata
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.accounts import Factor, Person
from hub.ports.signing import SigningKey
from hub.ports.store import Store
from hub.ports.vault import SEALED_COLUMNS
from tests.support.stores import T0

# Bytes that are no sealed values: ids, hashes, wrapped keys, public keys.
IN_THE_CLEAR = {
    *("act.before", "act.hash", "act_chain.hash", "act_chain.floor_hash", "api_token.hash", "approval.digest"),
    *("data_key.id", "data_key.wrapped", "data_key.commitment", "owner_key.id", "owner_key.wrapped"),
    *("owner_key.commitment", "event.request_hash", "idempotency.identity", "idempotency.request_hash"),
    *("candidate_lookup.blind", "candidate_lookup.key"),
    *("service_account.hash", "signing_key.public"),
}


def test_every_column_of_bytes_is_known_as_sealed_or_as_not() -> None:
    """A sealed column that is missing in SEALED_COLUMNS would lose its key when a retired one is destroyed."""
    bytes_ = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert bytes_ - IN_THE_CLEAR == {column.name for column in SEALED_COLUMNS}
    assert bytes_ >= IN_THE_CLEAR


def person(number: int, tenant: TenantId = DEFAULT_TENANT) -> Person:
    return Person(
        id=f"usr_{number}", tenant=tenant, login=f"login{number}", state="active", clearance=1,
        sealed=b"sealed%d" % number, created_at=T0, secret=b"secret%d" % number if number % 2 else None,
    )  # fmt: skip


async def test_records_are_walked_along_and_changed(store: Store) -> None:
    shelf = store
    columns = {column.name: column for column in SEALED_COLUMNS}
    people = [*(person(n) for n in range(1, 6)), person(1, TenantId(2))]
    async with store.work() as work:
        for one in people:
            await work.add_record(one)
        await work.add_record(Factor("fac_1", DEFAULT_TENANT, "usr_1", "totp", "phone", b"sealed factor", T0))
        await work.add_signing_key(SigningKey("k1", DEFAULT_TENANT, b"p" * 32, b"sealed key", T0 + timedelta(1)))
    walked, at = [], ""
    while True:
        window = await shelf.sealed_window(columns["person.sealed"], at, 2)  # type: ignore[attr-defined]
        walked += window
        if len(window) < 2:
            break
        at = window[-1].at
    assert [(value.tenant, value.row, value.envelope) for value in walked] == [
        *((1, f"usr_{n}", b"sealed%d" % n) for n in range(1, 6)),
        (2, "usr_1", b"sealed1"),
    ]
    secrets = await shelf.sealed_window(columns["person.secret"], "", 10)  # type: ignore[attr-defined]
    assert [value.row for value in secrets] == ["usr_1", "usr_3", "usr_5", "usr_1"]
    for name in ("person.sealed", "person.secret", "factor.sealed", "signing_key.sealed"):
        [first, *_] = await shelf.sealed_window(columns[name], "", 10)  # type: ignore[attr-defined]
        stale = replace(first, envelope=b"another")
        assert await shelf.reseal(columns[name], [(stale.at, stale.envelope, b"x")]) == 0  # type: ignore[attr-defined]
        assert await shelf.reseal(columns[name], [(first.at, first.envelope, b"new")]) == 1  # type: ignore[attr-defined]
        [again, *_] = await shelf.sealed_window(columns[name], "", 10)  # type: ignore[attr-defined]
        assert again == replace(first, envelope=b"new")
    async with store.look() as look:
        kept = await look.record(Person, TenantId(2), "usr_1")
    assert kept is not None
    assert kept.sealed == b"sealed1"


@pytest.mark.parametrize("name", [column.name for column in SEALED_COLUMNS])
async def test_every_column_can_be_walked_along_empty(store: Store, name: str) -> None:
    column = next(column for column in SEALED_COLUMNS if column.name == name)
    assert await store.sealed_window(column, "", 10) == []  # type: ignore[attr-defined]
