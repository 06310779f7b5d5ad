"""The rights of the person: access, erasure, legal hold."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from hub.app.hub import Hub
from hub.domain.errors import Invalid, NotFound
from hub.ports.accounts import Erasure, Notice
from hub.ports.connector import Erases
from hub.web import dto_subjects as dto
from hub.web.auth import caller_of, does, hub_of, scope
from hub.web.bodies import json_fields, takes, text_field
from hub.web.problems import may_answer
from hub.web.signed import subject_of
from mappings.documents import Document

_REASON = {"reason": Schema(type=OpenAPIType.STRING, min_length=1, max_length=500)}
_DIGEST = Schema(type=OpenAPIType.STRING, min_length=64, max_length=64)
_DECISION = {"approve": Schema(type=OpenAPIType.BOOLEAN)}
_CHANGES = may_answer(400, 401, 403, 404, 409, 413, 422, 503)
_READS = may_answer(401, 403, 404, 503)


class SubjectsController(Controller):
    """`/v1/candidates/{candidate}/...`"""

    path = "/v1/candidates/{candidate_id:str}"
    tags = ("Candidates",)

    @get(
        "/export",
        operation_id="exportCandidate",
        opt=does("subject.export"),
        responses={
            **may_answer(400, 401, 403, 404, 503),
            200: ResponseSpec(bytes, media_type="application/zip", generate_examples=False),
        },
        summary="All that is held on a candidate, as an archive",
    )
    async def export(
        self, request: Request[Any, Any, Any], candidate_id: FromPath[str], recordings: FromQuery[bool] = False
    ) -> Stream:
        """JSON for machines, a page in each language, with `recordings` the recordings too. On the record."""
        caller, export = caller_of(request), hub_of(request).export
        if not await export.known(caller.tenant, candidate_id):
            raise NotFound("nothing is known of this candidate")
        files = export.files(caller.tenant, candidate_id, caller.id, recordings=recordings)
        headers = {"content-disposition": 'attachment; filename="candidate.zip"'}
        return Stream(export.zipped(files), media_type="application/zip", headers=headers)

    @get(
        "/rights",
        operation_id="getCandidateRights",
        opt=scope("subjects:read", "erasure.read"),
        responses=may_answer(401, 403, 503),
        summary="Whether a legal hold keeps a candidate's data, and its erasures",
    )
    async def rights(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> dto.RightsView:
        """Ids and times, no personal data."""
        hub, tenant = hub_of(request), caller_of(request).tenant
        holds = [dto.HoldView.of(one) for one in await hub.holds.every(tenant, candidate_id)]
        erasures = [dto.ErasureView.of(one) for one in await hub.erasures.every(tenant, candidate_id)]
        erased, held = any(one.closed for one in erasures), any(one.holds for one in holds)
        return dto.RightsView(candidate_id, held, erased, holds, erasures)

    @post(
        "/erasure",
        operation_id="askErasure",
        opt=scope("subjects:write", "erasure.ask"),
        operation_class=takes(_REASON, need=["reason"]),
        responses=_CHANGES,
        summary="Ask for a candidate's erasure",
    )
    async def erase(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> dto.ErasureView:
        """Two security administrators approve it. A legal hold stands in the way."""
        body, caller = await json_fields(request, need=("reason",)), caller_of(request)
        reason = text_field(body, "reason") or ""
        asked = await hub_of(request).erasures.ask(caller.tenant, candidate_id, reason, caller.id)
        return dto.ErasureView.of(asked, reason)

    @post(
        "/legal-hold",
        operation_id="askHold",
        opt=scope("subjects:write", "hold.ask"),
        operation_class=takes(_REASON, need=["reason"]),
        responses=_CHANGES,
        summary="Put a legal hold on a candidate's data",
    )
    async def hold(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> dto.HoldView:
        """It holds at once; a security administrator puts it in force or refuses it."""
        body, caller = await json_fields(request, need=("reason",)), caller_of(request)
        reason = text_field(body, "reason") or ""
        return dto.HoldView.of(await hub_of(request).holds.ask(caller.tenant, candidate_id, reason, caller.id))


class ErasuresController(Controller):
    """`/v1/erasures`"""

    path = "/v1/erasures"
    tags = ("Rights",)

    @get(
        "/",
        operation_id="listErasures",
        opt=scope("subjects:read", "erasure.read"),
        responses=may_answer(401, 403, 503),
        summary="All erasures",
    )
    async def every(self, request: Request[Any, Any, Any]) -> dto.ErasurePage:
        """Oldest first, without what vendors were told."""
        found = await hub_of(request).erasures.every(caller_of(request).tenant)
        return dto.ErasurePage([dto.ErasureView.of(one) for one in found])

    @get(
        "/{erasure_id:str}",
        operation_id="getErasure",
        opt=scope("subjects:read", "erasure.read"),
        responses=_READS,
        summary="One erasure, with every vendor that was told and what it answered",
    )
    async def one(self, request: Request[Any, Any, Any], erasure_id: FromPath[str]) -> dto.ErasureView:
        """Where the hub cannot tell a vendor, the notice says what a person has to do."""
        hub = hub_of(request)
        return await _view(hub, *await hub.erasures.one(caller_of(request).tenant, erasure_id))

    @post(
        "/{erasure_id:str}/decision",
        operation_id="decideErasure",
        opt=does("erasure.approve"),
        status_code=200,
        operation_class=takes({**_DECISION, "digest": _DIGEST}, need=["approve", "digest"]),
        responses=_CHANGES,
        summary="Approve or refuse an erasure; the second approval begins it",
    )
    async def decide(self, request: Request[Any, Any, Any], erasure_id: FromPath[str]) -> dto.ErasureView:
        """Neither approver is who asked. `digest` is the one that was read."""
        body: Document = await json_fields(request, need=("approve", "digest"))
        erasures, person = hub_of(request).erasures, subject_of(request)
        told, approve = text_field(body, "digest") or "", _yes(body)
        return dto.ErasureView.of(await erasures.decide(person.tenant, erasure_id, told, person.id, approve=approve))

    @get(
        "/{erasure_id:str}/certificate",
        operation_id="getCertificate",
        opt=scope("subjects:read", "erasure.read"),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="The signed certificate of an erasure",
    )
    async def certificate(self, request: Request[Any, Any, Any], erasure_id: FromPath[str]) -> dict[str, object]:
        """`hirewire subject verify` checks it, without the hub. It says where vendors stand now."""
        caller = caller_of(request)
        return {**await hub_of(request).erasures.certificate(caller.tenant, erasure_id, caller.id)}

    @post(
        "/{erasure_id:str}/notices/{notice_id:str}/acknowledgement",
        operation_id="acknowledgeErasure",
        opt=scope("subjects:write", "erasure.tell"),
        status_code=200,
        operation_class=takes({"reference": Schema(type=OpenAPIType.STRING, min_length=1, max_length=500)}),
        responses=_CHANGES,
        summary="Note that a vendor erased the candidate",
    )
    async def acknowledge(
        self, request: Request[Any, Any, Any], erasure_id: FromPath[str], notice_id: FromPath[str]
    ) -> dto.NoticeView:
        """`reference`: where the vendor's answer can be seen; no personal data."""
        body, caller, hub = await json_fields(request, may=("reference",)), caller_of(request), hub_of(request)
        reference = text_field(body, "reference")
        one = await hub.erasures.acknowledge(caller.tenant, erasure_id, notice_id, caller.id, reference)
        return dto.NoticeView.of(one, _erases(hub, one))


