"""Candidates: their opaque id and their story."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, FromQuery

from hub.domain.errors import Invalid, NotFound
from hub.web import dto
from hub.web.auth import caller_of, hub_of, may_reveal, scope
from hub.web.bodies import json_fields, takes
from hub.web.dto_rules import CandidateWhyView
from hub.web.problems import may_answer

EMAIL = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.EMAIL, max_length=254)


class CandidatesController(Controller):
    """`/v1/candidates`"""

    path = "/v1/candidates"
    tags = ("Candidates",)

    @post(
        "/identify",
        operation_id="identifyCandidate",
        opt=scope("events:write", "candidate.identify"),
        status_code=200,
        operation_class=takes({"email": EMAIL}, need=["email"]),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="The candidate's opaque id from an e-mail address",
    )
    async def identify(self, request: Request[Any, Any, Any]) -> dto.CandidateId:
        """Equal for everybody who tells the same address; use it as the subject of events."""
        email = (await json_fields(request, need=("email",)))["email"]
        if not isinstance(email, str):
            raise Invalid("an address is a text", code="type", at="email")
        return dto.CandidateId(await hub_of(request).identify(caller_of(request).tenant, email))

    @get(
        "/{candidate_id:str}/timeline",
        operation_id="getTimeline",
        opt=scope("events:read", "candidate.timeline", reads="candidate.read"),
        responses=may_answer(401, 403, 404, 503),
        summary="A candidate's story: events, deliveries, causes",
    )
    async def timeline(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> dto.Timeline:
        """Oldest first; only ids, no personal data."""
        entries = await hub_of(request).queries.timeline(caller_of(request).tenant, candidate_id)
        if not entries:
            raise NotFound("there is no such candidate")
        return dto.Timeline(candidate_id, [dto.TimelineLine.of(e) for e in entries])

    @get(
        "/{candidate_id:str}/why",
        operation_id="whyCandidate",
        opt=scope("rules:read", reads="candidate.why"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="Why rules acted on a candidate's events, or why nothing happened",
    )
    async def why(
        self, request: Request[Any, Any, Any], candidate_id: FromPath[str], reveal: FromQuery[bool] = False
    ) -> CandidateWhyView:
        """The newest 50 events, and the rules for which nothing came. `reveal` needs `events:read` too."""
        caller = caller_of(request)
        may_reveal(caller, reveal)
        hub = hub_of(request)
        return CandidateWhyView.of(await hub.why.candidate(caller.tenant, candidate_id), hub.fields, reveal)
