"""The API over an in-memory hub, spoken to by HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from litestar.testing import AsyncTestClient

from hub.app.access import SCOPES
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, Bench, bench
from tests.support.one_app import app_over


@dataclass
class Api:
    """A client with a token of every scope, and the hub behind it."""

    client: AsyncTestClient  # type: ignore[type-arg]
    bench: Bench
    token: str

    @property
    def auth(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    _, token = await b.hub.access.make(TENANT, "test", [*SCOPES, "role:hr_owner"], "test")
    async with AsyncTestClient(app_over(b.hub)) as client:
        yield Api(client, b, token)
