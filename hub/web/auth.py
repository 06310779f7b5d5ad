"""Deny by default: a handler without an action or an explicit `public` cannot be called.

Programs bring a token and are held to its scopes; people bring a session and are held to the matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Operation

from hub.app.access import Caller
from hub.app.hub import Hub
from hub.domain.errors import Forbidden, Unauthorized
from hub.domain.permissions import ACTIONS, action_of_scope
from hub.web.signed import signed_caller

PUBLIC = {"public": True}
COOKIE = "__Host-hirewire"


@dataclass
class Open(Operation):
    """An operation that needs no token, and says so in the OpenAPI document."""

    def __post_init__(self) -> None:
        """An empty list overrides the document's own."""
        self.security = []


def scope(name: str, action: str | None = None, *, by: tuple[str, ...] = ()) -> dict[str, object]:
    """The `opt` of a handler that needs this scope, of people the right to this action (else the scope's first one).

    `by`: query parameters that name the one object that is asked for, and that the handler filters by.
    """
    return {"scope": name, "action": action or action_of_scope(name), "by": by}


def does(action: str) -> dict[str, object]:
    """The `opt` of a handler that does this; tokens need the action's scope, if it has one."""
    return {"scope": ACTIONS[action].scope, "action": action, "by": ()}


def hub_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Hub:
    """The use cases of this process."""
    hub = connection.app.state["hub"]
    assert isinstance(hub, Hub)
    return hub


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Establish the caller and hold the handler's action against the caller's rights. Raises Unauthorized, Forbidden."""
    if handler.opt.get("public") is True:
        return
    header = connection.headers.get("authorization", "")
    cookie = connection.cookies.get(COOKIE)
    if not header and cookie:
        connection.state["caller"] = await signed_caller(hub_of(connection).people, connection, handler, cookie)
        return
    connection.state["caller"] = await _by_token(connection, handler, header)


async def _by_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, header: str) -> Caller:
    kind, _, secret = header.partition(" ")
    if kind.lower() != "bearer" or not secret or len(secret) > 200 or not secret.isascii():
        raise Unauthorized("a valid API token is needed", code="bad_token")
    caller = await hub_of(connection).access.check(secret.strip())
    wanted = handler.opt.get("scope")
    if not isinstance(wanted, str) or wanted not in caller.scopes:
        raise Forbidden(
            f"the token lacks the scope {wanted}" if wanted else "nobody may call this", code="missing_scope"
        )
    if caller.account is not None and not caller.may(str(handler.opt.get("action"))).allow:
        raise Forbidden("this is not for programs", code="no_role")
    return caller


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who is calling, as the guard established it."""
    caller = request.state["caller"]
    assert isinstance(caller, Caller)
    return caller


def may_reveal(caller: Caller, reveal: bool) -> None:
    """Raises Forbidden where personal values are asked for by somebody who may not read events."""
    if reveal and caller.may("event.payload").show < PERSONAL:
        raise Forbidden("personal values need the scope events:read", code="missing_scope")


PERSONAL = 3  # the sensitivity of personal data
