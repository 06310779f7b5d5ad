"""Candidates: their opaque id and their story."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, FromQuery

from hub.domain.errors import Invalid, NotFound
from hub.domain.identifiers import Identifier
from hub.web import dto
from hub.web.auth import caller_of, hub_of, may_reveal, scope
from hub.web.bodies import json_fields, takes, text_field
from hub.web.dto_rules import CandidateWhyView
from hub.web.problems import may_answer

EMAIL = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.EMAIL, max_length=254)

FIND = {
    "email": EMAIL,
    **{
        str(kind): Schema(type=OpenAPIType.STRING, max_length=256)
        for kind in Identifier
        if kind is not Identifier.EMAIL
    },
    "connection": Schema(type=OpenAPIType.STRING, max_length=100),
}


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

    @post(
        "/find",
        operation_id="findCandidates",
        opt=scope("events:read", "candidate.find", reads="candidate.find"),
        status_code=200,
        operation_class=takes(FIND),
        responses=may_answer(400, 401, 403, 404, 413, 422, 503),
        summary="Candidates by e-mail, phone, id number or an id elsewhere",
    )
    async def find(self, request: Request[Any, Any, Any]) -> dto.CandidatesFound:
        """Exactly one of `email`, `phone`, `id_number`, `external_id`; `connection` says whose external id it is.

        In the body, never in the address: addresses are written into logs. Equal values are found however they are written.
        """
        body = await json_fields(request, may=tuple(FIND))
        told = {kind: value for kind in Identifier if (value := text_field(body, kind)) is not None}
        if len(told) != 1:
            raise Invalid("say one of email, phone, id_number, external_id", code="missing")
        [(kind, value)] = told.items()
        found = await hub_of(request).find(caller_of(request).tenant, kind, value, text_field(body, "connection"))
        return dto.CandidatesFound(found)

    @get(
        "/{candidate_id:str}/timeline",
        operation_id="getTimeline",
        opt=scope("events:read", "candidate.timeline", reads="candidate.read"),
        responses=may_answer(401, 403, 404, 503),
        summary="A candidate's story: events, deliveries, causes",
    )
    async def timeline(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> dto.Timeline:
        """Oldest first; only ids, no personal data."""
        hub, tenant = hub_of(request), caller_of(request).tenant
        entries = await hub.queries.timeline(tenant, candidate_id)
        if not entries:
            raise NotFound("there is no such candidate")
        held = await hub.holds.held(tenant, candidate_id)
        erased = any(one.closed for one in await hub.erasures.every(tenant, candidate_id))
        return dto.Timeline(candidate_id, [dto.TimelineLine.of(e) for e in entries], held, erased)

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
