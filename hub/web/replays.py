"""Sending many deliveries again, and dead letters by cause."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath

from hub.app.delivery.fixes import suggested_fix
from hub.app.delivery.replays import FASTEST
from hub.app.hub import Hub
from hub.domain.deliveries import Final
from hub.domain.errors import Invalid
from hub.domain.ids import TenantId, read, show
from hub.domain.replays import FAILED, ReplayJob, ReplayKind, ReplayWanted
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, moment_field, takes
from hub.web.problems import may_answer
from mappings.documents import Document


class ReplayView(msgspec.Struct):
    """A replay as far as it is; of a dry run only `total` is known and there is no `id`."""

    id: str | None
    state: str
    kind: str
    total: int
    done: int
    skipped: int
    current: bool
    per_second: float
    created_at: datetime | None
    created_by: str | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: ReplayJob) -> ReplayView:
        """From the record."""
        w = job.wanted
        return cls(
            show("rpl", job.id), str(job.state), str(w.kind), job.total, job.done, job.skipped, w.current, w.per_second,
            job.created_at, job.created_by, job.finished_at,
        )  # fmt: skip


class DeadGroupView(msgspec.Struct):
    """Dead letters of one cause, and what to do about them in both languages."""

    connection: str
    operation: str
    error: str | None
    count: int
    first: datetime
    last: datetime
    fix: dict[str, str]


TIME = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)


WANTED = {
    "kind": Schema(type=OpenAPIType.STRING, enum=[str(kind) for kind in ReplayKind], default="ended"),
    "states": Schema(
        type=OpenAPIType.ARRAY,
        min_items=1,
        items=Schema(type=OpenAPIType.STRING, enum=[str(final) for final in Final]),
        default=[str(final) for final in FAILED],
    ),
    "connection": Schema(type=OpenAPIType.STRING, max_length=100),
    "error": Schema(type=OpenAPIType.STRING, max_length=500),
    "event_type": Schema(type=OpenAPIType.STRING, max_length=100),
    "since": TIME,
    "until": TIME,
    "current": Schema(type=OpenAPIType.BOOLEAN, default=False),
    "per_second": Schema(type=OpenAPIType.NUMBER, exclusive_minimum=0, maximum=FASTEST, default=20),
    "dry_run": Schema(type=OpenAPIType.BOOLEAN, default=False),
}


class ReplaysController(Controller):
    """`/v1/replays`"""

    path = "/v1/replays"
    tags = ("Deliveries",)

    @get(
        "/",
        operation_id="listReplays",
        opt=scope("deliveries:read"),
        responses=may_answer(401, 403, 503),
        summary="Replays of many, newest first",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[ReplayView]:
        """The latest 50."""
        return [ReplayView.of(job) for job in await hub_of(request).replays.jobs(caller_of(request).tenant)]

    @post(
        "/",
        operation_id="startReplay",
        operation_class=takes(WANTED, nulls=False),
        opt=scope("deliveries:replay"),
        status_code=202,
        responses=may_answer(400, 401, 403, 404, 413, 415, 422, 503),
        summary="Send many deliveries again, or count them first (`dry_run`)",
    )
    async def start(self, request: Request[Any, Any, Any]) -> ReplayView:
        """`kind` ended (default): dead and expired deliveries, or those in `states`; missing: what today's rules want."""
        hub, caller = hub_of(request), caller_of(request)
        body = await json_fields(request, may=tuple(WANTED), bare=False)  # nobody sends all again by an empty call
        wanted = await wanted_of(hub, caller.tenant, body)
        if body.get("dry_run") is True:
            total = await hub.replays.count(caller.tenant, wanted)
            return ReplayView(
                None, "counted", str(wanted.kind), total, 0, 0, wanted.current, wanted.per_second, None, None, None
            )
        return ReplayView.of(await hub.replays.start(caller.tenant, wanted, caller.id))

    @get(
        "/{replay_id:str}",
        operation_id="getReplay",
        opt=scope("deliveries:read"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="One replay as far as it is",
    )
    async def one(self, request: Request[Any, Any, Any], replay_id: FromPath[str]) -> ReplayView:
        """Look again until `state` is done or cancelled."""
        return ReplayView.of(await hub_of(request).replays.job(caller_of(request).tenant, read("rpl", replay_id)))

    @post(
        "/{replay_id:str}/cancel",
        operation_id="cancelReplay",
        opt=scope("deliveries:replay"),
        status_code=200,
        responses=may_answer(400, 401, 403, 404, 409, 503),
        summary="Stop a replay; what was sent again stays sent",
    )
    async def cancel(self, request: Request[Any, Any, Any], replay_id: FromPath[str]) -> ReplayView:
        """Written to the audit trail."""
        caller = caller_of(request)
        return ReplayView.of(await hub_of(request).replays.cancel(caller.tenant, read("rpl", replay_id), caller.id))


class DeadLettersController(Controller):
    """`/v1/dead-letters`"""

    path = "/v1/dead-letters"
    tags = ("Deliveries",)

    @get(
        "/",
        operation_id="listDeadLetters",
        opt=scope("deliveries:read"),
        responses=may_answer(401, 403, 503),
        summary="Dead letters that were not sent again, grouped by cause",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[DeadGroupView]:
        """Most first. Release a group by starting a replay with its connection and error."""
        return [
            DeadGroupView(
                g.connection, g.operation, g.error, g.count, g.first, g.last,
                {language: suggested_fix(g.error, language) for language in ("en", "zh-CN")},
            )
            for g in await hub_of(request).replays.dead(caller_of(request).tenant)
        ]  # fmt: skip


async def wanted_of(hub: Hub, tenant: TenantId, body: Document) -> ReplayWanted:
    """The body of a request. Raises Invalid at its place."""
    book = await hub.library.book(tenant)
    connection = _text(body, "connection")
    if connection is not None and connection not in book.by_name:
        raise Invalid("there is no such connection", code="unknown_connection", at="connection")
    states, pace = body.get("states", list(FAILED)), body.get("per_second", 20.0)
    if not isinstance(states, list) or not states or any(state not in tuple(Final) for state in states):
        raise Invalid(f"states are some of {', '.join(Final)}", code="enum", at="states")
    if not isinstance(pace, int | float) or isinstance(pace, bool):
        raise Invalid("per_second is a number", code="type", at="per_second")
    kind = body.get("kind", "ended")
    if kind not in tuple(ReplayKind):
        raise Invalid("kind is ended or missing", code="enum", at="kind")
    for flag in ("current", "dry_run"):
        if not isinstance(body.get(flag, False), bool):
            raise Invalid(f"{flag} is true or false", code="type", at=flag)
    return ReplayWanted(
        kind=ReplayKind(kind),
        finals=tuple(Final(str(state)) for state in states),
        connection=None if connection is None else book.by_name[connection].id,
        error=_text(body, "error"),
        event_type=_text(body, "event_type"),
        since=moment_field(body, "since"),
        until=moment_field(body, "until"),
        current=body.get("current") is True,
        per_second=float(pace),
    )


def _text(body: Document, name: str) -> str | None:
    if name not in body:
        return None
    value = body[name]
    if not isinstance(value, str) or not value.isprintable() or len(value) > 500:
        raise Invalid(f"{name} is a text", code="type", at=name)
    return value
