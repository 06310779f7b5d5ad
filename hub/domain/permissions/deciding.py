"""One pure decision: may this subject do this to that object now, why, and under which obligations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.ids import TenantId
from hub.domain.permissions.matrix import ACTIONS, Action, Cell
from hub.domain.permissions.roles import Role

STEP_UP = timedelta(minutes=5)
PURPOSES: dict[str, tuple[str, str]] = {
    "hiring_decision": ("to decide on this application", "作出本次录用决定"),
    "candidate_dispute": ("to answer the candidate's objection", "处理候选人异议"),
    "quality_review": ("to check the fairness of an assessment", "复核评估的公平性"),
    "legal_request": ("because of a legal request", "依法配合调查"),
}
OWN = frozenset({"self.use", "self.enrol"})  # everybody's, with or without a role
RECORDINGS = frozenset({"video.play", "video.stream", "video.watch"})  # over once the candidate withdraws
MASKED_UP_TO = 2  # sensitivity that a masked view still shows: organisational and internal


class Kind(StrEnum):
    """What a subject is. A token is bound by its scopes alone, a service account also by its column of the matrix."""

    PERSON = "person"
    SERVICE = "service"
    TOKEN = "token"  # noqa: S105 - a word, not a secret


class Reason(StrEnum):
    """Why; stable, and the problem code of a refusal."""

    GRANTED = "granted"
    OTHER_TENANT = "other_tenant"
    UNKNOWN_ACTION = "unknown_action"
    MISSING_SCOPE = "missing_scope"
    NO_ROLE = "no_role"
    OUTSIDE_NODE = "outside_node"
    NOT_ASSIGNED = "not_assigned"
    ABOVE_CLEARANCE = "above_clearance"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    SECOND_FACTOR_MISSING = "second_factor_missing"
    AUTHENTICATOR_MISSING = "authenticator_missing"
    PURPOSE_NEEDED = "purpose_needed"
    STEP_UP_NEEDED = "step_up_needed"
    APPROVES_ONLY = "approves_only"
    SECOND_PERSON_NEEDED = "second_person_needed"


_NEAREST = list(Reason)  # of several refusals the one is told that is nearest to a grant: the last of these


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on a node of the organisation (`/` is all of it), for a while, or for some candidates only."""

    role: Role
    node: str = "/"
    until: datetime | None = None
    candidates: frozenset[str] = frozenset()

    def holds(self, now: datetime) -> bool:
        """Whether its time is not over."""
        return self.until is None or self.until > now

    def covers(self, object: Object) -> bool:
        """Whether it speaks of this object."""
        if self.candidates and object.candidate not in self.candidates:
            return False
        return any(node.startswith(self.node) for node in object.nodes)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks. `clearance`: the highest class that this subject may ever see, whatever its roles.

    `authenticator`: an authenticator (WebAuthn) was used, or need not be: one of the three administrators must.
    """

    id: str
    tenant: TenantId
    kind: Kind
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[str] = frozenset()
    clearance: int = 2
    second_factor: bool = True
    authenticator: bool = True

    @property
    def whole(self) -> bool:
        """Whether everything was proved that this subject must prove before it does more than that."""
        return self.second_factor and self.authenticator


@dataclass(frozen=True, slots=True)
class Object:
    """What is asked for. `nodes`: where in the organisation it belongs; `assigned`: who works on it."""

    tenant: TenantId
    nodes: frozenset[str] = frozenset({"/"})
    candidate: str | None = None
    assigned: frozenset[str] = frozenset()
    data_class: int = 0  # where it is higher than the action's own


@dataclass(frozen=True, slots=True)
class Context:
    """What else counts now."""

    now: datetime
    purpose: str | None = None
    stepped_up_at: datetime | None = None
    approved: bool = False  # a second person approved exactly this
    consent: bool = True  # the candidate has not withdrawn


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `show`: fields of a higher sensitivity are hidden; `outcome_only`: a score or a status and no more.

    `review`: the thing itself must have been approved by a second person. `purpose`, `step_up`: what was asked for.
    """

    allow: bool
    reason: Reason
    action: str
    show: int = 0
    outcome_only: bool = False
    review: bool = False
    purpose: str | None = None
    step_up: bool = False
    four_eyes: bool = False
    by: Role | None = field(default=None)


