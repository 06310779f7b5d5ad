"""The arithmetic of lanes: fair shares, token buckets, when a breaker opens, when an alarm is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.app.sharing import fair_shares, startable
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
