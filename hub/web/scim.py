"""SCIM 2.0 (RFC 7643, 7644): the company's directory keeps users and groups here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post, put
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery

from hub.app.people.directory import Directory
from hub.domain.errors import HubError, Invalid, PreconditionFailed
from hub.domain.scim import parse_filter, patched
from hub.ports.accounts import Group, Person
from hub.web.auth import caller_of, does, hub_of
from hub.web.bodies import parse_json
from hub.web.problems import TITLES, on_hub_error
from mappings.documents import Document, Json

SCIM = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MOST = 200
_TYPES = frozenset({"invalidFilter", "invalidSyntax", "invalidPath", "noTarget", "invalidValue"})
_TAKEN = frozenset({"login_taken", "name_taken"})


@dataclass
class TakesResource(Operation):
    """A SCIM resource or patch."""

    request_body: RequestBody | None = field(default=None)

    def __post_init__(self) -> None:
        """One content type; others that say JSON are read as well."""
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT))
        self.request_body = RequestBody(content={SCIM: media}, required=True)


class ScimError(msgspec.Struct, omit_defaults=True):
    """RFC 7644, 3.12."""

    schemas: list[str]
    status: str
    detail: str = ""
    code: str = ""  # ours, beside what the RFC has: stable, as everywhere
    scimType: str = ""  # noqa: N815 - RFC 7644's name


def _may_answer(*statuses: int) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            data_container=ScimError, media_type=SCIM, description=TITLES[status], generate_examples=False
        )
        for status in statuses
    }


_READS = _may_answer(400, 401, 403, 404, 429, 503)
_CHANGES = _may_answer(400, 401, 403, 404, 409, 412, 413, 429, 503)


def scim_error(request: Request[Any, Any, Any], error: HubError) -> Response[Any]:
    """A named error of ours, as RFC 7644, 3.12 has it."""
    plain = on_hub_error(request, error)
    status = 400 if isinstance(error, Invalid) else plain.status_code
    body: Document = {"schemas": [ERROR], "status": str(status), "detail": str(error), "code": error.code}
    if error.code in _TYPES:
        body["scimType"] = error.code
    elif error.code in _TAKEN:
        body["scimType"] = "uniqueness"
    return Response(body, status_code=status, media_type=SCIM, headers=plain.headers)


def scim_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """An error of the framework, without its text."""
    body = {"schemas": [ERROR], "status": str(error.status_code)}
    return Response(body, status_code=error.status_code, media_type=SCIM)


class ScimController(Controller):
    """`/scim/v2`"""

    path = "/scim/v2"
    tags = ("Directory",)
    opt = does("directory.sync")
    exception_handlers = {HubError: scim_error, HTTPException: scim_http_error}  # noqa: RUF012 - the framework's type

    @get(
        "/ServiceProviderConfig",
        media_type=SCIM,
        responses=_READS,
        operation_id="scimConfig",
        summary="What of SCIM is here",
    )
    async def config(self) -> Response[Any]:
        """Patches, filters and ETags; neither bulk nor sorting nor passwords."""
        no: Document = {"supported": False}
        yes: Document = {"supported": True}
        return answer(
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
                "patch": yes, "etag": yes, "sort": no, "changePassword": no,
                "filter": {**yes, "maxResults": MOST},
                "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
                "authenticationSchemes": [
                    {"type": "oauthbearertoken", "name": "API token", "description": "with the scope scim:write"}
                ],
            }
        )  # fmt: skip

    @get("/ResourceTypes", media_type=SCIM, responses=_READS, operation_id="scimTypes", summary="Users and groups")
    async def types(self) -> Response[Any]:
        """Both of RFC 7643."""
        kinds: list[Json] = [
            {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
                "id": name, "name": name, "endpoint": f"/{name}s", "schema": schema,
            }
            for name, schema in (("User", USER), ("Group", GROUP))
        ]  # fmt: skip
        return answer(listed(kinds, 1, len(kinds)))

    @get("/Users", media_type=SCIM, responses=_READS, operation_id="scimUsers", summary="Users, by filter and page")
    async def users(
        self,
        request: Request[Any, Any, Any],
        filter: FromQuery[str | None] = None,
        startIndex: FromQuery[str | None] = None,  # noqa: N803 - RFC 7644's name
        count: FromQuery[str | None] = None,
    ) -> Response[Any]:
        """`userName eq "..."` and whatever else RFC 7644 lets one ask."""
        directory, tenant = directory_of(request), caller_of(request).tenant
        found = [as_user(request, person, body) for person, body in await directory.users(tenant)]
        return answer(page(found, filter, startIndex, count))

    @post(
        "/Users",
        media_type=SCIM,
        responses=_CHANGES,
        operation_id="scimAddUser",
        operation_class=TakesResource,
        summary="A user comes",
    )
    async def add_user(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """An account that signs in elsewhere, or by an invitation."""
        caller = caller_of(request)
        made = await directory_of(request).add_user(caller.tenant, await _body(request), caller.id)
        return answer(as_user(request, *made), 201)

    @get("/Users/{user_id:str}", media_type=SCIM, responses=_READS, operation_id="scimUser", summary="One user")
    async def user(self, request: Request[Any, Any, Any], user_id: FromPath[str]) -> Response[Any]:
        """304 where If-None-Match says so."""
        found = await directory_of(request).user(caller_of(request).tenant, user_id)
        return unless_known(request, as_user(request, *found))

    @put(
        "/Users/{user_id:str}",
        media_type=SCIM,
        responses=_CHANGES,
        operation_id="scimPutUser",
        operation_class=TakesResource,
        summary="A user as it is",
    )
    async def put_user(self, request: Request[Any, Any, Any], user_id: FromPath[str]) -> Response[Any]:
        """What is left out is gone."""
        person, _ = await self._user(request, user_id)
        changed = await directory_of(request).put_user(person, await _body(request), caller_of(request).id)
        return answer(as_user(request, *changed))

    @patch(
        "/Users/{user_id:str}",
        media_type=SCIM,
        responses=_CHANGES,
        operation_id="scimPatchUser",
        operation_class=TakesResource,
        summary="A user changes",
    )
    async def patch_user(self, request: Request[Any, Any, Any], user_id: FromPath[str]) -> Response[Any]:
        """add, replace, remove."""
        person, before = await self._user(request, user_id)
        after = patched(before, await _body(request))
        changed = await directory_of(request).put_user(person, after, caller_of(request).id)
        return answer(as_user(request, *changed))

    @delete("/Users/{user_id:str}", responses=_CHANGES, operation_id="scimDropUser", summary="A user goes")
    async def drop_user(self, request: Request[Any, Any, Any], user_id: FromPath[str]) -> None:
        """The account and what let it in."""
        person, _ = await self._user(request, user_id)
        await directory_of(request).drop_user(person, caller_of(request).id)

    async def _user(self, request: Request[Any, Any, Any], id: str) -> tuple[Person, Document]:
        person, body = await directory_of(request).user(caller_of(request).tenant, id)
        must_match(request, person.version)
        return person, body

    @get("/Groups", media_type=SCIM, responses=_READS, operation_id="scimGroups", summary="Groups, by filter and page")
    async def groups(
        self,
        request: Request[Any, Any, Any],
        filter: FromQuery[str | None] = None,
        startIndex: FromQuery[str | None] = None,  # noqa: N803 - RFC 7644's name
        count: FromQuery[str | None] = None,
    ) -> Response[Any]:
        """With their members."""
        found = await directory_of(request).groups(caller_of(request).tenant)
        return answer(page([as_group(request, one) for one in found], filter, startIndex, count))

    @post(
        "/Groups",
        media_type=SCIM,
        responses=_CHANGES,
        operation_id="scimAddGroup",
        operation_class=TakesResource,
        summary="A group comes",
    )
    async def add_group(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Its members have no role by it before somebody here gives it one."""
        caller = caller_of(request)
        made = await directory_of(request).add_group(caller.tenant, await _body(request), caller.id)
        return answer(as_group(request, made), 201)

    @get("/Groups/{group_id:str}", media_type=SCIM, responses=_READS, operation_id="scimGroup", summary="One group")
    async def group(self, request: Request[Any, Any, Any], group_id: FromPath[str]) -> Response[Any]:
        """With its members."""
        found = await directory_of(request).group(caller_of(request).tenant, group_id)
        return unless_known(request, as_group(request, found))

    @put(
        "/Groups/{group_id:str}",
        media_type=SCIM,
        responses=_CHANGES,
        operation_id="scimPutGroup",
        operation_class=TakesResource,
        summary="A group as it is",
    )
    async def put_group(self, request: Request[Any, Any, Any], group_id: FromPath[str]) -> Response[Any]:
        """What is left out is gone."""
        found = await self._group(request, group_id)
        changed = await directory_of(request).put_group(found, await _body(request), caller_of(request).id)
        return answer(as_group(request, changed))

    @patch(
        "/Groups/{group_id:str}",
        media_type=SCIM,
        responses=_CHANGES,
        operation_id="scimPatchGroup",
        operation_class=TakesResource,
        summary="A group changes",
    )
    async def patch_group(self, request: Request[Any, Any, Any], group_id: FromPath[str]) -> Response[Any]:
        """Members come and go."""
        found = await self._group(request, group_id)
        after = patched(group_body(found), await _body(request))
        changed = await directory_of(request).put_group(found, after, caller_of(request).id)
        return answer(as_group(request, changed))

    @delete("/Groups/{group_id:str}", responses=_CHANGES, operation_id="scimDropGroup", summary="A group goes")
    async def drop_group(self, request: Request[Any, Any, Any], group_id: FromPath[str]) -> None:
        """The roles that it gave are gone too."""
        await directory_of(request).drop_group(await self._group(request, group_id), caller_of(request).id)

    async def _group(self, request: Request[Any, Any, Any], id: str) -> Group:
        found = await directory_of(request).group(caller_of(request).tenant, id)
        must_match(request, found.version)
        return found


