"""Every operation of the document, as each role, programs, tokens, another tenant and nobody: the long form."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from litestar import Litestar

from hub.adapters.db import open_store
from hub.ports.store import Store
from hub.web.app import create_app
from tests.roles.judging import Judge
from tests.roles.people import Identity, everybody
from tests.roles.thrown import BASE, Call, calls, cases, operations, probes_the_shape, sent
from tests.roles.world import Place
from tests.support.hubs import TENANT, Bench, bench
from tests.support.one_app import no_metrics

EXAMPLES = {"memory": 12, "sqlite": 6, "postgres": 4}
LEAST = {"memory": 90_000, "sqlite": 20_000, "postgres": 20_000}
WIDE = ("hr_admin", "hr_manager", "security_admin", "client_system", "token", "token_of_another_tenant")  # who gets far


def seed_of() -> int:
    """Another one each time; ROLES_SEED says it again."""
    return int(os.environ.get("ROLES_SEED") or random.SystemRandom().randrange(1 << 32))


@dataclass
class Crowd:
    """An application and everybody in front of it."""

    app: Litestar
    bench: Bench
    who: list[Identity]
    places: dict[str, Place]
    only: Callable[[str], bool] = lambda label: True
    opts: dict[str, Any] = field(default_factory=dict)

    async def throws(self, examples: int, seed: int) -> Judge:
        """All calls, each by everybody in an order of chance."""
        judge, chance = Judge(seed), random.Random(seed)
        self.opts = {
            str(handler.operation_id): handler.opt
            for route in self.app.routes
            for handler in getattr(route, "route_handlers", [])
        }
        for operation in operations(self.app.openapi_schema.to_schema()):
            if not self.only(operation.label):
                continue
            for case in cases(operation, examples, seed):
                crowd = chance.sample(self.who, len(self.who))
                opt = self.opts[operation.definition.raw["operationId"]]
                for call in calls(case, opt, self.places, chance):
                    for who in crowd[:1] if probes_the_shape(case) else crowd:
                        await self.one(judge, call, who, opt)
        return judge

    async def one(self, judge: Judge, call: Call, who: Identity, opt: Any) -> None:
        answer = await sent(self.app, call, who.headers)
        if answer.status_code == 401 and b"bad_session" in answer.content and who.again is not None:
            who.headers = await who.again()  # an earlier call ended it
            answer = await sent(self.app, call, who.headers)
        judge(call, who, opt, answer)


@asynccontextmanager
async def crowd(store: Store | None = None, *handlers: Any) -> AsyncIterator[Crowd]:
    """Everybody in front of a hub on this store; `handlers` are routes that the product does not have."""
    b = bench(store)
    await b.hub.vault.prepare(TENANT)
    app = create_app(b.hub, no_metrics, "0.0.0")
    for handler in handlers:
        app.register(handler)
    transport = httpx.ASGITransport(app)  # on this loop: the application's locks belong to it
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        who, places = await everybody(b, client)
        yield Crowd(app, b, who, places)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
async def test_every_operation_by_every_role(kind: str, request: pytest.FixtureRequest) -> None:
    """In memory by all; what only a database can trip over, by those who get furthest."""
    store = None if kind == "memory" else open_store(request.getfixturevalue(f"{kind}_database"))
    async with crowd(store) as made:
        if kind != "memory":
            made.who = [one for one in made.who if one.name in WIDE]
        judge = await made.throws(EXAMPLES[kind], seed_of())
    if store is not None:
        await store.close()
    assert not judge.faults, judge.sentence()
    assert judge.answers > LEAST[kind]
