"""A dead, hanging or slow destination costs its neighbours nothing: in virtual time, so that it is the same each time."""

from __future__ import annotations

import pytest

from hub.app.delivery import lanes
from tests.simulator.neighbours import Street


@pytest.fixture(scope="module")
def calm() -> float:
    """The p99 of a destination that is alone."""
    return Street(0, "well").p99()


@pytest.mark.parametrize("bad", [1, 6])
@pytest.mark.parametrize("manner", ["refuses", "hangs"])
def test_bad_neighbours_move_the_p99_of_others_by_less_than_a_tenth(calm: float, bad: int, manner: str) -> None:
    """Six neighbours with 16 places each could hold twice what a worker may have under way."""
    assert Street(bad, manner).p99() <= calm * 1.1


def test_without_room_kept_back_they_would_wait(calm: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: lanes may take all there is."""
    monkeypatch.setattr(lanes, "lent", lambda wanted, running, free: (wanted, free))
    assert Street(6, "hangs").p99() > calm * 2


def test_a_lane_with_few_places_waits_for_nobody() -> None:
    """A burst through four places: what has ended is recorded at once, not after a wait for others that cannot come."""
    burst = Street(0, "well", events=200, every_s=0, concurrency=4, http_s=(0.002, 0.002))
    burst.p99()
    assert burst.last_s < 1.2 * 0.002 * 200 / 4
