"""Consents of candidates: the ledger, a consent given, a consent taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath

from hub.app.consents import Shown, Told
from hub.app.purposes import purposes
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, moment_field, takes, text_field
from hub.web.problems import may_answer
from mappings.documents import Document

_TIME = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)
_TOLD = {
    "purpose": Schema(type=OpenAPIType.STRING, enum=[*purposes()]),
    "at": _TIME,
    "text_version": Schema(type=OpenAPIType.STRING, min_length=1, max_length=100),
    "locale": Schema(type=OpenAPIType.STRING, min_length=1, max_length=20),
    "evidence": Schema(type=OpenAPIType.STRING, min_length=1, max_length=500),
}
_ANSWERS = may_answer(400, 401, 403, 409, 413, 422, 503)


class ConsentView(msgspec.Struct):
    """One statement. `in_force`: whether the purpose has a consent in force now. `source`: the event that told it, or who
    recorded it. `evidence` null: there is none, or the candidate was erased."""

    id: str
    purpose: str
    given: bool
    at: datetime
    recorded_at: datetime
    source: str
    text_version: str | None
    locale: str | None
    expires_at: datetime | None
    evidence: str | None
    in_force: bool

    @classmethod
    def of(cls, one: Shown) -> ConsentView:
        """From the use case."""
        said = one.consent
        return cls(
            said.id, said.purpose, said.given, said.at, said.recorded_at, said.source, said.text_version, said.locale,
            said.expires_at, one.evidence, one.in_force,
        )  # fmt: skip


class ConsentLedger(msgspec.Struct):
    """What a candidate said, oldest first. Statements are added, never changed."""

    items: list[ConsentView]


class ConsentRecorded(msgspec.Struct):
    """The statement's id: the same for the same statement told twice."""

    id: str


class ConsentsController(Controller):
    """`/v1/candidates/{candidate}/consents`"""

    path = "/v1/candidates/{candidate_id:str}/consents"
    tags = ("Candidates",)

    @get(
        "/",
        operation_id="listConsents",
        opt=scope("consents:read", reads="consent.read"),
        responses=may_answer(401, 403, 503),
        summary="What a candidate agreed to and took back",
    )
    async def ledger(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> ConsentLedger:
        """Empty where nothing was ever said."""
        found = await hub_of(request).consents(caller_of(request).tenant, candidate_id)
        return ConsentLedger([ConsentView.of(one) for one in found])

    @post(
        "/",
        operation_id="recordConsent",
        opt=scope("consents:write"),
        operation_class=takes({**_TOLD, "expires_at": _TIME}, need=["purpose"]),
        responses=_ANSWERS,
        summary="Record that a candidate agreed",
    )
    async def record(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> ConsentRecorded:
        """Deliveries held for want of it are let go. `at` defaults to now."""
        body = await json_fields(request, need=("purpose",), may=(*_TOLD, "expires_at"))
        caller = caller_of(request)
        said = await hub_of(request).consents.record(caller.tenant, candidate_id, _told(body), caller.id)
        return ConsentRecorded(said.id)

    @post(
        "/withdraw",
        operation_id="withdrawConsent",
        opt=scope("consents:write"),
        operation_class=takes(_TOLD, need=["purpose"]),
        responses=_ANSWERS,
        summary="Record that a candidate took a consent back",
    )
    async def withdraw(self, request: Request[Any, Any, Any], candidate_id: FromPath[str]) -> ConsentRecorded:
        """Deliveries that need it and have not left are held. `at` defaults to now."""
        body = await json_fields(request, need=("purpose",), may=(*_TOLD,))
        caller = caller_of(request)
        said = await hub_of(request).consents.withdraw(caller.tenant, candidate_id, _told(body), caller.id)
        return ConsentRecorded(said.id)


def _told(body: Document) -> Told:
    return Told(
        text_field(body, "purpose") or "",
        moment_field(body, "at"),
        text_field(body, "text_version"),
        text_field(body, "locale"),
        moment_field(body, "expires_at"),
        text_field(body, "evidence"),
    )
