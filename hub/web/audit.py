"""The audit trail over HTTP: acts by page and filter, whether it holds, and all of it to take away."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from hub.app.trail.export import Export
from hub.app.trail.trail import Verdict
from hub.domain.audit import Grade, Linked, Outcome
from hub.domain.errors import Invalid
from hub.domain.ids import read, show
from hub.ports.audit import ActFilter
from hub.web.auth import caller_of, hub_of, scope
from hub.web.paging import LIMIT
from hub.web.problems import may_answer

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
OUTCOMES = tuple(str(one) for one in Outcome)


class ActView(msgspec.Struct):
    """One act. `seq` numbers a tenant's acts without gaps; `hash` vouches for it and for all before it."""

    seq: int
    at: datetime
    actor: str
    action: str
    target: str = msgspec.field(name="object")
    outcome: str
    origin: str
    purpose: str | None
    grade: int
    detail: dict[str, object]
    hash: str

    @classmethod
    def of(cls, row: Linked) -> ActView:
        """As it stands on the wire."""
        a = row.act
        return cls(
            row.seq, a.at, a.actor, a.action, a.object, str(a.outcome), a.origin, a.purpose, int(a.grade),
            dict[str, object](a.detail), row.hash.hex(),
        )  # fmt: skip


class ActPage(msgspec.Struct):
    """Acts, newest first. `next_cursor` asks for the rest."""

    items: list[ActView]
    next_cursor: str | None


class FaultView(msgspec.Struct):
    """The first act at which the trail does not hold."""

    seq: int
    code: str
    text: str


class VerdictView(msgspec.Struct):
    """Acts that were followed, from after `floor` to `last`, held against so many signed ends."""

    holds: bool
    acts: int
    floor: int
    last: int
    heads: int
    strange_heads: int
    fault: FaultView | None

    @classmethod
    def of(cls, verdict: Verdict) -> VerdictView:
        """As it stands on the wire."""
        fault = verdict.fault
        shown = None if fault is None else FaultView(fault.seq, fault.code, fault.text)
        return cls(
            fault is None, verdict.acts, verdict.floor, verdict.last, verdict.heads, verdict.strange, shown
        )  # fmt: skip


class HeadView(msgspec.Struct):
    """A signed end of the trail, as it is kept outside the database."""

    seq: int
    at: datetime
    hash: str
    key: str
    public: str
    signature: str


class AuditController(Controller):
    """`/v1/audit`"""

    path = "/v1/audit"
    tags = ("Audit",)

    @get(
        "/",
        operation_id="listActs",
        opt=scope("audit:read"),
        responses=may_answer(400, 401, 403, 422, 503),
        summary="Acts, newest first",
    )
    async def every(
        self,
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=LIMIT)] = 50,
        cursor: FromQuery[str | None] = None,
        actor: Annotated[str | None, QueryParameter(max_length=200)] = None,
        action: Annotated[str | None, QueryParameter(max_length=100)] = None,
        act_object: Annotated[str | None, QueryParameter(name="object", max_length=200)] = None,
        outcome: Annotated[str | None, QueryParameter(enum=OUTCOMES)] = None,
        grade: Annotated[int, QueryParameter(ge=1, le=4)] = 1,
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
    ) -> ActPage:
        """`action` may end in `*`; `grade` is the least: 3 shows reads of personal data, 4 of sensitive data."""
        if outcome is not None and outcome not in OUTCOMES:
            raise Invalid(f"outcome is one of {', '.join(OUTCOMES)}", code="enum", at="outcome")
        where = ActFilter(
            actor=fit(actor, "actor"),
            action=fit(action, "action"),
            object=fit(act_object, "object"),
            outcome=None if outcome is None else Outcome(outcome),
            least=Grade(grade),
            since=zoned(request, since, "since"),
            until=zoned(request, until, "until"),
        )
        rows = await hub_of(request).trail.page(caller_of(request).tenant, limit, _before(cursor), where)
        return ActPage([ActView.of(row) for row in rows], show("act", rows[-1].seq) if len(rows) == limit else None)

    @get(
        "/verification",
        operation_id="verifyAudit",
        opt=scope("audit:read"),
        responses=may_answer(401, 403, 503),
        summary="Whether the trail holds, and the first act at which it does not",
    )
    async def verify(self, request: Request[Any, Any, Any]) -> VerdictView:
        """Reads every act of the chain and holds it against the signed ends."""
        return VerdictView.of(await hub_of(request).trail.verify(caller_of(request).tenant))

    @get(
        "/heads",
        operation_id="listHeads",
        opt=scope("audit:read"),
        responses=may_answer(401, 403, 503),
        summary="Signed ends of the trail: the last of each day, and all of the newest day",
    )
    async def heads(self, request: Request[Any, Any, Any]) -> list[HeadView]:
        """Keep some yourself: what you hold cannot be rewritten here."""
        found, _ = await hub_of(request).trail.kept_heads(caller_of(request).tenant)
        return [
            HeadView(h.seq, h.at, h.hash.hex(), h.signature.key, h.signature.public.hex(), h.signature.value.hex())
            for h in found
        ]

    @get(
        "/export",
        operation_id="exportAudit",
        opt=scope("audit:read"),
        media_type="application/jsonl",
        responses=may_answer(400, 401, 403, 404, 422, 503),
        summary="A span of acts as JSON Lines; the last line is the signed manifest",
    )
    async def export(
        self,
        request: Request[Any, Any, Any],
        since: FromQuery[datetime | None] = None,
        until: FromQuery[datetime | None] = None,
    ) -> Stream:
        """`hirewire audit verify --export` checks it without the database. The export is an act itself."""
        caller = caller_of(request)
        wanted = Export(
            hub_of(request).trail, caller.tenant, zoned(request, since, "since"), zoned(request, until, "until")
        )
        lines = wanted.lines(caller.id)
        first = await anext(lines)

        async def told() -> AsyncIterator[bytes]:
            yield first
            async for line in lines:
                yield line
            yield (json.dumps({"manifest": wanted.manifest}) + "\n").encode()

        return Stream(told(), media_type="application/jsonl")


def zoned(request: Request[Any, Any, Any], moment: datetime | None, at: str) -> datetime | None:
    """Raises Invalid for what is not written as RFC 3339 wants it: a number, or a time without a zone."""
    if moment is not None and not _RFC_3339.fullmatch(request.query_params.get(at, "")):
        raise Invalid("a time is written 2026-11-26T08:00:00Z", code="bad_time", at=at)
    return moment


def fit(text: str | None, at: str) -> str | None:
    """Raises Invalid for characters that no record holds."""
    if text is not None and not text.isprintable():
        raise Invalid("a text holds characters that cannot be stored", code="unfit_text", at=at)
    return text


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        return read("act", cursor)
    except Invalid as error:
        raise Invalid("this is not a cursor of this list", code="bad_cursor", at="cursor") from error
