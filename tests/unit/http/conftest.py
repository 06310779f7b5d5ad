"""Channels to no vendor at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from hub.adapters.clock import ManualClock
from hub.domain.connections import Connection, Lane
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.transport import Channel


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def channel() -> Callable[..., Channel]:
    def make(
        wire: dict[str, object] | None = None,
        config: dict[str, object] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> Channel:
        connection = Connection(ConnectionId(1), TenantId(1), "con_1", "acme", "acme", config or {}, Lane())  # type: ignore[arg-type]
        return Channel(connection, secrets or {}, wire or {})  # type: ignore[arg-type]

    return make
