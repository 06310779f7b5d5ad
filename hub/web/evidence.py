"""How the controls of a standard are met here, for auditors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import QueryParameter

from hub.app.evidence.controls import STANDARDS
from hub.app.evidence.pages import LANGUAGES, Language, document
from hub.domain.errors import Invalid
from hub.web.auth import caller_of, does, hub_of
from hub.web.problems import may_answer


class FactView(msgspec.Struct):
    """Something in force: a setting or what the records say, its value, and how far it goes."""

    name: str
    setting: str
    value: str
    standing: str


class TestView(msgspec.Struct):
    """A test that proves a control. `result` is null: runs of tests are given on the command line."""

    id: str
    result: str | None


class ControlView(msgspec.Struct):
    """A control. `why`: what keeps it from being met, or why it is none of this software."""

    id: str
    level: int | None
    name: str
    standing: str
    why: str | None
    in_force: list[FactView]
    tests: list[TestView]
    log: list[str]


class EvidenceView(msgspec.Struct):
    """A standard: unmet controls first, then partly met, met, not applicable. Evidence, never a certificate."""

    standard: str
    name: str
    about: str
    note: str
    at: datetime
    tested: bool
    counts: dict[str, int]
    controls: list[ControlView]


class EvidenceController(Controller):
    """`/v1/evidence`"""

    path = "/v1/evidence"
    tags = ("Audit",)

    @get(
        "/",
        operation_id="getEvidence",
        opt=does("evidence.read"),
        responses=may_answer(400, 401, 403, 422, 503),
        summary="How the controls of a standard are met here, with settings, tests and records",
    )
    async def every(
        self,
        request: Request[Any, Any, Any],
        standard: Annotated[str | None, QueryParameter(enum=STANDARDS)] = None,
        lang: Annotated[str, QueryParameter(enum=LANGUAGES)] = "en",
    ) -> list[EvidenceView]:
        """Read from the running configuration and the records of the caller's tenant. No standard: all of them."""
        spoken: Language | None = next((one for one in LANGUAGES if one == lang), None)
        if spoken is None:
            raise Invalid(f"lang is one of {', '.join(LANGUAGES)}", code="enum", at="lang")
        names = () if standard is None else (standard,)
        reports = await hub_of(request).evidence(caller_of(request).tenant, names)
        return [msgspec.convert(document(one, spoken), EvidenceView) for one in reports]
