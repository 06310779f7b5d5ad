"""Backtests: start one, watch it, cancel it."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.rules.backtests import DAYS, LONGEST
from hub.domain.errors import NotFound
from hub.ports.rules import Backtest
from hub.web import dto_rules as dto
from hub.web.auth import caller_of, hub_of, may_reveal, scope
from hub.web.bodies import json_fields, takes, whole_field
from hub.web.problems import may_answer


class BacktestsController(Controller):
    """`/v1/rules/{name}/backtests` and `/v1/backtests`"""

    path = "/v1"
    tags = ("Backtests",)

    @post(
        "/rules/{name:str}/backtests",
        operation_id="startBacktest",
        opt=scope("rules:write", "rule.backtest"),
        status_code=202,
        operation_class=takes(
            {
                "days": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=LONGEST, default=DAYS),
                "revision": Schema(type=OpenAPIType.INTEGER, minimum=1),
            }
        ),
        responses=may_answer(400, 401, 403, 404, 413, 422, 503),
        summary="Try a revision of a rule on past events; nothing is sent, ever",
    )
    async def start(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.BacktestView:
        """The latest revision unless another is named. The job goes on whatever becomes of this process."""
        body = await json_fields(request, may=("days", "revision"))
        caller, hub = caller_of(request), hub_of(request)
        days = whole_field(body, "days")
        job = await hub.backtests.start(
            caller.tenant,
            name,
            caller.id,
            days=DAYS if days is None else days,
            number=whole_field(body, "revision"),
        )
        return await _view(request, job)

    @get(
        "/rules/{name:str}/backtests",
        operation_id="listBacktests",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="The newest backtests of a rule",
    )
    async def every(self, request: Request[Any, Any, Any], name: FromPath[str]) -> list[dto.BacktestView]:
        """Of all its revisions, 20 at most."""
        found = await hub_of(request).backtests.of_rule(caller_of(request).tenant, name)
        return [await _view(request, job) for job in found]

    @get(
        "/backtests/{backtest_id:str}",
        operation_id="getBacktest",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="How far a backtest is, and its result",
    )
    async def one(self, request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> dto.BacktestView:
        """Counts and ids; nothing personal."""
        return await _view(request, await hub_of(request).backtests.one(caller_of(request).tenant, backtest_id))

    @get(
        "/backtests/{backtest_id:str}/candidates",
        operation_id="listBacktestCandidates",
        opt=scope("rules:read", reads="backtest.candidates"),
        responses=may_answer(401, 403, 404, 503),
        summary="The names of the candidates that a backtest shows",
    )
    async def candidates(self, request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> dict[str, str]:
        """By id. Personal values: needs `events:read` too."""
        hub, caller = hub_of(request), caller_of(request)
        may_reveal(caller, True)
        return await hub.backtests.names(await hub.backtests.one(caller.tenant, backtest_id))

    @post(
        "/backtests/{backtest_id:str}/cancel",
        operation_id="cancelBacktest",
        opt=scope("rules:write", "rule.backtest"),
        status_code=200,
        responses=may_answer(401, 403, 404, 409, 503),
        summary="End a backtest where it stands",
    )
    async def cancel(self, request: Request[Any, Any, Any], backtest_id: FromPath[str]) -> dto.BacktestView:
        """Whoever works on it stops within a second."""
        return await _view(request, await hub_of(request).backtests.cancel(caller_of(request).tenant, backtest_id))


async def _view(request: Request[Any, Any, Any], job: Backtest) -> dto.BacktestView:
    async with hub_of(request).store.look() as look:
        revision = await look.revision(job.revision)
    if revision is None:
        raise NotFound("the revision is not there any more")
    return dto.BacktestView.of(job, revision, hub_of(request).fields)
