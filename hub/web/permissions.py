"""What one may do and why not, requests for a second person, and the glass that two people break."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.people.approvals import Wanted
from hub.domain.errors import Invalid
from hub.domain.permissions import ACTIONS, Context, Object, decide
from hub.domain.permissions.deciding import PURPOSES, RECORDINGS
from hub.web import dto_people as dto
from hub.web.auth import caller_of, does, hub_of
from hub.web.bodies import json_fields, takes, text_field
from hub.web.problems import may_answer
from hub.web.signed import signed_of, subject_of
from mappings.documents import Document

LONGEST_TEXT = 500
_TEXT = Schema(type=OpenAPIType.STRING, max_length=LONGEST_TEXT)
_OBJECT = Schema(type=OpenAPIType.OBJECT)
_ACTION = Schema(type=OpenAPIType.STRING, enum=[*ACTIONS])
_CHANGES = may_answer(400, 401, 403, 404, 409, 413, 422, 503)


class PermissionsController(Controller):
    """`/v1/permissions`"""

    path = "/v1/permissions"
    tags = ("People",)

    @get(
        "/matrix",
        operation_id="getMatrix",
        opt=does("self.use"),
        responses=may_answer(401, 403, 503),
        summary="Ten roles and what each may do",
    )
    async def matrix(self) -> dto.MatrixView:
        """In both languages."""
        return dto.MatrixView.now()

    @post(
        "/check",
        operation_id="checkPermission",
        opt=does("self.use"),
        status_code=200,
        operation_class=takes(
            {"action": _ACTION, "candidate": _TEXT, "purpose": Schema(type=OpenAPIType.STRING, enum=[*PURPOSES])},
            need=["action"],
        ),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Whether I may do this, and what stands in the way",
    )
    async def check(self, request: Request[Any, Any, Any]) -> dto.DecisionView:
        """The same function that guards every call."""
        body = await json_fields(request, need=("action",), may=("candidate", "purpose"))
        subject, people = subject_of(request), hub_of(request).people
        action, candidate = text_field(body, "action") or "", text_field(body, "candidate")
        if action not in ACTIONS:
            raise Invalid("there is no such action", code="enum", at="action")
        if len(candidate or "") > LONGEST_TEXT:
            raise Invalid("a candidate's id is not that long", code="bad_id", at="candidate")
        if (purpose := text_field(body, "purpose")) not in (None, *PURPOSES):
            raise Invalid(f"a purpose is one of {', '.join(PURPOSES)}", code="enum", at="purpose")
        signed, _ = signed_of(request)
        found = Object(subject.tenant) if candidate is None else await people.reach.candidate(subject.tenant, candidate)
        now = people.clock.now()
        gone = candidate is not None and action in RECORDINGS
        gone = gone and await people.reach.withdrawn(subject.tenant, {"candidate": candidate or ""}, now)
        context = Context(now, purpose, signed.session.stepped_up_at, consent=not gone)
        return dto.DecisionView.of(decide(subject, action, found, context))


class ApprovalsController(Controller):
    """`/v1/approvals`"""

    path = "/v1/approvals"
    tags = ("People",)

    @get(
        "/",
        operation_id="listApprovals",
        opt=does("self.use"),
        responses=may_answer(401, 403, 503),
        summary="One's own requests, and those one may decide",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.ApprovalView]:
        """Ask for one to read what it wants."""
        return [dto.ApprovalView.of(a) for a in await hub_of(request).people.approvals.visible(subject_of(request))]

    @post(
        "/",
        operation_id="askApproval",
        opt=does("self.use"),
        operation_class=takes(
            {"action": _ACTION, "method": _TEXT, "path": _TEXT, "query": _OBJECT, "body": _OBJECT, "reason": _TEXT},
            need=["action", "method", "path", "reason"],
        ),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Ask a second person to approve exactly this call",
    )
    async def ask(self, request: Request[Any, Any, Any]) -> dto.ApprovalView:
        """Make the call with the approval's id in X-Approval within a day; one changed value and it is refused."""
        body = await json_fields(request, need=("action", "method", "path", "reason"), may=("query", "body"))
        query = body.get("query") or {}
        if not isinstance(query, dict) or not all(isinstance(one, str) for one in query.values()):
            raise Invalid("query holds texts", code="type", at="query")
        wanted = Wanted(
            text_field(body, "action") or "",
            (text_field(body, "method") or "").upper(),
            text_field(body, "path") or "",
            {name: str(value) for name, value in query.items()},
            body.get("body"),
        )
        approvals = hub_of(request).people.approvals
        return dto.ApprovalView.of(await approvals.ask(subject_of(request), wanted, text_field(body, "reason") or ""))

    @get(
        "/{approval_id:str}",
        operation_id="getApproval",
        opt=does("self.use"),
        responses=may_answer(401, 403, 404, 503),
        summary="A request with what it asks for and why",
    )
    async def one(self, request: Request[Any, Any, Any], approval_id: FromPath[str]) -> dto.ApprovalView:
        """For its proposer and who may decide it."""
        return dto.ApprovalView.of(*await hub_of(request).people.approvals.one(subject_of(request), approval_id))

    @post(
        "/{approval_id:str}/decision",
        operation_id="decideApproval",
        opt=does("self.use"),
        status_code=200,
        operation_class=takes(
            {"approve": Schema(type=OpenAPIType.BOOLEAN), "digest": _TEXT}, need=["approve", "digest"]
        ),
        responses=_CHANGES,
        summary="Approve or reject what somebody else asks for",
    )
    async def decide(self, request: Request[Any, Any, Any], approval_id: FromPath[str]) -> dto.ApprovalView:
        """`digest` is the one that was read: it says that nothing changed meanwhile."""
        body: Document = await json_fields(request, need=("approve", "digest"))
        if not isinstance(body["approve"], bool):
            raise Invalid("approve is true or false", code="type", at="approve")
        decided = await hub_of(request).people.approvals.decide(
            subject_of(request), approval_id, text_field(body, "digest") or "", approve=body["approve"]
        )
        return dto.ApprovalView.of(decided)


class BreakGlassController(Controller):
    """`/v1/break-glass`"""

    path = "/v1/break-glass"
    tags = ("People",)

    @get(
        "/",
        operation_id="listBrokenGlass",
        opt=does("account.read"),
        responses=may_answer(401, 403, 503),
        summary="Emergency access that is open now",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.GrantView]:
        """With who opened it and until when."""
        found = await hub_of(request).people.break_glass.open_now(caller_of(request).tenant)
        return [dto.GrantView.of(one) for one in found]

    @post(
        "/",
        operation_id="breakGlass",
        opt=does("break_glass.open"),
        operation_class=takes(
            {"person": _TEXT, "candidate": _TEXT, "reason": _TEXT}, need=["person", "candidate", "reason"]
        ),
        responses=_CHANGES,
        summary="Open one candidate's whole file to one person for half an hour",
    )
    async def open(self, request: Request[Any, Any, Any]) -> dto.GrantView:
        """Needs a recent second factor and a second person's approval (X-Approval); it raises an alarm."""
        body = await json_fields(request, need=("person", "candidate", "reason"))
        caller = caller_of(request)
        person, candidate = text_field(body, "person") or "", text_field(body, "candidate") or ""
        granted = await hub_of(request).people.break_glass(
            caller.tenant, person, candidate, text_field(body, "reason") or "", caller.id
        )
        return dto.GrantView.of(granted)
