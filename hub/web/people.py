"""Named accounts and their rights."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, patch, post
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, FromQuery, QueryParameter

from hub.app.access import Caller
from hub.app.people.people import People
from hub.app.people.rights import grant_decisions, may_grant
from hub.domain.errors import Forbidden, Invalid
from hub.domain.permissions import GRANTABLE, Role, role_of
from hub.ports.accounts import Person
from hub.web import dto_people as dto
from hub.web.auth import caller_of, does, hub_of
from hub.web.bodies import json_fields, moment_field, takes, text_field, whole_field
from hub.web.problems import may_answer
from hub.web.setup import profile_of
from hub.web.signed import subject_of

TEXT = Schema(type=OpenAPIType.STRING, max_length=254)
CLEARANCE = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=4)
_PROFILE = dict.fromkeys(("login", "name", "email", "phone", "locale"), TEXT)
_TIME = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)
_CHANGES = may_answer(400, 401, 403, 404, 409, 413, 422, 503)


class PeopleController(Controller):
    """`/v1/people`"""

    path = "/v1/people"
    tags = ("People",)

    @get(
        "/",
        operation_id="listPeople",
        opt=does("account.read", reads="person.read"),
        responses=may_answer(400, 401, 403, 503),
        summary="Named accounts, by id",
    )
    async def every(
        self,
        request: Request[Any, Any, Any],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
        cursor: FromQuery[str | None] = None,
    ) -> dto.PersonPage:
        """With names and logins: personal data."""
        people = hub_of(request).people
        if not 1 <= limit <= 200 or (cursor is not None and not cursor.startswith("usr_")):
            raise Invalid("this is not a cursor of this list", code="bad_cursor", at="cursor")
        found = await people.roster.page(caller_of(request).tenant, cursor, limit)
        more = found[-1].id if len(found) == limit else None
        return dto.PersonPage([await _view(people, one) for one in found], more)

    @post(
        "/",
        operation_id="addPerson",
        opt=does("account.change"),
        operation_class=takes({**_PROFILE, "clearance": CLEARANCE}, need=["login", "name"]),
        responses=may_answer(400, 401, 403, 409, 413, 422, 503),
        summary="Make an account; the person sets a password by the invitation",
    )
    async def add(self, request: Request[Any, Any, Any]) -> dto.InvitedView:
        """Without any role. A clearance above 2 is given by who may grant."""
        people, caller = hub_of(request).people, caller_of(request)
        body = await json_fields(request, need=("login", "name"), may=("email", "phone", "locale", "clearance"))
        clearance = whole_field(body, "clearance") or 2
        if clearance > 2 and not caller.may("grant.any").allow:
            raise Forbidden("a clearance above 2 is granted", code="no_role")
        person = await people.roster.add(caller.tenant, profile_of(body), caller.id, clearance=clearance)
        return dto.InvitedView(await _view(people, person), await people.roster.invite(person, caller.id))

    @get(
        "/{person_id:str}",
        operation_id="getPerson",
        opt=does("account.read", reads="person.read"),
        responses=may_answer(401, 403, 404, 503),
        summary="One account",
    )
    async def one(self, request: Request[Any, Any, Any], person_id: FromPath[str]) -> dto.PersonView:
        """Personal data."""
        people, _, person = await _named(request, person_id)
        return await _view(people, person)

    @patch(
        "/{person_id:str}",
        operation_id="changePerson",
        opt=does("account.change"),
        operation_class=takes({**_PROFILE, "enabled": Schema(type=OpenAPIType.BOOLEAN)}),
        responses=_CHANGES,
        summary="Change who an account is, disable or enable it",
    )
    async def change(self, request: Request[Any, Any, Any], person_id: FromPath[str]) -> dto.PersonView:
        """Disabled: nothing of it is accepted from the next request on."""
        people, caller, person = await _named(request, person_id)
        body = await json_fields(request, may=(*_PROFILE, "enabled"))
        if fields := {name: text_field(body, name) for name in _PROFILE if name in body}:
            profile = replace(await people.sealing.profile(person), **fields)  # type: ignore[arg-type]
            person = await people.roster.change(person, caller.id, profile=profile)
        enabled = body.get("enabled")
        if enabled is not None and not isinstance(enabled, bool):
            raise Invalid("enabled is true or false", code="type", at="enabled")
        if enabled is False:
            if person.id == caller.id:
                raise Forbidden("nobody disables his or her own account", code="own_rights")
            person = await people.roster.disable(person, caller.id)
        elif enabled and person.state == "disabled":
            person = await people.roster.enable(person, caller.id)
        return await _view(people, person)

    @post(
        "/{person_id:str}/invitation",
        operation_id="invitePerson",
        opt=does("account.change"),
        status_code=200,
        responses=may_answer(401, 403, 404, 503),
        summary="A new invitation, for a forgotten password too",
    )
    async def invite(self, request: Request[Any, Any, Any], person_id: FromPath[str]) -> dto.InvitedView:
        """Second factors stay: who lost those as well needs a recovery code."""
        people, caller, person = await _named(request, person_id)
        return dto.InvitedView(await _view(people, person), await people.roster.invite(person, caller.id))

    @post(
        "/{person_id:str}/clearance",
        operation_id="setClearance",
        opt=does("grant.any"),
        status_code=200,
        operation_class=takes({"clearance": CLEARANCE}, need=["clearance"]),
        responses=_CHANGES,
        summary="The highest class that a person may ever see, whatever the roles",
    )
    async def clearance(self, request: Request[Any, Any, Any], person_id: FromPath[str]) -> dto.PersonView:
        """Not one's own."""
        people, caller, person = await _named(request, person_id)
        level = whole_field(await json_fields(request, need=("clearance",)), "clearance")
        if person.id == caller.id:
            raise Forbidden("nobody grants anything to himself or herself", code="own_rights")
        return await _view(people, await people.roster.set_clearance(person, level or 0, caller.id))

    @get(
        "/{person_id:str}/rights",
        operation_id="getRights",
        opt=does("account.read"),
        responses=may_answer(401, 403, 404, 503),
        summary="The effective rights of a person: what, by which role, where, on which conditions",
    )
    async def rights(self, request: Request[Any, Any, Any], person_id: FromPath[str]) -> dto.RightsView:
        """In both languages."""
        return await rights_view(hub_of(request).people, caller_of(request).tenant, person_id)

    @post(
        "/{person_id:str}/grants",
        operation_id="grantRole",
        opt=does("self.use"),
        operation_class=takes(
            {"role": Schema(type=OpenAPIType.STRING, enum=[*GRANTABLE]), "path": TEXT, "until": _TIME}, need=["role"]
        ),
        responses=_CHANGES,
        summary="Grant a role, at a place of the organisation, for a while",
    )
    async def grant(self, request: Request[Any, Any, Any], person_id: FromPath[str]) -> dto.GrantView:
        """Never to oneself. HR administrators grant business roles, security administrators all."""
        people, caller = hub_of(request).people, caller_of(request)
        body = await json_fields(request, need=("role",), may=("path", "until"))
        role, path, until = role_of(body["role"]), text_field(body, "path") or "/", moment_field(body, "until")
        _must_grant(request, role)
        granted = await people.rights.grant(caller.tenant, person_id, role, caller.id, path=path, until=until)
        return dto.GrantView.of(granted)

    @delete(
        "/{person_id:str}/grants/{grant_id:str}",
        operation_id="takeRole",
        opt=does("self.use"),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="Take a role away; the person's sessions end",
    )
    async def take(self, request: Request[Any, Any, Any], person_id: FromPath[str], grant_id: FromPath[str]) -> None:
        """Somebody must be able to grant: the last security administrator stays."""
        people, caller = hub_of(request).people, caller_of(request)
        found = await people.rights.find(caller.tenant, person_id, grant_id)
        _must_grant(request, Role(found.role))
        await people.rights.take(found, caller.id)


def _must_grant(request: Request[Any, Any, Any], role: Role) -> None:
    subject = subject_of(request)
    if not may_grant(grant_decisions(subject, hub_of(request).clock.now()), role):
        raise Forbidden("this role is not yours to grant", code="no_role")


async def rights_view(people: People, tenant: Any, person_id: str) -> dto.RightsView:
    """What somebody may do, for the API and the command line."""
    person = await people.roster.get(tenant, person_id)
    grants = await people.rights.grants(tenant, person_id)
    rights = await people.rights.effective(tenant, person_id)
    return dto.RightsView(
        person.id, person.clearance, [dto.GrantView.of(g) for g in grants], [dto.RightView.of(r) for r in rights]
    )


async def _named(request: Request[Any, Any, Any], person_id: str) -> tuple[People, Caller, Person]:
    """The account that the path names, of the caller's tenant. Raises NotFound."""
    people, caller = hub_of(request).people, caller_of(request)
    return people, caller, await people.roster.get(caller.tenant, person_id)


async def _view(people: People, person: Person) -> dto.PersonView:
    return dto.PersonView.of(person, await people.sealing.profile(person))
