"""Start-up patience: a database that comes up after us is waited for, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from hub.domain.errors import Unavailable
from hub.ports.store import Store

T = TypeVar("T")
_PACE = wait_random_exponential(multiplier=0.1, max=2.0)


def patiently(act: Callable[[], T], seconds: float) -> T:
    """What `act` gives, tried again while it raises Unavailable, for about `seconds`; then the last error."""
    again = retry_if_exception_type(Unavailable)
    return Retrying(retry=again, stop=stop_after_delay(seconds), wait=_PACE, reraise=True)(act)


async def until_there(store: Store, seconds: float) -> None:
    """Until the store answers with a schema that is ours. Raises Unavailable after about `seconds`."""
    again = retry_if_exception_type(Unavailable)
    async for attempt in AsyncRetrying(retry=again, stop=stop_after_delay(seconds), wait=_PACE, reraise=True):
        with attempt:
            health = await store.health()
            if not health.ok:
                raise Unavailable(f"the store is not ready: {health.detail}", code="store_unavailable", after=1.0)