async def _body(request: Request[Any, Any, Any]) -> Document:
    body = parse_json(await request.body())
    if not isinstance(body, dict):
        raise Invalid("send an object", code="invalidSyntax")
    return body


def directory_of(request: Request[Any, Any, Any]) -> Directory:
    """The use cases."""
    return hub_of(request).people.directory


def as_user(request: Request[Any, Any, Any], person: Person, body: Document) -> Document:
    """A user with its schema and meta."""
    meta = _meta(request, "User", person.id, person.version)
    return {"schemas": [USER], **body, "meta": {**meta, "created": person.created_at.isoformat()}}


def group_body(group: Group) -> Document:
    """A group without meta."""
    members: list[Json] = [{"value": one} for one in group.members]
    found: Document = {"id": group.id, "displayName": group.name, "members": members}
    return found if group.external is None else {**found, "externalId": group.external}


def as_group(request: Request[Any, Any, Any], group: Group) -> Document:
    """A group with its schema and meta."""
    meta = _meta(request, "Group", group.id, group.version)
    return {"schemas": [GROUP], **group_body(group), "meta": {**meta, "created": group.created_at.isoformat()}}


def _meta(request: Request[Any, Any, Any], kind: str, id: str, version: int) -> Document:
    site = hub_of(request).people.policy.site
    return {"resourceType": kind, "location": f"{site}/scim/v2/{kind}s/{id}", "version": f'W/"{version}"'}


