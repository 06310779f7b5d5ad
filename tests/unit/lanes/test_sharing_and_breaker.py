"""The arithmetic of lanes: fair shares, token buckets, when a breaker opens, when an alarm is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.app.delivery.sharing import counted_at, fair_shares, lent, startable
from hub.domain.breaker import BreakerPolicy, Heard, Trouble, Window, failing, opened
from hub.domain.connections import Lane
from hub.domain.ids import TenantId
from hub.ports.lanes import Room

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WANTS = st.lists(st.tuples(st.integers(1, 4).map(TenantId), st.integers(0, 200)), max_size=12)


@given(WANTS, st.integers(0, 400), st.integers(0, 1000))
def test_shares_are_whole_wanted_and_all_used(wanted: list[tuple[TenantId, int]], room: int, turn: int) -> None:
    shares = fair_shares(wanted, room, turn)
    assert all(0 <= share <= want for share, (_, want) in zip(shares, wanted, strict=True))
    assert sum(shares) == min(room, sum(want for _, want in wanted))


@given(WANTS, st.integers(0, 400))
def test_no_tenant_gets_more_while_another_is_hungry(wanted: list[tuple[TenantId, int]], room: int) -> None:
    shares = fair_shares(wanted, room, 0)
    got: dict[TenantId, int] = {}
    want: dict[TenantId, int] = {}
    for share, (tenant, wants) in zip(shares, wanted, strict=True):
        got[tenant] = got.get(tenant, 0) + share
        want[tenant] = want.get(tenant, 0) + wants
    hungry = [got[tenant] for tenant in got if got[tenant] < want[tenant]]
    assert not hungry or max(got.values()) <= min(hungry) + 1


@given(st.lists(st.integers(0, 100), max_size=40), st.integers(1, 400))
def test_lanes_that_give_nothing_back_leave_a_part_of_the_places_to_others(wants: list[int], places: int) -> None:
    held = [0] * len(wants)
    for turn in range(10):
        free = places - sum(held)
        more, room = lent([want - has for want, has in zip(wants, held, strict=True)], held, free)
        shares = fair_shares([(TenantId(1), want) for want in more], room, turn)
        held = [has + share for has, share in zip(held, shares, strict=True)]
        assert all(has <= want for has, want in zip(held, wants, strict=True))
    hungry = sum(want > 0 for want in wants)
    assert places - sum(held) >= places // (2 * hungry + 1)
    assert hungry == 0 or places < 2 * hungry or all(has or not want for has, want in zip(held, wants, strict=True))


def test_a_lane_alone_has_half_of_the_places_and_one_that_holds_nothing_may_begin() -> None:
    assert lent([1000], [0], 400) == ([200], 200)
    assert lent([1000], [150], 250) == ([50], 125)
    assert lent([1000, 3], [200, 0], 1) == ([0, 1], 1)
    assert lent([5], [0], 0) == ([0], 0)


def test_a_buckets_time_never_moves_back() -> None:
    later = NOW + timedelta(seconds=1)
    assert counted_at(Room(0, 0, 1.0, later), NOW) == later
    assert counted_at(Room(0, 0, 1.0, NOW), later) == later
    assert counted_at(Room(0, 0, None, None), NOW) == NOW


def test_what_cannot_be_divided_goes_round() -> None:
    wanted = [(TenantId(1), 5), (TenantId(1), 5), (TenantId(1), 5)]
    turns = [fair_shares(wanted, 1, turn) for turn in range(3)]
    assert sorted(turns) == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


@given(st.floats(0.5, 50), st.lists(st.tuples(st.floats(0, 5), st.integers(0, 100)), max_size=40))
def test_a_bucket_never_gives_more_than_a_burst_and_its_rate(rate: float, steps: list[tuple[float, int]]) -> None:
    lane, room, now, taken = Lane(concurrency=1000, rate=rate), Room(0, 0, None, None), NOW, 0
    for wait, want in steps:
        now += timedelta(seconds=wait)
        free, tokens = startable(lane, room, now)
        assert tokens is not None
        take = min(free, want)
        taken += take
        room = Room(0, 0, tokens - take, now)
    assert taken <= max(1.0, rate) + rate * (now - NOW).total_seconds() + 0.001


def test_a_lane_whose_breaker_let_go_starts_one() -> None:
    assert startable(Lane(concurrency=8), Room(0, 1, None, None), NOW) == (1, None)
    assert startable(Lane(concurrency=8), Room(1, 1, None, None), NOW) == (0, None)
    assert startable(Lane(concurrency=8), Room(5, 0, None, None), NOW) == (3, None)


def test_silence_in_a_row_opens_and_an_answer_between_does_not() -> None:
    window = Window(BreakerPolicy())
    assert [window.add([Heard.NOTHING], n) for n in range(5)] == [False] * 4 + [True]
    window = Window(BreakerPolicy())
    told = [Heard.NOTHING] * 4 + [Heard.WELL] + [Heard.NOTHING] * 4
    assert not any(window.add([one], n) for n, one in enumerate(told))


def test_a_share_of_failures_opens_only_within_its_minute() -> None:
    window = Window(BreakerPolicy())
    assert window.add([Heard.BADLY] * 7 + [Heard.WELL] * 3, 0)
    window = Window(BreakerPolicy())
    assert not window.add([Heard.BADLY] * 9, 0)
    assert not window.add([Heard.BADLY], 61)


def test_the_breaker_stays_open_longer_each_time() -> None:
    policy, trouble, waits = BreakerPolicy(), Trouble(), []
    for _ in range(9):
        trouble, wait = opened(trouble, policy)
        waits.append(wait.total_seconds())
    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


def test_alarms_come_once_each() -> None:
    policy, trouble, alarms = BreakerPolicy(disable_after_s=100), Trouble(), []
    for second in range(0, 121, 10):
        trouble, alarm = failing(trouble, policy, NOW + timedelta(seconds=second))
        alarms.append(alarm)
    assert [alarm for alarm in alarms if alarm] == [50, 70, 90, 100]
    assert trouble.failing_since == NOW
