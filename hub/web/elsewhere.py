"""Signing in by providers elsewhere, and which ones there are."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.people.elsewhere import LONGEST, SECOND_FACTORS
from hub.domain.errors import Unauthorized
from hub.ports.accounts import Provider
from hub.web import dto_people as dto
from hub.web.auth import PUBLIC, Open, caller_of, does, hub_of
from hub.web.bodies import json_fields, takes
from hub.web.problems import may_answer
from hub.web.setup import tenant_of
from hub.web.sign_in import COOKIE_ATTRIBUTES, login_answer
from hub.web.signed import must_be_ours

BEGUN = "__Host-hirewire-begun"
_TEXT = Schema(type=OpenAPIType.STRING, max_length=LONGEST)


class WayView(msgspec.Struct):
    """A way to sign in, for the sign-in page."""

    id: str
    kind: str
    label: str


class ProviderView(msgspec.Struct):
    """A provider as it is configured, never its secret."""

    id: str
    kind: str
    enabled: bool
    config: dict[str, object]

    @classmethod
    def of(cls, one: Provider) -> ProviderView:
        """From the record."""
        return cls(one.id, one.kind, one.enabled, {**one.config})


class GoView(msgspec.Struct):
    """Where the browser goes."""

    url: str


_NAMES = (
    "issuer", "client_id", "client_secret", "client_auth", "scope", "groups_claim", "tenant_key", "corp_id", "agent_id",
    "label",
)  # fmt: skip
_PROVIDER = {
    "kind": Schema(type=OpenAPIType.STRING, enum=["oidc", "feishu", "dingtalk", "wecom"]),
    "enabled": Schema(type=OpenAPIType.BOOLEAN),
    "create": Schema(type=OpenAPIType.BOOLEAN),
    "link": Schema(type=OpenAPIType.BOOLEAN),
    "userinfo": Schema(type=OpenAPIType.BOOLEAN),
    "second_factor": Schema(type=OpenAPIType.STRING, enum=[*SECOND_FACTORS]),
    "clearance": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=4),
    "groups": Schema(type=OpenAPIType.OBJECT),
    **dict.fromkeys(_NAMES, _TEXT),
}


class ElsewhereController(Controller):
    """`/v1/auth/elsewhere`"""

    path = "/v1/auth/elsewhere"
    tags = ("Sign-in",)
    opt = PUBLIC

    @get(
        "/",
        operation_id="listWays",
        operation_class=Open,
        responses=may_answer(503),
        summary="Ways to sign in elsewhere",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[WayView]:
        """Those of this site that are enabled; people of other tenants are told the name of theirs."""
        found = await hub_of(request).people.elsewhere.every(tenant_of(request))
        return [WayView(one.id, one.kind, str(one.config.get("label") or one.id)) for one in found if one.enabled]

    @post(
        "/{provider_id:str}",
        operation_id="beginElsewhere",
        operation_class=Open,
        status_code=200,
        responses=may_answer(403, 404, 422, 503),
        summary="Begin to sign in elsewhere: the browser goes to `url`",
    )
    async def begin(self, request: Request[Any, Any, Any], provider_id: FromPath[str]) -> Response[GoView]:
        """A cookie ties the answer to this browser. Whose people sign in is settled by the provider's name."""
        people = hub_of(request).people
        must_be_ours(people, request, None)
        begun = await people.elsewhere.begin(provider_id)
        cookie = f"{BEGUN}={begun.keep}; Max-Age=300; {COOKIE_ATTRIBUTES}"
        return Response(GoView(begun.url), status_code=200, headers={"Set-Cookie": cookie})

    @get(
        "/{provider_id:str}/callback",
        operation_id="endElsewhere",
        operation_class=Open,
        responses=may_answer(401, 403, 404, 422, 503),
        summary="Where the provider sends the browser back to",
    )
    async def end(self, request: Request[Any, Any, Any], provider_id: FromPath[str]) -> Response[dto.LoginView]:
        """Signed in, or asked for a second factor of ours."""
        kept = request.cookies.get(BEGUN, "")
        answer = {name: str(value) for name, value in request.query_params.items()}
        if not kept or len(kept) > 300 or any(len(value) > 4096 for value in answer.values()):
            raise Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
        return login_answer(await hub_of(request).people.elsewhere.end(provider_id, kept, answer))


class ProvidersController(Controller):
    """`/v1/sign-in-providers`"""

    path = "/v1/sign-in-providers"
    tags = ("Sign-in",)

    @get(
        "/",
        operation_id="listProviders",
        opt=does("sign_in.change"),
        responses=may_answer(401, 403, 503),
        summary="Providers as they are configured",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[ProviderView]:
        """Never their secrets."""
        found = await hub_of(request).people.elsewhere.every(caller_of(request).tenant)
        return [ProviderView.of(one) for one in found]

    @put(
        "/{provider_id:str}",
        operation_id="putProvider",
        operation_class=takes(_PROVIDER, need=["kind"]),
        opt=does("sign_in.change"),
        responses=may_answer(400, 401, 403, 409, 413, 422, 503),
        summary="Configure how people sign in elsewhere",
    )
    async def put(self, request: Request[Any, Any, Any], provider_id: FromPath[str]) -> ProviderView:
        """`link`: the provider may speak for logins that are here. `create`: it may bring new people."""
        caller = caller_of(request)
        body = await json_fields(request, need=("kind",), may=tuple(name for name in _PROVIDER if name != "kind"))
        return ProviderView.of(await hub_of(request).people.elsewhere.put(caller.tenant, provider_id, body, caller.id))

    @delete(
        "/{provider_id:str}",
        operation_id="removeProvider",
        opt=does("sign_in.change"),
        responses=may_answer(401, 403, 404, 503),
        summary="Remove a provider; nobody signs in by it any more",
    )
    async def remove(self, request: Request[Any, Any, Any], provider_id: FromPath[str]) -> None:
        """People stay."""
        caller = caller_of(request)
        await hub_of(request).people.elsewhere.remove(caller.tenant, provider_id, caller.id)