def answer(body: Document, status: int = 200) -> Response[Any]:
    """A SCIM answer, with the resource's ETag and address."""
    meta, headers = body.get("meta"), {}
    if isinstance(meta, dict):
        headers = {"ETag": str(meta["version"]), "Location": str(meta["location"])}
    return Response(body, status_code=status, media_type=SCIM, headers=headers)


def unless_known(request: Request[Any, Any, Any], body: Document) -> Response[Any]:
    """The resource, or 304 where the caller has this version."""
    meta = body["meta"]
    assert isinstance(meta, dict)
    if request.headers.get("if-none-match") == meta["version"]:
        return Response(b"", status_code=304, headers={"ETag": str(meta["version"])})
    return answer(body)


def must_match(request: Request[Any, Any, Any], version: int) -> None:
    """Raises PreconditionFailed where If-Match names another version."""
    wanted = request.headers.get("if-match")
    if wanted not in (None, "*", f'W/"{version}"'):
        raise PreconditionFailed("this is another version by now", code="other_version")


def listed(found: Sequence[Json], start: int, total: int) -> Document:
    """A ListResponse."""
    return {
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(found), "Resources": [*found]
    }  # fmt: skip


def page(every: Sequence[Document], filter: str | None, start: str | None, count: str | None) -> Document:
    """Those that meet the filter, from `start` (1 is the first), at most 200."""
    found = every if not filter else [one for one in every if parse_filter(filter)(one)]
    first, size = max(_whole(start, 1, "startIndex"), 1), min(max(_whole(count, MOST, "count"), 0), MOST)
    return listed(found[first - 1 : first - 1 + size], first, len(found))


def _whole(text: str | None, default: int, name: str) -> int:
    if text is None or text == "":
        return default
    if len(text) > 9 or not text.lstrip("-").isdigit() or not text.isascii():
        raise Invalid(f"{name} is a whole number", code="invalidValue", at=name)
    return int(text)
