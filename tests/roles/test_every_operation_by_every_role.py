"""Every operation of the document, as each role, programs, tokens, another tenant and nobody: the long form."""

from __future__ import annotations

import inspect
import os
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar, Response, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.adapters.db import open_store
from hub.app.access import Caller
from hub.domain.permissions import Context, Decision, Object, Subject
from hub.ports.store import Store
from hub.web import auth, deliveries, signed
from hub.web.app import create_app
from hub.web.auth import does
from hub.web.bodies import takes
from tests.roles.judging import Judge
from tests.roles.people import Identity, everybody
from tests.roles.thrown import BASE, Call, calls, cases, operations, probes_the_shape, sent
from tests.roles.world import OTHER, Place, named, personal
from tests.support.hubs import TENANT, Bench, bench
from tests.support.one_app import no_metrics

EXAMPLES = {"memory": 12, "postgres": 4}
LEAST = {"memory": 90_000, "postgres": 10_000}
WIDE = ("hr_admin", "security_admin", "token")  # who gets far


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
@pytest.mark.parametrize("kind", ["memory", "postgres"])
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


def of(*paths: str) -> Callable[[str], bool]:
    return lambda label: label.split(" ")[1] in paths


def whats(judge: Judge) -> set[tuple[str, str]]:
    """What was found, and where."""
    return {(key[0], key[1].split(" ")[1]) for key in judge.faults}


async def test_who_may_be_unknown_may_be_too_many_and_what_reads_a_body_says_which() -> None:
    """Of all operations: 429 wherever there is a 401, and a body wherever the product reads one."""
    app = create_app(bench().hub, no_metrics, "0.0.0")
    reads = {
        str(handler.operation_id)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if re.search(r"json_fields\(|parse_json\(|_json\(|\.stream\(\)|\.form\(", inspect.getsource(handler.fn))
    }
    found = {
        one.definition.raw["operationId"]: one.definition.raw for one in operations(app.openapi_schema.to_schema())
    }
    silent = [id for id, raw in found.items() if "401" in raw["responses"] and "429" not in raw["responses"]]
    assert silent == []
    assert len(reads) > 40
    assert [id for id in reads if "requestBody" not in found[id]] == []


SOME = of(
    "/v1/events/{event_id}", "/v1/people", "/v1/candidates/{candidate_id}/profile", "/v1/deliveries/{delivery_id}"
)


async def test_a_few_operations_by_every_role() -> None:
    """What the planted faults below are held against, and what is asked twice is the same."""
    told = []
    for _ in range(2):
        async with crowd() as made:
            made.only = SOME
            judge = await made.throws(2, 5)
        assert not judge.faults, judge.sentence()
        told.append((judge.answers, judge.let_in))
    assert told[0] == told[1]
    met = {who for action, who in told[0][1] if action == "event.payload"}
    assert met == {
        *("integrator", "ops", "hr_admin", "hr_admin_elsewhere", "hr_manager", "recruiter", "client_system"),
        *("token", "token_that_reads", "token_of_another_tenant", "hr_admin_of_another_tenant"),
    }


class Said(msgspec.Struct):
    """What the planted routes say they say."""

    number: int


@get("/v1/planted/teapot", operation_id="teapot", opt=does("self.use"), sync_to_thread=False)
def teapot() -> Response[None]:
    return Response(None, status_code=418)


@get("/v1/planted/shape", operation_id="shape", opt=does("self.use"), sync_to_thread=False)
def shape() -> Said:
    return {"number": "seven"}  # type: ignore[return-value]


@get("/v1/planted/breaks", operation_id="breaks", opt=does("self.use"), sync_to_thread=False)
def breaks() -> Said:
    raise ZeroDivisionError


@get("/v1/planted/foreign", operation_id="foreign", opt=does("self.use"), sync_to_thread=False)
def foreign() -> dict[str, str]:
    return {"name": named("foreign")}


@get("/v1/planted/plain", operation_id="plain", opt=does("audit.read"), sync_to_thread=False)
def plain() -> dict[str, str]:
    return {"name": personal("own")}


@post(
    "/v1/planted/lax",
    operation_id="lax",
    opt=does("self.use"),
    status_code=200,
    operation_class=takes({"number": Schema(type=OpenAPIType.INTEGER)}, need=["number"]),
)
async def lax() -> dict[str, str]:
    return {}


async def test_planted_routes_are_found() -> None:
    async with crowd(None, teapot, shape, breaks, foreign, plain, lax) as made:
        made.only = lambda label: "/planted/" in label
        judge = await made.throws(2, 5)
    found = whats(judge)
    for what, path in (
        ("Undocumented status code", "teapot"), ("Response violates schema", "shape"), ("server_error", "breaks"),
        ("shows_named:foreign", "foreign"), ("shows_personal:own", "plain"), ("Schema-violating request accepted", "lax"),
    ):  # fmt: skip
        assert (what, f"/v1/planted/{path}") in found, (what, sorted(found))
    assert "ROLES_SEED=5" in judge.sentence()


async def test_planted_guards_and_masks_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that lets every person in, one that asks programs for no scope, a mask that hides nothing."""
    decided = signed.decide

    def lets_in(subject: Subject, action: str, object_: Object, context: Context) -> Decision:
        return replace(decided(subject, action, object_, context), allow=True)

    async with crowd() as made:
        made.only = SOME
        with monkeypatch.context() as patched:
            patched.setattr(signed, "decide", lets_in)
            people = whats(await made.throws(1, 5))
        with monkeypatch.context() as patched:
            patched.setattr(auth, "_refusal", lambda *_: None)
            programs = whats(await made.throws(1, 5))
    assert ("denied:no_role:own", "/v1/people") in people or ("denied:no_role:made", "/v1/people") in people
    assert ("denied:not_assigned:outside", "/v1/events/{event_id}") in people
    assert ("denied:missing_scope:made", "/v1/people") in programs


async def test_a_planted_read_of_another_tenant_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = deliveries.caller_of

    def caller_of(request: Any) -> Caller:
        one = real(request)
        return replace(one, tenant=OTHER) if one.tenant == TENANT else one

    async with crowd() as made:
        monkeypatch.setattr(deliveries, "caller_of", caller_of)
        made.only = of("/v1/deliveries/{delivery_id}")
        found = whats(await made.throws(1, 5))
    assert ("reached_another_tenant", "/v1/deliveries/{delivery_id}") in found