def decide(subject: Subject, action: str, object: Object, context: Context) -> Decision:
    """Deny unless something grants. The widest view of several grants is taken; of refusals the nearest to a grant."""
    about = ACTIONS.get(action)
    if about is None:
        return Decision(False, Reason.UNKNOWN_ACTION, action)
    if subject.tenant != object.tenant:
        return Decision(False, Reason.OTHER_TENANT, action)
    if subject.kind is not Kind.PERSON:
        return _by_scope(subject, about, object)
    if not subject.second_factor and action != "self.enrol":
        return Decision(False, Reason.SECOND_FACTOR_MISSING, action)
    if not subject.authenticator and action != "self.enrol":
        return Decision(False, Reason.AUTHENTICATOR_MISSING, action)
    if action in OWN:
        return Decision(True, Reason.GRANTED, action, show=subject.clearance)
    answers = [_by_grant(subject, grant, about, object, context) for grant in subject.grants]
    granted = [one for one in answers if one.allow]
    if granted:
        return max(granted, key=lambda one: (not one.outcome_only, one.show, not one.review))
    refused = Decision(False, Reason.NO_ROLE, action)
    return max((*answers, refused), key=lambda one: _NEAREST.index(one.reason))


def _by_scope(subject: Subject, about: Action, object: Object) -> Decision:
    if about.scope is None or about.scope not in subject.scopes:
        return Decision(False, Reason.MISSING_SCOPE, about.name)
    if subject.kind is Kind.SERVICE and "k" not in about.cells[Role.CLIENT_SYSTEM].letters:
        return Decision(False, Reason.NO_ROLE, about.name)
    if max(about.data_class, object.data_class) > subject.clearance:
        return Decision(False, Reason.ABOVE_CLEARANCE, about.name)
    return Decision(True, Reason.GRANTED, about.name, show=subject.clearance)


def _by_grant(subject: Subject, grant: Grant, about: Action, object: Object, context: Context) -> Decision:
    cell = about.cells[grant.role]
    refusal = _refusal(subject, grant, cell, about, object, context)
    if refusal is not None:
        return Decision(False, refusal, about.name, by=grant.role, step_up="s" in cell.letters)
    return Decision(
        True,
        Reason.GRANTED,
        about.name,
        show=min(subject.clearance, MASKED_UP_TO) if "m" in cell.letters else subject.clearance,
        outcome_only="o" in cell.letters,
        review=cell.asks and about.reviewed,
        purpose=context.purpose if "p" in cell.letters else None,
        step_up="s" in cell.letters,
        four_eyes=cell.asks,
        by=grant.role,
    )


def _refusal(
    subject: Subject, grant: Grant, cell: Cell, about: Action, object: Object, context: Context
) -> Reason | None:
    data_class = max(about.data_class, object.data_class)
    if not cell.letters or ("4" in cell.letters and data_class < 4) or not grant.holds(context.now):
        return Reason.NO_ROLE
    if data_class > 1 and not grant.covers(object):
        return Reason.OUTSIDE_NODE
    if "a" in cell.letters and subject.id not in object.assigned and not grant.candidates:
        return Reason.NOT_ASSIGNED
    if data_class > subject.clearance and not _hides(cell):
        return Reason.ABOVE_CLEARANCE
    if about.name in RECORDINGS and not context.consent:
        return Reason.CONSENT_WITHDRAWN
    if "p" in cell.letters and context.purpose not in PURPOSES:
        return Reason.PURPOSE_NEEDED
    if "s" in cell.letters and not _recent(context):
        return Reason.STEP_UP_NEEDED
    if "v" in cell.letters:
        return Reason.APPROVES_ONLY
    if cell.asks and not about.reviewed and not context.approved:
        return Reason.SECOND_PERSON_NEEDED
    return None


def _hides(cell: Cell) -> bool:
    """A masked view shows nothing above the label, so the label does not stand in its way."""
    return "m" in cell.letters


def _recent(context: Context) -> bool:
    at = context.stepped_up_at
    return at is not None and context.now - STEP_UP <= at <= context.now
