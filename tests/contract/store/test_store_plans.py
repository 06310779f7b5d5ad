"""The claim stays on its index however long the backlog is."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from hub.adapters.db import SqlStore, open_store
from hub.adapters.db.columns import to_micros
from hub.adapters.db.consents import among_sql
from hub.adapters.db.link import Link
from hub.adapters.db.retention import (
    BY_INDEX,
    TABLES,
    TAG_REMOVE,
    TAG_STEP,
    WINDOW,
    drop_sql,
    free_sql,
    remove_sql,
    step_sql,
)
from hub.adapters.db.rules import SEALED
from hub.adapters.db.statements import HEADLESS
from hub.adapters.db.statements_postgres import CLAIM
from hub.adapters.db.statements_sqlite import claim_sql
from hub.domain.retention import Kind
from tests.support.arrivals import LEASE, make_lane
from tests.support.stores import T0

BACKLOGS = [50_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
LANES = 20
NOW = T0 + timedelta(hours=1)


async def _backlog(store: SqlStore, rows: int) -> list[int]:
    lanes = [(await make_lane(store, f"lane-{n}")).id for n in range(LANES)]
    micros = store._sqlite
    values = (
        "n, $1 + n % 20, 0, CASE WHEN n % 10 = 0 THEN 3 ELSE 0 END, CASE WHEN n % 10 = 0 THEN 'k' || n % 50 END"
        if micros
        else "n, $1::bigint + n % 20, 0, CASE WHEN n % 10 = 0 THEN 3 ELSE 0 END, CASE WHEN n % 10 = 0 THEN 'k' || n % 50 END"
    )
    source = (
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $4)"
        if micros
        else "WITH c AS (SELECT n FROM generate_series(1, $4::int) n)"
    )
    due = "$2 + n * 1000, $3" if micros else "$2::timestamptz + n * interval '1 ms', $3::timestamptz"
    event = "'0198f0c0000070008000000000000000'" if micros else "'0198f0c0000070008000000000000000'::uuid"
    at = to_micros(T0) if micros else T0
    async with store._link() as link:
        await link.driver(
            f"{source} INSERT INTO delivery (id, dest_id, tenant_id, state, okey, due_at, received_at, event_id, step) "
            f"SELECT {values}, {due}, {event}, 's' FROM c",
            lanes[0],
            at,
            at,
            rows,
        )
    return lanes


@pytest.fixture
async def sqlite_store(sqlite_database: str):
    store = open_store(sqlite_database)
    yield store
    await store.close()


@pytest.fixture
async def postgres_store(postgres_database: str):
    store = open_store(postgres_database)
    yield store
    await store.close()


async def _pg_plan(link: Link, sql: str, *parameters: object) -> str:
    rows = await link.driver(f"EXPLAIN (FORMAT JSON, ANALYZE, BUFFERS) {sql}", *parameters)
    plan = rows[0][0]
    return json.dumps(plan) if not isinstance(plan, str) else plan


@pytest.mark.parametrize("rows", BACKLOGS)
@pytest.mark.parametrize("analyzed", [True, False])
async def test_postgres_claims_by_the_lane_index(postgres_store: SqlStore, analyzed: bool, rows: int) -> None:
    lanes = await _backlog(postgres_store, rows)
    async with postgres_store._link() as link:
        if analyzed:
            await link.driver("ANALYZE delivery")
        since = [T0] * LANES
        for _ in range(7):  # past the fifth, the server may turn to its generic plan
            plan = await _pg_plan(link, CLAIM, lanes, [8] * LANES, since, NOW, "w", NOW + LEASE)
        scans = _nodes(json.loads(plan), "delivery")
    assert any(node.get("Index Name") == "delivery_lane" for node in scans), plan
    assert not any(node["Node Type"] == "Seq Scan" for node in scans), plan


@pytest.mark.parametrize("rows", BACKLOGS)
async def test_postgres_sweeps_and_lane_looks_stay_on_their_indexes(postgres_store: SqlStore, rows: int) -> None:
    await _backlog(postgres_store, rows)
    async with postgres_store._link() as link:
        await link.driver("ANALYZE delivery")
        awaited = json.loads(await _pg_plan(link, among_sql(False), 0, [f"recording c{n}" for n in range(100)]))
        plan = json.loads(await _pg_plan(link, HEADLESS, 500))
    assert not any(node["Node Type"] == "Seq Scan" for node in _nodes(awaited, "delivery")), awaited
    scans = _nodes(plan, "delivery")
    assert any(node.get("Index Name") == "delivery_wait" for node in scans), plan
    assert not any(node["Node Type"] == "Seq Scan" for node in scans), plan


@pytest.mark.parametrize("rows", BACKLOGS)
async def test_sqlite_claims_by_the_lane_index(sqlite_store: SqlStore, rows: int) -> None:
    lanes = await _backlog(sqlite_store, rows)
    calls = [value for lane in lanes for value in (lane, to_micros(T0), to_micros(NOW), 8)]
    async with sqlite_store._link() as link:
        rows = await link.driver("EXPLAIN QUERY PLAN " + claim_sql(LANES), "w", to_micros(NOW + LEASE), *calls)
        headless = await link.driver("EXPLAIN QUERY PLAN " + HEADLESS, 500)
        awaited = await link.driver("EXPLAIN QUERY PLAN " + among_sql(True), 0, "[]")
    assert "INDEX delivery_consent (tenant_id=? AND held_for_consent=?)" in awaited[0][3], awaited
    plan = "\n".join(row[3] for row in rows)
    assert plan.count("USING INDEX delivery_lane (dest_id=? AND due_at>? AND due_at<?)") == LANES, plan
    assert "SCAN delivery" not in plan, plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan, plan
    hops = "\n".join(row[3] for row in headless)
    assert "delivery_wait" in hops, hops
    assert "delivery_head" in hops, hops


async def test_sqlite_reads_events_for_a_backtest_by_their_type_without_sorting(sqlite_store: SqlStore) -> None:
    async with sqlite_store._link() as link:
        rows = await link.driver(f"EXPLAIN QUERY PLAN {SEALED}", 1, "a.b", "0" * 32, "f" * 32, 1000)
    plan = "\n".join(row[3] for row in rows)
    assert "USING INDEX event_type (tenant_id=? AND type=? AND id>? AND id<?)" in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    assert "SCAN" not in plan, plan


async def _history(store: SqlStore, rows: int) -> list[object]:
    """So many ended deliveries, runs and observations, one for each of so many events; returns 500 event ids."""
    micros = store._sqlite
    number = "printf('%032x', n)" if micros else "lpad(to_hex(n), 32, '0')::uuid"
    source = (
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1)"
        if micros
        else "WITH c AS (SELECT n FROM generate_series(1, $1::int) n)"
    )
    at = str(to_micros(T0)) if micros else f"'{T0.isoformat()}'::timestamptz"
    hash_ = "x'00'" if micros else "'\\x00'::bytea"
    columns = {
        "event (id, tenant_id, type, version, source, key, occurred_at, received_at, request_hash)": (
            f"{number}, 1, 't', 1, '/e', 'k' || n, {at}, {at}, {hash_}"
        ),
        "delivery_done (delivery_id, event_id, tenant_id, dest_id, step, final, attempts, received_at, finished_at, again)": (
            f"n, {number}, 1, 1, 's', CASE WHEN n % 9 = 0 THEN 'dead' ELSE 'delivered' END, 1, {at}, {at}, false"
        ),
        "run (tenant_id, rule_id, revision_id, event_id, at_event, state, created_at, changed_at, met)": (
            f"1, 1, 1, {number}, {number}, CASE WHEN n % 9 = 0 THEN 'waiting' ELSE 'done' END, {at}, {at}, '[]'"
        ),
        "observation (revision_id, event_id)": f"1, {number}",
        "tag_change (tenant_id, subject, tag, put, run_id, at)": f"1, 'cand_' || (n % 9000), 't', n % 2 = 0, 1, {at}",
    }
    async with store._link() as link:
        for table, values in columns.items():
            await link.driver(f"{source} INSERT INTO {table} SELECT {values} FROM c", rows)
        found = await link.driver("SELECT id FROM event ORDER BY id LIMIT 500")
    return [row[0] for row in found]


SWEPT = (*TABLES, None)
OLD = ("event", "delivery_done", "run", "observation", "delivery")


def _sweep_sql(kind: Kind | None, sqlite: bool) -> list[str]:
    """The statements of a step."""
    if kind is None:
        return [WINDOW, drop_sql(sqlite), *([] if sqlite else [free_sql()])]
    table, id_ = TABLES[kind]
    return [step_sql(table), remove_sql(table, id_, kind)]


@pytest.mark.parametrize("analyzed", [True, False])
async def test_postgres_sweeps_what_is_over_by_its_indexes(postgres_store: SqlStore, analyzed: bool) -> None:
    await _backlog(postgres_store, 20_000)
    ids = await _history(postgres_store, 50_000)
    span = {"$1": ids[0], "$2": ids[-1], "$3": ids[-1], "$4": NOW}
    async with postgres_store._link() as link:
        if analyzed:
            await link.driver("ANALYZE")  # all of the backlog is of one event: few different ones, it seems
        await link.driver(BY_INDEX)
        for kind in SWEPT:
            for sql in _sweep_sql(kind, sqlite=False):
                given = {"$1": ids, "$2": NOW, "$3": T0} if "ANY($1" in sql else {**span}
                given |= {"$3": 499} if "$3" in sql and ("LIMIT $3" in sql or "OFFSET $3" in sql) else {}
                plan = await _pg_plan(link, sql, *[value for name, value in given.items() if name in sql])
                scans = [node for table in OLD for node in _nodes(json.loads(plan), table)]
                assert not any(node["Node Type"] == "Seq Scan" for node in scans), (sql, plan)


async def test_sqlite_sweeps_what_is_over_by_its_indexes(sqlite_store: SqlStore) -> None:
    ids = await _history(sqlite_store, 2_000)
    async with sqlite_store._link() as link:
        await link.driver("ANALYZE")
        for kind in SWEPT:
            for sql in _sweep_sql(kind, sqlite=True):
                count = max(n for n in range(1, 5) if f"${n}" in sql)
                rows = await link.driver("EXPLAIN QUERY PLAN " + sql, *([json.dumps(ids), 1, 1, 1][:count]))
                plan = "\n".join(row[3] for row in rows)
                assert not [
                    line for line in plan.splitlines() if line.startswith("SCAN") and "json_each" not in line
                ], plan
                assert "TEMP B-TREE" not in plan, (sql, plan)


async def test_changes_of_tags_are_swept_by_the_indexes_of_candidates(
    postgres_store: SqlStore, sqlite_store: SqlStore
) -> None:
    await _history(postgres_store, 20_000)
    async with postgres_store._link() as link:
        await link.driver("ANALYZE")
        await link.driver(BY_INDEX)
        for sql, values in ((TAG_STEP, (0, 500, NOW)), (TAG_REMOVE, (0, 500, NOW))):
            plan = await _pg_plan(link, sql, *values)
            scans = [node for table in ("event", "tag_change") for node in _nodes(json.loads(plan), table)]
            assert scans
            assert not any(node["Node Type"] == "Seq Scan" for node in scans), (sql, plan)
        assert '"event_subject"' in plan, plan
        assert '"tag_change_subject"' in plan, plan
    await _history(sqlite_store, 2_000)
    async with sqlite_store._link() as link:
        await link.driver("ANALYZE")
        for sql in (TAG_STEP, TAG_REMOVE):
            rows = await link.driver("EXPLAIN QUERY PLAN " + sql, 0, 500, 1)
            plan = "\n".join(row[3] for row in rows)
            assert not [line for line in plan.splitlines() if line.startswith("SCAN") and line != "SCAN w"], plan
            assert "TEMP B-TREE" not in plan, plan
        assert plan.count("INDEX event_subject (tenant_id=? AND subject=?)") == 2, plan


def _nodes(plan: object, relation: str) -> list[dict[str, object]]:
    """Every node that reads the relation, or an index that only it has."""
    found: list[dict[str, object]] = []
    if isinstance(plan, list):
        for part in plan:
            found += _nodes(part, relation)
    elif isinstance(plan, dict):
        reads = plan.get("Relation Name") == relation and plan.get("Node Type") != "ModifyTable"
        if reads or str(plan.get("Index Name", "")).startswith(relation):
            found.append(plan)
        for part in plan.values():
            found += _nodes(part, relation)
    return found
