"""Whose last worker died goes out a few at a time, whose last two died without other suspects; the innocent just flow."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from hub.app.delivery.suspects import QUIET, TOGETHER, Suspects
from hub.domain.deliveries import Delivery, State
from hub.domain.ids import DEFAULT_TENANT, ConnectionId, DeliveryId, EventId
from hub.ports.arrivals import StoredEvent
from hub.ports.queue import Claimed
from tests.support.arrivals import T0

PLAIN = Delivery(
    id=DeliveryId(1), event=EventId("evt_1"), tenant=DEFAULT_TENANT, connection=ConnectionId(1), revision=None,
    step="s", okey=None, state=State.LEASED, attempt=1, deferrals=0, run_lease=1, due_at=T0, received_at=T0,
)  # fmt: skip


def claimed(*crashes: int, first: int = 1, lane: int = 1) -> list[Claimed]:
    """Deliveries with so many crashes each."""
    rows = [
        replace(PLAIN, id=DeliveryId(number), connection=ConnectionId(lane), crashes=count)
        for number, count in enumerate(crashes, start=first)
    ]
    return [Claimed(row, cast("StoredEvent", None), {}) for row in rows]


def ids(some: list[Claimed]) -> list[int]:
    """Their numbers."""
    return [one.delivery.id for one in some]


def test_a_lane_sends_out_a_few_suspects_and_all_others() -> None:
    suspects = Suspects()
    go, wait = suspects.admit(claimed(*[1] * (TOGETHER + 2), 0, 0), [], T0, busy=False)
    assert ids(go) == [*range(1, TOGETHER + 1), TOGETHER + 3, TOGETHER + 4]
    assert ids(wait) == [TOGETHER + 1, TOGETHER + 2]
    out = [one.delivery for one in go if one.delivery.crashes]
    assert ids(suspects.admit(claimed(1, first=50, lane=2), out, T0, busy=True)[0]) == [50], "a lane has its own room"
    assert ids(suspects.admit(claimed(1, first=60), out, T0, busy=True)[0]) == []
    assert ids(suspects.admit(claimed(1, first=60), out[1:], T0, busy=True)[0]) == [60]
    assert not suspects.quiet(T0)


def test_whoever_crashed_twice_goes_alone() -> None:
    suspects = Suspects()
    go, wait = suspects.admit(claimed(0, 2, 2, 1), [], T0, busy=False)
    assert (ids(go), ids(wait)) == ([2], [1, 3, 4])
    assert suspects.quiet(T0), "and nothing is claimed meanwhile"
    assert ids(suspects.admit(claimed(2, first=3, lane=9), [], T0, busy=False)[0]) == [3]


def test_it_waits_until_the_others_have_ended_but_not_for_ever() -> None:
    suspects = Suspects()
    go, wait = suspects.admit(claimed(2, 1, 0), [], T0, busy=True)
    assert (ids(go), ids(wait)) == ([3], [1, 2])
    assert suspects.quiet(T0)
    late = T0 + QUIET
    assert not suspects.quiet(late), "somebody hangs: the others must flow"
    assert ids(suspects.admit(claimed(2, 0), [], late, busy=True)[0]) == [1]
    suspects = Suspects()
    suspects.admit(claimed(2), [], T0, busy=True)
    assert ids(suspects.admit(claimed(2), [claimed(1)[0].delivery], late, busy=True)[0]) == [], "never beside a suspect"
