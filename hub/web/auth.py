"""Deny by default: a handler without a scope or an explicit `public` cannot be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Operation

from hub.app.access import Caller
from hub.app.hub import Hub
from hub.app.limits import of_tenant
from hub.domain.errors import Forbidden, Unauthorized
from hub.domain.limits import Limit

PUBLIC = {"public": True}


@dataclass
class Open(Operation):
    """An operation that needs no token, and says so in the OpenAPI document."""

    def __post_init__(self) -> None:
        """An empty list overrides the document's own."""
        self.security = []


def scope(name: str) -> dict[str, object]:
    """The `opt` of a handler that needs this scope."""
    return {"scope": name}


def hub_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Hub:
    """The use cases of this process."""
    hub = connection.app.state["hub"]
    assert isinstance(hub, Hub)
    return hub


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Establish the caller and hold the handler's scope against the token's. Raises Unauthorized, Forbidden, Unavailable."""
    if handler.opt.get("public") is True:
        return
    hub = hub_of(connection)
    address = connection.client.host if connection.client else ""
    try:
        caller = await _caller(connection, hub, address)
    except Unauthorized:
        await hub.limits.stranger(address)
        raise
    await hub.limits(Limit.TOKEN, caller.id)
    await hub.limits(Limit.TENANT, of_tenant(caller.tenant))
    wanted = handler.opt.get("scope")
    if not isinstance(wanted, str) or wanted not in caller.scopes:
        raise Forbidden(
            f"the token lacks the scope {wanted}" if wanted else "nobody may call this", code="missing_scope"
        )
    connection.state["caller"] = caller


async def _caller(connection: ASGIConnection[Any, Any, Any, Any], hub: Hub, address: str) -> Caller:
    kind, _, secret = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret or len(secret) > 200 or not secret.isascii():
        raise Unauthorized("a valid API token is needed", code="bad_token")
    secret = secret.strip()
    if not hub.access.knows(secret):  # whoever has been here is not kept out by neighbours of the same address
        hub.limits.shut_out(address)
    return await hub.access.check(secret)


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who is calling, as the guard established it."""
    caller = request.state["caller"]
    assert isinstance(caller, Caller)
    return caller


def may_reveal(caller: Caller, reveal: bool) -> None:
    """Raises Forbidden where personal values are asked for by somebody who may not read events."""
    if reveal and "events:read" not in caller.scopes:
        raise Forbidden("personal values need the scope events:read", code="missing_scope")
