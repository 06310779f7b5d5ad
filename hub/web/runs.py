"""Runs: rules under way, and what people decide about them."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery, QueryParameter

from hub.app.runs import ACTS, MANY
from hub.domain.errors import Invalid
from hub.domain.ids import RunId, read
from hub.domain.runs import RunState
from hub.web import dto
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, takes
from hub.web.paging import run_page
from hub.web.problems import may_answer
from mappings.documents import Document

STATES = tuple(str(state) for state in RunState)
LONGEST_WHY = 500


class RunsController(Controller):
    """`/v1/runs`"""

    path = "/v1/runs"
    tags = ("Runs",)

    @get(
        "/",
        operation_id="listRuns",
        opt=scope("runs:read", by=("candidate",)),
        responses=may_answer(400, 401, 403, 404, 422, 503),
        summary="Runs of rules whose steps take time, newest first",
    )
    async def every(
        self,
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: FromQuery[str | None] = None,
        run_state: Annotated[str | None, QueryParameter(name="state", enum=STATES)] = None,
        candidate: Annotated[str | None, QueryParameter(max_length=200)] = None,
        rule: Annotated[str | None, QueryParameter(max_length=200)] = None,
    ) -> dto.RunPage:
        """`gate` and `held` are those that wait for a person."""
        size, before = run_page(limit, cursor)
        found = await hub_of(request).runs.every(
            caller_of(request).tenant,
            limit=size,
            before=before,
            states=_states(run_state),
            subject=candidate,
            rule=rule,
        )
        views = [dto.RunSummary.of(view) for view in found]
        return dto.RunPage(views, views[-1].id if len(views) == size else None)

    @post(
        "/decisions",
        operation_id="decideRuns",
        opt=scope("runs:decide", by=("candidate",)),
        status_code=200,
        operation_class=takes(
            {
                "act": Schema(type=OpenAPIType.STRING, enum=list(MANY)),
                "why": Schema(type=OpenAPIType.STRING, max_length=LONGEST_WHY),
                "count_only": Schema(type=OpenAPIType.BOOLEAN),
            },
            need=["act"],
        ),
        responses=may_answer(400, 401, 403, 404, 413, 422, 503),
        summary="Release or discard all that are held, or cancel all that live, of a rule or a candidate",
    )
    async def decide_many(
        self,
        request: Request[Any, Any, Any],
        run_state: Annotated[str | None, QueryParameter(name="state", enum=STATES)] = None,
        candidate: Annotated[str | None, QueryParameter(max_length=200)] = None,
        rule: Annotated[str | None, QueryParameter(max_length=200)] = None,
    ) -> dto.RunsDecided:
        """At most a thousand in one call, newest first; `more` says that there are others. `count_only` changes nothing."""
        caller = caller_of(request)
        body = await json_fields(request, need=("act",), may=("why", "count_only"))
        counts = body.get("count_only", False)
        if not isinstance(counts, bool):
            raise Invalid("count_only is true or false", code="type", at="count_only")
        decided = await hub_of(request).runs.decide_many(
            caller.tenant,
            str(body["act"]),
            caller.approver,
            _why(body),
            states=_states(run_state),
            subject=candidate,
            rule=rule,
            count_only=counts,
        )
        return dto.RunsDecided(decided.count, decided.more)

    @get(
        "/{run_id:str}",
        operation_id="getRun",
        opt=scope("runs:read"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="One run: where it stands",
    )
    async def one(self, request: Request[Any, Any, Any], run_id: FromPath[str]) -> dto.RunSummary:
        """In both languages."""
        found = await hub_of(request).runs.one(caller_of(request).tenant, RunId(read("run", run_id)))
        return dto.RunSummary.of(found)

    @post(
        "/{run_id:str}/decision",
        operation_id="decideRun",
        opt=scope("runs:decide"),
        status_code=200,
        operation_class=takes(
            {
                "act": Schema(type=OpenAPIType.STRING, enum=list(ACTS)),
                "why": Schema(type=OpenAPIType.STRING, max_length=LONGEST_WHY),
            },
            need=["act"],
        ),
        responses=may_answer(400, 401, 403, 404, 409, 413, 422, 503),
        summary="Approve or reject at a gate, release or discard what is held, cancel",
    )
    async def decide(self, request: Request[Any, Any, Any], run_id: FromPath[str]) -> dto.RunSummary:
        """Written to the audit trail with who said it and, if told, why. A gate is answered by those whom it asks."""
        number, caller = RunId(read("run", run_id)), caller_of(request)
        body = await json_fields(request, need=("act",), may=("why",))
        act = body["act"]
        if act not in ACTS:
            raise Invalid(f"act is one of {', '.join(ACTS)}", code="enum", at="act")
        return dto.RunSummary.of(
            await hub_of(request).runs.decide(caller.tenant, number, str(act), caller.approver, _why(body))
        )


def _states(state: str | None) -> tuple[RunState, ...]:
    if state is not None and state not in STATES:
        raise Invalid(f"state is one of {', '.join(STATES)}", code="enum", at="state")
    return () if state is None else (RunState(state),)


def _why(body: Document) -> str | None:
    why = body.get("why")
    if "why" in body and (not isinstance(why, str) or len(why) > LONGEST_WHY or "\0" in why):
        raise Invalid(f"why is a text of at most {LONGEST_WHY} characters", code="type", at="why")
    return why if isinstance(why, str) else None
