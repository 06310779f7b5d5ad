"""People, rights and sign-in, as they stand on the wire."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hub.app.people.rights import Right
from hub.app.people.sealing import Profile
from hub.app.people.sessions import csrf_token
from hub.app.people.sign_in import Asked, SignedIn
from hub.domain.permissions import ACTIONS, ROLES, Decision, Role
from hub.ports.accounts import Approval, Factor, Group, Node, Person, Requisition, RoleGrant, ServiceAccount
from mappings.documents import Document


class LoginView(msgspec.Struct):
    """Where a sign-in stands. `state`: signed_in, second_factor (answer the ticket) or enrol (a factor, before all else)."""

    state: str
    person_id: str | None = None
    csrf: str | None = None
    ends_at: datetime | None = None
    ticket: str | None = None
    factors: list[str] = []
    options: dict[str, object] | None = None

    @classmethod
    def of(cls, outcome: Asked | SignedIn) -> LoginView:
        """From the use case."""
        if isinstance(outcome, Asked):
            return cls("second_factor", ticket=outcome.ticket, factors=outcome.factors, options=_plain(outcome.options))
        state = "enrol" if outcome.enrol else "signed_in"
        return cls(state, outcome.session.person, csrf_token(outcome.token), outcome.session.ends_at)


class SessionView(msgspec.Struct):
    """The session behind the request."""

    person_id: str
    name: str
    locale: str
    roles: list[str]
    full: bool
    csrf: str
    ends_at: datetime
    stepped_up_at: datetime | None


class FactorView(msgspec.Struct):
    """A second factor, never its secret."""

    id: str
    kind: str
    name: str
    created_at: datetime

    @classmethod
    def of(cls, one: Factor) -> FactorView:
        """From the record."""
        return cls(one.id, one.kind, one.name, one.created_at)


class EnrolView(msgspec.Struct):
    """What the authenticator is to know, and the ticket to confirm with."""

    ticket: str
    secret: str | None = None
    address: str | None = None
    options: dict[str, object] | None = None


class CodesView(msgspec.Struct):
    """Recovery codes, told once."""

    codes: list[str]


class PersonView(msgspec.Struct):
    """A named account."""

    id: str
    login: str
    name: str
    email: str | None
    phone: str | None
    locale: str
    state: str
    clearance: int
    created_at: datetime
    seen_at: datetime | None

    @classmethod
    def of(cls, one: Person, profile: Profile) -> PersonView:
        """From the record, opened."""
        return cls(
            one.id, profile.login, profile.name, profile.email, profile.phone, profile.locale, one.state, one.clearance,
            one.created_at, one.seen_at,
        )  # fmt: skip


class PersonPage(msgspec.Struct):
    """A page of people, by id."""

    items: list[PersonView]
    next_cursor: str | None


class InvitedView(msgspec.Struct):
    """A person with the invitation, told once: hand it over in person or over another way than the login."""

    person: PersonView
    invitation: str


class GrantView(msgspec.Struct):
    """A role of a person."""

    id: str
    role: str
    path: str
    origin: str
    granted_by: str
    granted_at: datetime
    until: datetime | None
    candidates: list[str]

    @classmethod
    def of(cls, one: RoleGrant) -> GrantView:
        """From the record."""
        return cls(one.id, one.role, one.path, one.origin, one.granted_by, one.granted_at, one.until, [*one.candidates])


class RightView(msgspec.Struct):
    """One right, and by what."""

    action: str
    en: str
    zh: str
    role: str
    path: str
    conditions: str
    until: datetime | None

    @classmethod
    def of(cls, one: Right) -> RightView:
        """From the use case, in both languages."""
        about = ACTIONS[one.action]
        return cls(one.action, about.en, about.zh, one.role, one.path, one.letters, one.until)


class RightsView(msgspec.Struct):
    """What somebody may do."""

    person_id: str
    clearance: int
    grants: list[GrantView]
    rights: list[RightView]


class DecisionView(msgspec.Struct):
    """One decision, with its reason and obligations."""

    allow: bool
    reason: str
    action: str
    show: int
    outcome_only: bool
    step_up: bool
    four_eyes: bool
    review: bool
    purpose: str | None

    @classmethod
    def of(cls, one: Decision) -> DecisionView:
        """From the domain."""
        return cls(
            one.allow, one.reason, one.action, one.show, one.outcome_only, one.step_up, one.four_eyes, one.review,
            one.purpose,
        )  # fmt: skip


class MatrixRow(msgspec.Struct):
    """One action with its cells."""

    action: str
    data_class: int
    scope: str | None
    en: str
    zh: str
    cells: dict[str, str]


class MatrixView(msgspec.Struct):
    """Roles and what each may do."""

    roles: dict[str, dict[str, str]]
    actions: list[MatrixRow]

    @classmethod
    def now(cls) -> MatrixView:
        """As it is in force."""
        roles = {str(role): {"en": about.en, "zh-CN": about.zh} for role, about in ROLES.items()}
        rows = [
            MatrixRow(
                one.name, one.data_class, one.scope, one.en, one.zh,
                {str(role): "".join(sorted(one.cells[role].letters)) or "-" for role in Role},
            )
            for one in ACTIONS.values()
        ]  # fmt: skip
        return cls(roles, rows)


class NodeView(msgspec.Struct):
    """A place in the organisation."""

    id: str
    parent: str | None
    kind: str
    name: str
    path: str
    code: str | None

    @classmethod
    def of(cls, one: Node) -> NodeView:
        """From the record."""
        return cls(one.id, one.parent, one.kind, one.name, one.path, one.code)


class RequisitionView(msgspec.Struct):
    """A job that is hired for."""

    id: str
    path: str
    members: list[str]

    @classmethod
    def of(cls, one: Requisition) -> RequisitionView:
        """From the record."""
        return cls(one.id, one.path, [*one.members])


class ApprovalView(msgspec.Struct):
    """A request that a second person decides. `digest` names exactly what is asked for."""

    id: str
    action: str
    state: str
    proposer: str
    decided_by: str | None
    created_at: datetime
    ends_at: datetime
    digest: str
    wanted: dict[str, object] | None = None
    reason: str | None = None

    @classmethod
    def of(cls, one: Approval, content: Document | None = None) -> ApprovalView:
        """From the record, with what it asks for where it was opened."""
        view = cls(
            one.id, one.action, one.state, one.proposer, one.decided_by, one.created_at, one.ends_at, one.digest.hex()
        )
        if content is not None:
            wanted, reason = content.get("wanted"), content.get("reason")
            view.wanted = _plain(wanted) if isinstance(wanted, dict) else None
            view.reason = reason if isinstance(reason, str) else None
        return view


class DirectoryGroupView(msgspec.Struct):
    """A group of the company's directory and the role that its members have by it."""

    id: str
    name: str
    members: list[str]
    role: str | None
    path: str

    @classmethod
    def of(cls, one: Group) -> DirectoryGroupView:
        """From the record."""
        return cls(one.id, one.name, [*one.members], one.role, one.path)


class ServiceView(msgspec.Struct):
    """A service account, never its secret."""

    id: str
    name: str
    scopes: list[str]
    clearance: int
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, one: ServiceAccount) -> ServiceView:
        """From the record."""
        return cls(one.id, one.name, [*one.scopes], one.clearance, one.created_at, one.revoked_at)


class ServiceMade(msgspec.Struct):
    """A service account with its secret, told once."""

    account: ServiceView
    secret: str


class SecretView(msgspec.Struct):
    """A secret, told once."""

    secret: str


class AccessToken(msgspec.Struct):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class SetupView(msgspec.Struct):
    """Whether the first people are still to be made."""

    needed: bool
    separation: bool


def _plain(document: Document | None) -> dict[str, object] | None:
    """As the OpenAPI document can say it: an object with anything in it."""
    return None if document is None else {**document}
