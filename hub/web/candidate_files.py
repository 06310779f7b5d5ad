"""A candidate's file by part: each part is its own right, and is cut to what the reader may see."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromPath

from hub.domain.audit import Grade
from hub.web.auth import caller_of, hub_of, scope
from hub.web.problems import may_answer

_ANSWERS = may_answer(401, 403, 404, 503)


class FilePartView(msgspec.Struct):
    """The newest that is known of a part, and the event that told it. Hidden values read `***`."""

    event_id: str
    at: datetime
    data: dict[str, object]


class CandidateFilesController(Controller):
    """`/v1/candidates/{candidate}/...`"""

    path = "/v1/candidates"
    tags = ("Candidates",)

    @get(
        "/{candidate_id:str}/profile",
        operation_id="getProfile",
        opt=scope("events:read", "candidate.read", reads="candidate.read"),
        responses=_ANSWERS,
        summary="Who a candidate is",
    )
    async def profile(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> FilePartView:
        """Name, contact, and what the application says."""
        return await _part(request, candidate_id, "profile")

    @get(
        "/{candidate_id:str}/resume",
        operation_id="getResume",
        opt=scope("events:read", "resume.read", reads="resume.read"),
        responses=_ANSWERS,
        summary="A candidate's resume",
    )
    async def resume(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> FilePartView:
        """Education, work, skills, documents."""
        return await _part(request, candidate_id, "resume")

    @get(
        "/{candidate_id:str}/report",
        operation_id="getReport",
        opt=scope("events:read", "report.read", reads="report.read"),
        responses=_ANSWERS,
        summary="The report of the AI interview; to recruiters the score alone",
    )
    async def report(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> FilePartView:
        """The newest."""
        return await _part(request, candidate_id, "report")

    @get(
        "/{candidate_id:str}/background-check",
        operation_id="getBackgroundCheck",
        opt=scope("events:read", "check.read", reads="check.read", grade=Grade.SENSITIVE),
        responses=_ANSWERS,
        summary="The background check, after a recent second factor",
    )
    async def check(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> FilePartView:
        """Sensitive personal data."""
        return await _part(request, candidate_id, "check")

    @get(
        "/{candidate_id:str}/background-check/status",
        operation_id="getBackgroundCheckStatus",
        opt=scope("events:read", "check.status", reads="check.status"),
        responses=_ANSWERS,
        summary="Where the background check stands, and no more",
    )
    async def status(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> FilePartView:
        """Its state and when it is due."""
        return await _part(request, candidate_id, "check", outcome_only=True)


async def _part(
    request: Request[Any, Any, Any], candidate: str, part: str, *, outcome_only: bool = False
) -> FilePartView:
    caller = caller_of(request)
    decision = caller.may(str(request.route_handler.opt["action"]))
    found = await hub_of(request).candidate_file(
        caller.tenant, candidate, part, show=decision.show, outcome_only=outcome_only or decision.outcome_only
    )
    return FilePartView(found.event, found.at, {**found.data})
