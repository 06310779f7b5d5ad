"""The first people of a tenant: what is open to who has no account yet."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from hub.app.people.first_run import Founder
from hub.app.people.sealing import Profile
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.domain.permissions import role_of
from hub.web import dto_people as dto
from hub.web.auth import PUBLIC, Open, hub_of
from hub.web.bodies import json_fields, takes, text_field
from hub.web.problems import may_answer
from hub.web.signed import must_be_ours
from mappings.documents import Document

_TICKET = Schema(type=OpenAPIType.STRING, max_length=200)
_OBJECT = Schema(type=OpenAPIType.OBJECT)
LONGEST_SECRET = 1000


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


def tenant_of(request: Request[Any, Any, Any]) -> TenantId:
    """Whose site this is. One deployment serves one tenant's people; programs bring theirs with the token."""
    tenant = request.app.state.get("tenant")
    return DEFAULT_TENANT if tenant is None else TenantId(int(tenant))


def founder(body: object) -> Founder:
    """One of the first people. Raises Invalid at its place."""
    if not isinstance(body, dict) or not {"login", "name", "roles"} <= body.keys():
        raise Invalid("each has login, name and roles", code="missing", at="people")
    roles, clearance = body["roles"], body.get("clearance", 2)
    if not isinstance(roles, list) or not roles:
        raise Invalid("everybody has a role", code="missing", at="people.roles")
    if not isinstance(clearance, int) or isinstance(clearance, bool):
        raise Invalid("a clearance is 1 to 4", code="bad_clearance", at="people.clearance")
    return Founder(profile_of(body), tuple(role_of(one, "people.roles") for one in roles), clearance)


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
