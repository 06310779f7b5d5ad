"""The organisation, its requisitions, and programs that sign in."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, delete, get, patch, post, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.people.organisation import KINDS
from hub.domain.errors import Invalid
from hub.domain.permissions import GRANTABLE, role_of
from hub.web import dto_people as dto
from hub.web.auth import caller_of, does, hub_of
from hub.web.bodies import json_fields, takes, text_field, whole_field
from hub.web.people import CLEARANCE
from hub.web.problems import may_answer
from mappings.documents import Document

_TEXT = Schema(type=OpenAPIType.STRING, max_length=400)
_TEXTS = Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING), max_items=500)
_CHANGES = may_answer(400, 401, 403, 404, 409, 413, 422, 503)


class OrganisationController(Controller):
    """`/v1/organisation`"""

    path = "/v1/organisation"
    tags = ("People",)

    @get(
        "/",
        operation_id="getOrganisation",
        opt=does("organisation.read"),
        responses=may_answer(401, 403, 503),
        summary="Groups, companies, departments, regions, stores; parents before children",
    )
    async def tree(self, request: Request[Any, Any, Any]) -> list[dto.NodeView]:
        """A role at a path holds for all below it."""
        found = await hub_of(request).people.organisation.tree(caller_of(request).tenant)
        return [dto.NodeView.of(one) for one in found]

    @post(
        "/",
        operation_id="addPlace",
        opt=does("organisation.change"),
        operation_class=takes(
            {"kind": Schema(type=OpenAPIType.STRING, enum=[*KINDS]), "name": _TEXT, "parent": _TEXT, "code": _TEXT},
            need=["kind", "name"],
        ),
        responses=_CHANGES,
        summary="Add a place to the organisation",
    )
    async def add(self, request: Request[Any, Any, Any]) -> dto.NodeView:
        """Below `parent`, or at the top."""
        caller = caller_of(request)
        body = await json_fields(request, need=("kind", "name"), may=("parent", "code"))
        node = await hub_of(request).people.organisation.add(
            caller.tenant,
            text_field(body, "kind") or "",
            text_field(body, "name") or "",
            caller.id,
            parent=text_field(body, "parent"),
            code=text_field(body, "code"),
        )
        return dto.NodeView.of(node)

    @patch(
        "/{node_id:str}",
        operation_id="renamePlace",
        opt=does("organisation.change"),
        operation_class=takes({"name": _TEXT}, need=["name"]),
        responses=_CHANGES,
        summary="Rename a place",
    )
    async def rename(self, request: Request[Any, Any, Any], node_id: FromPath[str]) -> dto.NodeView:
        """Its path stays."""
        caller, body = caller_of(request), await json_fields(request, need=("name",))
        name = text_field(body, "name") or ""
        return dto.NodeView.of(
            await hub_of(request).people.organisation.rename(caller.tenant, node_id, name, caller.id)
        )

    @delete(
        "/{node_id:str}",
        operation_id="removePlace",
        opt=does("organisation.change"),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="Remove a place where nothing is",
    )
    async def remove(self, request: Request[Any, Any, Any], node_id: FromPath[str]) -> None:
        """Nothing below it, no role at it, no requisition in it."""
        caller = caller_of(request)
        await hub_of(request).people.organisation.remove(caller.tenant, node_id, caller.id)

    @get(
        "/requisitions",
        operation_id="listRequisitions",
        opt=does("organisation.read"),
        responses=may_answer(401, 403, 503),
        summary="Requisitions: where they belong and who works on them",
    )
    async def requisitions(self, request: Request[Any, Any, Any]) -> list[dto.RequisitionView]:
        """By job id."""
        found = await hub_of(request).people.organisation.requisitions(caller_of(request).tenant)
        return [dto.RequisitionView.of(one) for one in found]

    @put(
        "/requisitions/{job_id:str}",
        operation_id="assignRequisition",
        opt=does("requisition.assign"),
        operation_class=takes({"path": _TEXT, "members": _TEXTS}, need=["members"]),
        responses=_CHANGES,
        summary="Say where a requisition belongs and who works on it",
    )
    async def assign(self, request: Request[Any, Any, Any], job_id: FromPath[str]) -> dto.RequisitionView:
        """Replaces what was there. Managers, recruiters and interviewers see the candidates of their requisitions."""
        caller, body = caller_of(request), await json_fields(request, need=("members",), may=("path",))
        path = text_field(body, "path") or "/"
        assigned = await hub_of(request).people.organisation.assign(
            caller.tenant, job_id, caller.id, path=path, members=texts_field(body, "members")
        )
        return dto.RequisitionView.of(assigned)


class GroupsController(Controller):
    """`/v1/directory-groups`"""

    path = "/v1/directory-groups"
    tags = ("People",)

    @get(
        "/",
        operation_id="listDirectoryGroups",
        opt=does("account.read"),
        responses=may_answer(401, 403, 503),
        summary="Groups that the company's directory keeps here",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.DirectoryGroupView]:
        """With the role that each gives."""
        found = await hub_of(request).people.directory.groups(caller_of(request).tenant)
        return [dto.DirectoryGroupView.of(one) for one in found]

    @put(
        "/{group_id:str}",
        operation_id="giveGroupRole",
        opt=does("grant.any"),
        operation_class=takes({"role": Schema(type=OpenAPIType.STRING, enum=[*GRANTABLE]), "path": _TEXT}),
        responses=_CHANGES,
        summary="The role that a group's members have; without one, none",
    )
    async def give(self, request: Request[Any, Any, Any], group_id: FromPath[str]) -> dto.DirectoryGroupView:
        """At a place of the organisation, with all below it."""
        caller, body = caller_of(request), await json_fields(request, may=("role", "path"))
        directory = hub_of(request).people.directory
        role = None if body.get("role") is None else role_of(body["role"])
        group = await directory.group(caller.tenant, group_id)
        path = text_field(body, "path") or "/"
        given = await directory.give_role(group, role, path, caller.id)
        return dto.DirectoryGroupView.of(given)


class ServicesController(Controller):
    """`/v1/service-accounts`"""

    path = "/v1/service-accounts"
    tags = ("People",)

    @get(
        "/",
        operation_id="listServiceAccounts",
        opt=does("service.read"),
        responses=may_answer(401, 403, 503),
        summary="Programs that sign in",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.ServiceView]:
        """Never their secrets."""
        return [dto.ServiceView.of(s) for s in await hub_of(request).people.programs.every(caller_of(request).tenant)]

    @post(
        "/",
        operation_id="addServiceAccount",
        opt=does("service.change"),
        operation_class=takes({"name": _TEXT, "scopes": _TEXTS, "clearance": CLEARANCE}, need=["name", "scopes"]),
        responses=may_answer(400, 401, 403, 409, 413, 422, 503),
        summary="Make a service account; its secret is told once",
    )
    async def add(self, request: Request[Any, Any, Any]) -> dto.ServiceMade:
        """It gets tokens of five minutes at `/oauth/token`."""
        caller, body = caller_of(request), await json_fields(request, need=("name", "scopes"), may=("clearance",))
        clearance = whole_field(body, "clearance")
        account, secret = await hub_of(request).people.programs.add(
            caller.tenant,
            text_field(body, "name") or "",
            texts_field(body, "scopes"),
            caller.id,
            3 if clearance is None else clearance,
        )
        return dto.ServiceMade(dto.ServiceView.of(account), secret)

    @post(
        "/{service_id:str}/secret",
        operation_id="renewServiceSecret",
        opt=does("service.change"),
        status_code=200,
        responses=may_answer(401, 403, 404, 409, 503),
        summary="A new secret, told once; the old one and its tokens end",
    )
    async def renew(self, request: Request[Any, Any, Any], service_id: FromPath[str]) -> dto.SecretView:
        """Other processes see it within a second."""
        caller = caller_of(request)
        return dto.SecretView(await hub_of(request).people.programs.renew_secret(caller.tenant, service_id, caller.id))

    @delete(
        "/{service_id:str}",
        operation_id="revokeServiceAccount",
        opt=does("service.change"),
        responses=may_answer(401, 403, 404, 409, 503),
        summary="Revoke a service account and all its tokens",
    )
    async def revoke(self, request: Request[Any, Any, Any], service_id: FromPath[str]) -> None:
        """For good."""
        caller = caller_of(request)
        await hub_of(request).people.programs.revoke(caller.tenant, service_id, caller.id)
        hub_of(request).access.forget()


def texts_field(body: Document, name: str) -> list[str]:
    """A list of texts of the body. Raises Invalid (`type`)."""
    value = body.get(name, [])
    if not isinstance(value, list) or len(value) > 500 or not all(isinstance(one, str) for one in value):
        raise Invalid(f"{name} is a list of texts", code="type", at=name)
    return [str(one) for one in value]
