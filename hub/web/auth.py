"""Deny by default: a handler without a scope or an explicit `public` cannot be called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Operation

from hub.app.access import Caller
from hub.app.hub import Hub
from hub.domain.errors import Forbidden, Unauthorized

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
    """Establish the caller and hold the handler's scope against the token's. Raises Unauthorized, Forbidden."""
    if handler.opt.get("public") is not True:
        connection.state["caller"] = await admit(hub_of(connection), connection.headers, handler.opt)


async def admit(hub: Hub, headers: Mapping[str, str], opt: Mapping[str, object]) -> Caller:
    """Who may call a handler with these `opt`. Raises Unauthorized, Forbidden."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret or len(secret) > 200 or not secret.isascii():
        raise Unauthorized("a valid API token is needed", code="bad_token")
    caller = await hub.access.check(secret.strip())
    wanted = opt.get("scope")
    if not isinstance(wanted, str) or wanted not in caller.scopes:
        raise Forbidden(
            f"the token lacks the scope {wanted}" if wanted else "nobody may call this", code="missing_scope"
        )
    return caller


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who is calling, as the guard established it."""
    caller = request.state["caller"]
    assert isinstance(caller, Caller)
    return caller


def may_reveal(caller: Caller, reveal: bool) -> None:
    """Raises Forbidden where personal values are asked for by somebody who may not read events."""
    if reveal and "events:read" not in caller.scopes:
        raise Forbidden("personal values need the scope events:read", code="missing_scope")
