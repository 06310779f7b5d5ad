"""What an answer must be: declared, allowed by the matrix, and nothing in it that its reader may not see."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.transport import Response
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.domain.permissions import Reason
from tests.roles.people import Identity
from tests.roles.thrown import MADE, Call, probes_the_shape, wrong_in
from tests.roles.world import FOREIGN, OUTSIDE, OWN, named, personal
from tests.support.hubs import TENANT

DECLARED = [
    status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance
]  # fmt: skip
REASONS = {str(one) for one in Reason} - {"granted"} | {"bad_token", "bad_session", "forged"}
BEFORE_THE_GUARD = {"bad_header", "unsupported_media_type", "said_twice", "method_not_allowed"}
NOT_ROUTED = {"not_found", ""}
SHARED = frozenset(
    {"candidate_id", "candidate", "subject", "job_id", "name", "number", "provider_id"}
)  # each tenant's own words


@dataclass
class Judge:
    """Holds every answer against what must be; says each fault once."""

    seed: int
    faults: dict[tuple[str, ...], str] = field(default_factory=dict)
    let_in: Counter[tuple[str, str]] = field(default_factory=Counter)
    seen: set[tuple[object, ...]] = field(default_factory=set)
    answers: int = 0

    def __call__(self, call: Call, who: Identity, opt: Mapping[str, Any], answer: Response) -> None:
        self.answers += 1
        shape = probes_the_shape(call.case)
        if answer.status_code >= 500:
            self._fault("server_error", call, who, answer)
        if not shape:
            self._declared(call, who, answer)
            self._allowed(call, who, opt, answer)
        self._seen_by(call, who, answer)

    def _declared(self, call: Call, who: Identity, answer: Response) -> None:
        content = hashlib.sha256(answer.content).digest()
        known = (call.case.operation.label, answer.status_code, tuple(answer.headers.get("content-type", ())), content)
        wrong = answer.status_code < 300 and not only_beside(call)
        if known in self.seen and not wrong:
            return
        self.seen.add(known)
        try:
            call.case.validate_response(answer, checks=[*DECLARED, *([negative_data_rejection] if wrong else [])])
        except FailureGroup as group:
            for one in group.exceptions:
                assert isinstance(one, Failure)
                self._fault(one.title, call, who, answer, str(one))

    def _allowed(self, call: Call, who: Identity, opt: Mapping[str, Any], answer: Response) -> None:
        code, wanted = code_of(answer), who.wanted(opt, call.names, call.place)
        where = call.place or MADE
        if wanted == "granted":
            if opt.get("public") is not True:
                self._granted(call, who, opt, answer, code)
            return
        status = 401 if wanted in ("bad_token", "bad_session") else 403
        if (answer.status_code, code) == (status, wanted):
            return
        if code in BEFORE_THE_GUARD or (call.place is None and answer.status_code == 404 and code in NOT_ROUTED):
            return
        if call.place == OWN and wanted == "granted":
            return
        self._fault(f"denied:{wanted}:{where}", call, who, answer)

    def _granted(self, call: Call, who: Identity, opt: Mapping[str, Any], answer: Response, code: str) -> None:
        gone = call.place is not None and code in ("not_assigned", "consent_withdrawn")  # by calls before this one
        if answer.status_code in (401, 403) and code in REASONS and not gone and not _again(code, opt):
            self._fault(f"refused:{code}:{call.place or MADE}", call, who, answer)
        self.let_in[str(opt.get("action")), who.name] += 1
        strange = call.place == (FOREIGN if who.tenant == TENANT else OWN)
        if strange and answer.status_code < 400 and set(call.names) - SHARED and not empty(answer):
            self._fault("reached_another_tenant", call, who, answer)

    def _seen_by(self, call: Call, who: Identity, answer: Response) -> None:
        text, asked = answer.content, f"{call.path}{call.query}".encode() + call.body
        for place in (OWN, OUTSIDE, FOREIGN):
            strange = (who.tenant != TENANT) is (place != FOREIGN) or who.kind == "nobody"
            if strange and named(place).encode() in text and named(place).encode() not in asked:
                self._fault(f"shows_named:{place}", call, who, answer)
            hidden = strange or who.blind or who.bound not in (None, place)
            if place == OUTSIDE and who.role is not None and who.role in ("hr_manager", "recruiter", "interviewer"):
                hidden = True
            if hidden and personal(place).encode() in text:
                self._fault(f"shows_personal:{place}", call, who, answer)

    def _fault(self, what: str, call: Call, who: Identity, answer: Response, more: str = "") -> None:
        key = (what, call.case.operation.label)
        if key not in self.faults:
            told = f"{call} -> {answer.status_code} {answer.content[:200]!r} {more[:400]}"
            self.faults[key] = f"{what} | {call.case.operation.label} | as {who.name} | {told}"

    def sentence(self) -> str:
        """All faults, and how to see them again."""
        lines = [self.faults[key] for key in sorted(self.faults)]
        return f"{len(lines)} faults; again with ROLES_SEED={self.seed}\n" + "\n".join(lines)


def _again(code: str, opt: Mapping[str, Any]) -> bool:
    """Refusals of the handler itself, on top of the guard's: by what the body asks for, not by the route."""
    mine = opt["action"] in ("self.use", "self.enrol")
    return mine or code in ("missing_scope", "no_role", "second_person_needed", "people_only")


def only_beside(call: Call) -> bool:
    """Whether nothing is wrong but the token, which every call gets, and filters that the operation has not."""
    known = {one.name for one in call.case.operation.query}
    asked = {unquote_plus(part.partition("=")[0]) for part in call.query.split("&") if part}
    where = wrong_in(call.case) & {ParameterLocation.PATH, ParameterLocation.QUERY, ParameterLocation.BODY}
    drawn = call.case.meta.phase.name is TestPhase.FUZZING  # then names that nobody has are among them
    return not where or (where == {ParameterLocation.QUERY} and (drawn or not known & asked))


def empty(answer: Response) -> bool:
    """A list with nothing in it, which is what an id of somebody else filters for."""
    told = json.loads(answer.content) if answer.content.startswith(b"{") else None
    return isinstance(told, dict) and told.get("items") == []


def code_of(answer: Response) -> str:
    """The problem's stable code."""
    try:
        told = json.loads(answer.content)
    except ValueError:
        return ""
    return str(told.get("code", "")) if isinstance(told, dict) else ""
