"""Planted faults of signing in: a used code that is forgotten, and a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.oauth.oidc import Oidc
from hub.domain import rfc6238
from hub.domain.errors import Unauthorized
from tests.unit.sign_in.test_oidc_claims import NOW, end, oidc, token

SECRET = b"12345678901234567890"


def times_accepted(now: datetime, *, forgets: bool) -> int:
    """How often one code lets in, by a keeper of the last step or by one that forgets it."""
    given, last, times = rfc6238.code(SECRET, rfc6238.step_at(now)), 0, 0
    for _ in range(3):
        step = rfc6238.accepted_step(SECRET, given, now, 0 if forgets else last)
        if step is not None:
            last, times = step, times + 1
    return times


def test_a_code_that_is_forgotten_counts_again_and_is_seen() -> None:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert times_accepted(now, forgets=False) == 1
    assert times_accepted(now, forgets=True) == 3


async def test_a_clock_that_stands_still_accepts_an_expired_token_and_is_seen() -> None:
    seconds = int(NOW.timestamp())
    expired = token(iat=seconds - 7200, exp=seconds - 3600)
    with pytest.raises(Unauthorized):
        await end(oidc(expired))
    late = Oidc(oidc(expired).ask, ManualClock(NOW - timedelta(hours=2)))
    assert await end(late)