class HoldsController(Controller):
    """`/v1/legal-holds`"""

    path = "/v1/legal-holds"
    tags = ("Rights",)

    @get(
        "/",
        operation_id="listHolds",
        opt=scope("subjects:read", "erasure.read"),
        responses=may_answer(401, 403, 503),
        summary="All legal holds",
    )
    async def every(self, request: Request[Any, Any, Any]) -> dto.HoldPage:
        """Oldest first, without their reasons."""
        found = await hub_of(request).holds.every(caller_of(request).tenant)
        return dto.HoldPage([dto.HoldView.of(one) for one in found])

    @get(
        "/{hold_id:str}",
        operation_id="getHold",
        opt=scope("subjects:read", "erasure.read"),
        responses=_READS,
        summary="One legal hold with its reasons",
    )
    async def one(self, request: Request[Any, Any, Any], hold_id: FromPath[str]) -> dto.HoldView:
        """Why it was put, and why it shall be lifted."""
        holds = hub_of(request).holds
        found = await holds.one(caller_of(request).tenant, hold_id)
        return dto.HoldView.of(found, await holds.reasons(found))

    @post(
        "/{hold_id:str}/lift",
        operation_id="liftHold",
        opt=scope("subjects:write", "hold.ask"),
        status_code=200,
        operation_class=takes(_REASON, need=["reason"]),
        responses=_CHANGES,
        summary="Ask to lift a legal hold",
    )
    async def lift(self, request: Request[Any, Any, Any], hold_id: FromPath[str]) -> dto.HoldView:
        """It goes on holding until a second person agrees."""
        body, caller = await json_fields(request, need=("reason",)), caller_of(request)
        reason = text_field(body, "reason") or ""
        return dto.HoldView.of(await hub_of(request).holds.ask_lift(caller.tenant, hold_id, reason, caller.id))

    @post(
        "/{hold_id:str}/decision",
        operation_id="decideHold",
        opt=does("hold.approve"),
        status_code=200,
        operation_class=takes(_DECISION, need=["approve"]),
        responses=_CHANGES,
        summary="Agree to a legal hold or its end, or refuse",
    )
    async def decide(self, request: Request[Any, Any, Any], hold_id: FromPath[str]) -> dto.HoldView:
        """By somebody else than who asked."""
        body, person = await json_fields(request, need=("approve",)), subject_of(request)
        found = await hub_of(request).holds.decide(person.tenant, hold_id, person.id, approve=_yes(body))
        return dto.HoldView.of(found)


def _yes(body: Document) -> bool:
    approve = body["approve"]
    if not isinstance(approve, bool):
        raise Invalid("approve is true or false", code="type", at="approve")
    return approve


async def _view(hub: Hub, one: Erasure, notices: list[Notice]) -> dto.ErasureView:
    shown = [dto.NoticeView.of(notice, _erases(hub, notice)) for notice in notices]
    return dto.ErasureView.of(one, await hub.erasures.reason(one), shown)


def _erases(hub: Hub, notice: Notice) -> Erases | None:
    try:
        return hub.catalog.get(notice.connector).erases
    except NotFound:  # its folder is gone
        return None
