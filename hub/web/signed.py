"""People on the API: their cookie, the page's token against forgery, and their rights to what the request names."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from hub.app.access import Caller
from hub.app.people.approvals import Wanted
from hub.app.people.people import People
from hub.app.people.sessions import Signed, csrf_fits
from hub.domain.errors import Forbidden, Invalid
from hub.domain.permissions import Context, Decision, Object, Reason, Subject, decide
from hub.domain.permissions.deciding import RECORDINGS

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF = "x-csrf-token"
APPROVAL = "x-approval"
PURPOSE = "x-purpose"
SAYS = {
    Reason.SECOND_FACTOR_MISSING: "enrol a second factor first",
    Reason.AUTHENTICATOR_MISSING: "administrators sign in with an authenticator: enrol one, or step up with it",
    Reason.NO_ROLE: "none of your roles allows this",
    Reason.OUTSIDE_NODE: "your roles are for another part of the organisation",
    Reason.NOT_ASSIGNED: "you are not assigned to this candidate; name one that you are assigned to",
    Reason.ABOVE_CLEARANCE: "your clearance does not reach that far",
    Reason.CONSENT_WITHDRAWN: "the candidate has withdrawn",
    Reason.PURPOSE_NEEDED: "say what for, in X-Purpose",
    Reason.STEP_UP_NEEDED: "prove a second factor again",
    Reason.APPROVES_ONLY: "you may approve this, not do it",
    Reason.SECOND_PERSON_NEEDED: "a second person must approve exactly this; name the approval in X-Approval",
}


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of the person behind a request, to what it names."""

    subject: Subject
    object: Object
    context: Context

    @property
    def roles(self) -> frozenset[str]:
        """What a gate may ask for."""
        held = (one for one in self.subject.grants if one.holds(self.context.now) and one.covers(self.object))
        return frozenset(str(grant.role) for grant in held)

    def decide(self, action: str) -> Decision:
        """Whether this may be done, too."""
        return decide(self.subject, action, self.object, self.context)


async def signed_caller(
    people: People, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, cookie: str
) -> tuple[Caller, Forbidden | None]:
    """The person, if the session holds and nobody forged the request; and why the matrix does not allow the action.

    Raises Unauthorized (`bad_session`), Forbidden (`forged`). The refusal's code is the decision's reason.
    """
    signed = await people.sessions.check(cookie)
    must_be_ours(people, connection, cookie)
    action = str(handler.opt.get("action"))
    subject = people.rights.subject(signed)
    now, names = people.clock.now(), names_of(connection, handler)
    found = await people.reach.object(subject.tenant, names)
    consent = action not in RECORDINGS or not await people.reach.withdrawn(subject.tenant, names, now)
    context = Context(now, connection.headers.get(PURPOSE), signed.session.stepped_up_at, consent=consent)
    decision = decide(subject, action, found, context)
    if decision.reason is Reason.SECOND_PERSON_NEEDED and (given := connection.headers.get(APPROVAL)):
        await people.approvals.redeem(subject, given, await wanted_of(connection, action))
        context = replace(context, approved=True)
        decision = decide(subject, action, found, context)
    refusal = None
    if not decision.allow:
        refusal = Forbidden(SAYS.get(decision.reason, "this is not allowed"), code=str(decision.reason))
    connection.state["signed"] = signed
    connection.state["decision"] = decision
    connection.state["cookie"] = cookie
    rights = Rights(subject, found, context)
    return Caller(subject.id, subject.tenant, frozenset(), asks=rights, session=signed.session.id), refusal


def must_be_ours(people: People, connection: ASGIConnection[Any, Any, Any, Any], cookie: str | None) -> None:
    """A change comes from a page of ours: its browser says so, and with a session it brings that session's token."""
    if connection.scope["method"] in SAFE:  # type: ignore[typeddict-item]
        return
    site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
    if origin is not None and not _same(origin, people.policy.site):
        raise Forbidden("this came from another site", code="forged")
    if site not in (None, "same-origin", "none"):
        raise Forbidden("this came from another site", code="forged")
    if cookie is not None:
        if origin is None and site is None:
            raise Forbidden("a browser says where a change comes from", code="forged")
        if not csrf_fits(cookie, connection.headers.get(CSRF, "")):
            raise Forbidden("the page's token is missing or not this session's", code="forged")


def _same(origin: str, site: str) -> bool:
    one, other = urlsplit(origin), urlsplit(site)
    return (one.scheme, one.netloc) == (other.scheme, other.netloc)


def names_of(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> dict[str, str]:
    """What names the object: the path, and of the query only what the handler filters by, said once."""
    names = {name: str(value) for name, value in connection.path_params.items()}
    for name in handler.opt.get("by", ()):
        given = connection.query_params.getall(name, [])
        if len(given) > 1:
            raise Invalid(f"{name} is said more than once", code="said_twice", at=name)
        if given:
            names[name] = given[0]
    return names


async def wanted_of(connection: ASGIConnection[Any, Any, Any, Any], action: str) -> Wanted:
    """The call as it stands, for an approval to be held against."""
    assert isinstance(connection, Request)
    raw = await connection.body()
    try:
        body = json.loads(raw) if raw else None
    except ValueError as error:
        raise Invalid("the body is not JSON", code="not_json") from error
    query = {name: str(value) for name, value in connection.query_params.items()}
    return Wanted(action, connection.method, connection.url.path, query, body)


def signed_of(request: Request[Any, Any, Any]) -> tuple[Signed, str]:
    """The session of the person and its cookie. Raises Forbidden for programs."""
    signed = request.state.get("signed")
    if not isinstance(signed, Signed):
        raise Forbidden("this is for people", code="people_only")
    return signed, str(request.state["cookie"])


def subject_of(request: Request[Any, Any, Any]) -> Subject:
    """The person with all rights. Raises Forbidden for programs."""
    caller: Caller = request.state["caller"]
    if not isinstance(caller.asks, Rights):
        raise Forbidden("this is for people", code="people_only")
    return caller.asks.subject


def decision_of(request: Request[Any, Any, Any]) -> Decision | None:
    """What the guard decided for a person; None for a program."""
    decision = request.state.get("decision")
    return decision if isinstance(decision, Decision) else None
