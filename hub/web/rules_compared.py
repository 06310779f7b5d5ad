"""A revision told beside the one in force."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, delete, get, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.rules.lifecycle import LONGEST_REASON
from hub.web import dto_rules as dto
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, takes, text_field, whole_field
from hub.web.problems import may_answer


class ComparisonsController(Controller):
    """`/v1/rules/{name}/beside`"""

    path = "/v1/rules"
    tags = ("Rules",)

    @get(
        "/{name:str}/beside",
        operation_id="getComparison",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="How a revision differs in what it would do from the one in force",
    )
    async def one(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.ComparisonView:
        """Counts since it began, and the newest events on which the two differ; ids only."""
        return dto.ComparisonView.of(await hub_of(request).comparisons.so_far(caller_of(request).tenant, name))

    @put(
        "/{name:str}/beside",
        operation_id="beginComparison",
        opt=scope("rules:write"),
        operation_class=takes(
            {
                "revision": Schema(type=OpenAPIType.INTEGER, minimum=1),
                "reason": Schema(type=OpenAPIType.STRING, max_length=LONGEST_REASON),
            }
        ),
        responses=may_answer(400, 401, 403, 404, 409, 413, 422, 503),
        summary="Tell a revision beside the one in force: it decides and is compared, and does nothing",
    )
    async def begin(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.ComparisonView:
        """The latest revision unless another is named. What is in force goes on acting."""
        body = await json_fields(request, may=("revision", "reason"))
        hub, caller = hub_of(request), caller_of(request)
        number, reason = whole_field(body, "revision"), text_field(body, "reason")
        await hub.comparisons.begin(caller.tenant, name, caller.id, number=number, reason=reason)
        return dto.ComparisonView.of(await hub.comparisons.so_far(caller.tenant, name))

    @delete(
        "/{name:str}/beside",
        operation_id="endComparison",
        opt=scope("rules:write"),
        status_code=204,
        responses=may_answer(401, 403, 404, 409, 503),
        summary="End the comparison",
    )
    async def end(self, request: Request[Any, Any, Any], name: FromPath[str]) -> None:
        """Putting a revision in force ends it too."""
        caller = caller_of(request)
        await hub_of(request).comparisons.end(caller.tenant, name, caller.id)
