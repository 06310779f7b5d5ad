"""The first people of a tenant, and tokens for programs: what is open to who has no account."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from litestar import Controller, Request, get, post
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.app.people.first_run import Founder
from hub.app.people.sealing import Profile
from hub.domain.errors import Invalid, Unauthorized
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.domain.permissions import Role
from hub.web import dto_people as dto
from hub.web.auth import PUBLIC, Open, hub_of
from hub.web.bodies import json_fields, takes, text_field
from hub.web.problems import may_answer
from hub.web.signed import must_be_ours
from mappings.documents import Document

_TEXT = Schema(type=OpenAPIType.STRING, max_length=1000)
_TICKET = Schema(type=OpenAPIType.STRING, max_length=200)
_OBJECT = Schema(type=OpenAPIType.OBJECT)
LONGEST_SECRET = 1000


@dataclass
class TakesForm(Operation):
    """A client's form."""

    request_body: RequestBody | None = field(default=None)

    def __post_init__(self) -> None:
        """One content type, no token."""
        properties = dict.fromkeys(("grant_type", "client_id", "client_secret", "scope", "resource"), _TEXT)
        schema = Schema(type=OpenAPIType.OBJECT, required=["grant_type"], properties={**properties})
        media = {"application/x-www-form-urlencoded": OpenAPIMediaType(schema=schema)}
        self.request_body, self.security = RequestBody(content=media, required=True), []


class SetupController(Controller):
    """`/v1/setup`"""

    path = "/v1/setup"
    tags = ("Sign-in",)

    @get(
        "/",
        operation_id="getSetup",
        opt=PUBLIC,
        operation_class=Open,
        responses=may_answer(503),
        summary="Is it set up?",
    )
    async def needed(self, request: Request[Any, Any, Any]) -> dto.SetupView:
        """`separation`: the three administrators are three people."""
        people = hub_of(request).people
        return dto.SetupView(await people.first_run.needed(tenant_of(request)), people.policy.apart)

    @post(
        "/",
        operation_id="setUp",
        opt=PUBLIC,
        operation_class=takes(
            {"ticket": _TICKET, "people": Schema(type=OpenAPIType.ARRAY, items=_OBJECT)},
            need=["ticket", "people"],
            public=True,
        ),
        responses=may_answer(400, 401, 403, 409, 413, 422, 503),
        summary="Make the first people, with the ticket of `hirewire people first`",
    )
    async def found(self, request: Request[Any, Any, Any]) -> list[dto.InvitedView]:
        """Each is told with an invitation, to be handed over; nobody has a password yet."""
        people = hub_of(request).people
        must_be_ours(people, request, None)
        body = await json_fields(request, need=("ticket", "people"))
        listed = body["people"]
        if not isinstance(listed, list):
            raise Invalid("people is a list", code="type", at="people")
        made = await people.first_run(secret_field(body, "ticket"), [founder(one) for one in listed])
        return [
            dto.InvitedView(dto.PersonView.of(person, await people.sealing.profile(person)), invitation)
            for person, invitation in made
        ]


class TokenController(Controller):
    """`/oauth/token`"""

    path = "/oauth/token"
    tags = ("Sign-in",)

    @post(
        "/",
        operation_id="issueToken",
        opt=PUBLIC,
        status_code=200,
        operation_class=TakesForm,
        responses=may_answer(400, 401, 413, 415, 422, 429, 503),
        summary="An access token by client credentials (RFC 6749, 4.4), for five minutes",
    )
    async def issue(self, request: Request[Any, Any, Any]) -> dto.AccessToken:
        """The client authenticates by Basic or in the form; `resource` (RFC 8707) may name this deployment."""
        form = _form(request, await request.body())
        if form.get("grant_type") != "client_credentials":
            raise Invalid("grant_type is client_credentials", code="unsupported_grant_type", at="grant_type")
        id_, secret = _client(request, form)
        issued = await hub_of(request).people.programs.issue(
            id_, secret, form.get("scope", "").split(), form.get("resource") or form.get("audience")
        )
        return dto.AccessToken(issued.token, "Bearer", issued.seconds, " ".join(issued.scopes))


def tenant_of(request: Request[Any, Any, Any]) -> TenantId:
    """Whose site this is. One deployment serves one tenant's people; programs bring theirs with the token."""
    tenant = request.app.state.get("tenant")
    return DEFAULT_TENANT if tenant is None else TenantId(int(tenant))


def founder(body: object) -> Founder:
    """One of the first people. Raises Invalid at its place."""
    if not isinstance(body, dict) or not {"login", "name", "roles"} <= body.keys():
        raise Invalid("each has login, name and roles", code="missing", at="people")
    roles, clearance = body["roles"], body.get("clearance", 2)
    if not isinstance(roles, list) or not roles or not all(one in tuple(Role) for one in roles):
        raise Invalid(f"roles are some of {', '.join(Role)}", code="enum", at="people.roles")
    if not isinstance(clearance, int) or isinstance(clearance, bool):
        raise Invalid("a clearance is 1 to 4", code="bad_clearance", at="people.clearance")
    return Founder(profile_of(body), tuple(Role(one) for one in roles), clearance)


def profile_of(body: Document) -> Profile:
    """Who somebody is, as it was sent. Raises Invalid."""
    return Profile(
        text_field(body, "login") or "",
        text_field(body, "name") or "",
        text_field(body, "email"),
        text_field(body, "phone"),
        text_field(body, "locale") or "zh-CN",
    )


def secret_field(body: Document, name: str) -> str:
    value = text_field(body, name) or ""
    if len(value) > LONGEST_SECRET:
        raise Invalid(f"{name} has at most {LONGEST_SECRET} characters", code="too_long", at=name)
    return value


def _form(request: Request[Any, Any, Any], raw: bytes) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Invalid("send a form", code="unsupported_media_type")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=20)
    except ValueError as error:
        raise Invalid("this is not a form", code="not_a_form") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Invalid("a field is said more than once", code="said_twice")
    return form


def _client(request: Request[Any, Any, Any], form: dict[str, str]) -> tuple[str, str]:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return form.get("client_id", "")[:LONGEST_SECRET], form.get("client_secret", "")[:LONGEST_SECRET]
    try:
        name, _, secret = base64.b64decode(given, validate=True).decode("ascii").partition(":")
    except ValueError as error:
        raise Unauthorized("the client is not known or its secret is wrong", code="invalid_client") from error
    return unquote_plus(name)[:LONGEST_SECRET], unquote_plus(secret)[:LONGEST_SECRET]
