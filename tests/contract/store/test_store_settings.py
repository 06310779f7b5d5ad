"""What people configured, who they are, what was ordered - and the version that caches follow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.audit import Act
from hub.domain.connections import ConnectionState, Lane, Ordering
from hub.domain.errors import Conflict, NotFound
from hub.domain.ids import DEFAULT_TENANT, ConnectionId, RevisionId, TenantId
from hub.ports.people import ApiToken, Order
from hub.ports.store import Store
from tests.support.arrivals import accept, arrival, make_lane, undone
from tests.support.stores import T0

BODY = {"on": "a.b@1", "when": {"score": 85.5, "名": "林悦", "flag": True}, "then": [None, 1]}


async def test_a_connection_is_found_by_name_handle_and_id(store: Store) -> None:
    lane = Lane(concurrency=2, rate=1.5, ordering=Ordering.KEY, timeout_s=7.25)
    made = await make_lane(store, "招聘", lane=lane, config={"名": ["林悦", 1, None]})
    assert (made.lane, made.state, made.held_until) == (lane, ConnectionState.ACTIVE, None)
    assert made.config == {"名": ["林悦", 1, None]}
    async with store.look() as look:
        assert await look.connection(DEFAULT_TENANT, "招聘") == made
        assert await look.connection(TenantId(2), "招聘") is None
        assert await look.connection_by_handle(made.handle) == made
        assert await look.connection_by_handle("con_none") is None
        assert await look.connection_by_id(made.id) == made
        assert await look.connection_by_id(ConnectionId(99)) is None


async def test_a_changed_connection_keeps_handle_state_and_secrets(store: Store) -> None:
    made = await make_lane(store)
    async with store.work() as work:
        await work.set_connection_state(made.id, ConnectionState.PAUSED)
        changed = await work.put_connection(
            DEFAULT_TENANT, "ats", handle="con_x", connector="acme2", config={}, lane=Lane(rate=2.0), secrets=None
        )
    assert (changed.id, changed.handle, changed.connector, changed.config) == (made.id, made.handle, "acme2", {})
    assert (changed.secrets, changed.state, changed.lane.rate) == (b"sealed", ConnectionState.PAUSED, 2.0)
    async with store.look() as look:
        assert await look.connections(DEFAULT_TENANT) == [changed]


async def test_connections_are_listed_by_name_and_by_tenant(store: Store) -> None:
    for name, tenant in (("b", 1), ("a", 1), ("a", 2)):
        await make_lane(store, name, TenantId(tenant))
    async with store.look() as look:
        assert [one.name for one in await look.connections(DEFAULT_TENANT)] == ["a", "b"]
        assert len(await look.connections(TenantId(2))) == 1


async def test_a_handle_belongs_to_one_connection(store: Store) -> None:
    made = await make_lane(store)
    with pytest.raises(Conflict):
        await make_lane(store, "other", handle=made.handle)
    with pytest.raises(NotFound):
        async with store.work() as work:
            await work.set_connection_state(ConnectionId(99), ConnectionState.ACTIVE)


async def test_rules_have_revisions(store: Store) -> None:
    async def put(body: dict[str, object], state: str, name: str = "invite"):
        async with store.work() as work:
            return await work.put_rule(DEFAULT_TENANT, name, body, state=state, by="tok_1", now=T0)

    draft = await put(BODY, "draft")
    assert (draft.state, draft.live, draft.latest.number, draft.latest.body) == ("draft", None, 1, BODY)
    assert (draft.latest.created_at, draft.latest.created_by, draft.latest.rule) == (T0, "tok_1", draft.id)
    live = await put(dict(reversed(BODY.items())), "live")
    assert (live.id, live.latest.id, live.live) == (draft.id, draft.latest.id, live.latest)
    second = await put({**BODY, "then": [None, True]}, "live")
    assert (second.id, second.latest.number, second.live) == (draft.id, 2, second.latest)
    paused = await put(second.latest.body, "paused")
    assert (paused.latest.id, paused.live, paused.state) == (second.latest.id, None, "paused")
    other = await put(BODY, "live", "advance")
    async with store.look() as look:
        assert await look.rules(DEFAULT_TENANT) == [other, paused]
        assert await look.rules(TenantId(2)) == []
        assert await look.revision(draft.latest.id) == draft.latest
        assert await look.revision(RevisionId(99)) is None


async def test_mapping_versions_are_immutable(store: Store) -> None:
    async with store.work() as work:
        await work.put_mapping(DEFAULT_TENANT, "hr", 1, BODY, T0)
        await work.put_mapping(DEFAULT_TENANT, "hr", 1, dict(reversed(BODY.items())), T0 + timedelta(days=1))
        await work.put_mapping(DEFAULT_TENANT, "hr", 2, {}, T0)
        await work.put_mapping(TenantId(2), "hr", 1, {}, T0)
    with pytest.raises(Conflict):
        async with store.work() as work:
            await work.put_mapping(DEFAULT_TENANT, "hr", 1, {}, T0)
    async with store.look() as look:
        first, second = await look.mappings(DEFAULT_TENANT)
    assert (first.name, first.version, first.body, first.created_at) == ("hr", 1, BODY, T0)
    assert second.version == 2


async def test_the_configuration_version_grows_with_every_committed_change(store: Store, open_another) -> None:
    other = open_another()

    async def version() -> int:
        async with other.look() as look:
            return await look.config_version()

    seen = [await version()]
    lane = await make_lane(store)
    seen.append(await version())
    async with store.work() as work:
        await work.set_connection_state(lane.id, ConnectionState.PAUSED)
    seen.append(await version())
    async with store.work() as work:
        await work.put_rule(DEFAULT_TENANT, "r", BODY, state="live", by="cli", now=T0)
    seen.append(await version())
    async with store.work() as work:
        await work.put_mapping(DEFAULT_TENANT, "m", 1, BODY, T0)
    seen.append(await version())
    assert seen == sorted(set(seen))
    async with undone(store) as work:
        await work.put_mapping(DEFAULT_TENANT, "m", 2, BODY, T0)
    async with store.work() as work:
        await work.accept([arrival(1)])
        await work.hold_lane(lane.id, T0)
    assert await version() == seen[-1]


async def test_tokens(store: Store) -> None:
    token = ApiToken("tok_1", DEFAULT_TENANT, "ci", b"h" * 32, frozenset({"b", "a"}), T0, T0 + timedelta(days=1))
    other = ApiToken("tok_2", TenantId(2), "ci", b"i" * 32, frozenset({"a"}), T0)
    async with store.work() as work:
        await work.add_token(token)
        await work.add_token(other)
    with pytest.raises(Conflict):
        async with store.work() as work:
            await work.add_token(token)
    async with store.look() as look:
        assert await look.token(b"h" * 32) == token
        assert await look.token(b"x" * 32) is None
        assert await look.tokens(DEFAULT_TENANT) == [token]
    async with store.work() as work:
        assert not await work.revoke_token(DEFAULT_TENANT, "tok_2", T0)
        assert await work.revoke_token(DEFAULT_TENANT, "tok_1", T0 + timedelta(hours=1))
        assert not await work.revoke_token(DEFAULT_TENANT, "tok_1", T0 + timedelta(hours=2))
    async with store.look() as look:
        assert (await look.token(b"h" * 32)).revoked_at == T0 + timedelta(hours=1)


async def test_audit_entries_stand_or_fall_with_the_act(store: Store) -> None:
    entry = Act(T0, DEFAULT_TENANT, "cli", "rule.put", "rul_1", {"name": "invite", "n": [1, None]})
    async with undone(store) as work:
        await work.audit(entry)
    async with store.look() as look:
        assert [row.act for row in await look.acts(DEFAULT_TENANT, 50)] == []
    async with store.work() as work:
        for number in range(3):
            await work.audit(Act(T0, DEFAULT_TENANT, "hub", "rule.put", f"rul_{number}"))
        await work.audit(entry)
        await work.audit(Act(T0, TenantId(2), "hub", "rule.put", "rul_9"))
    async with store.look() as look:
        entries = [row.act for row in await look.acts(DEFAULT_TENANT, 2)]
        assert entries[0] == entry
        assert entries[1].object == "rul_2"
        assert len([row.act for row in await look.acts(DEFAULT_TENANT, 50)]) == 4


async def test_orders(store: Store) -> None:
    lane = await make_lane(store)
    first = Order("ord_1", DEFAULT_TENANT, lane.id, "ai", "cand-1", "open", b"sealed\x00", T0, T0)
    second = Order("ord_0", DEFAULT_TENANT, lane.id, "ai", "cand-1", "open", b"", T0 + timedelta(seconds=1), T0)
    async with store.work() as work:
        await work.put_order(second)
        await work.put_order(first)
    done = Order("ord_1", DEFAULT_TENANT, lane.id, "ai", "cand-1", "completed", b"more", T0, T0 + timedelta(hours=1))
    async with store.work() as work:
        await work.put_order(done)
    async with store.look() as look:
        assert await look.order("ord_1") == done
        assert await look.order("ord_9") is None
        assert await look.orders_of(DEFAULT_TENANT, "cand-1") == [done, second]
        assert await look.orders_of(TenantId(2), "cand-1") == []


async def test_a_look_may_not_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"read.?only|readonly|query_only"):
        async with store.look() as look:
            await look.audit(Act(T0, DEFAULT_TENANT, "cli", "rule.put", "rul_1"))
    await accept(store, arrival(1))
