"""Deny by default: a handler without a scope or an explicit `public` cannot be called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Operation

from hub.app.access import Caller
from hub.app.hub import Hub
from hub.domain.audit import Grade, Outcome, act_from
from hub.domain.errors import Forbidden, Unauthorized

PUBLIC = {"public": True}
UNNAMED = "(no id)"  # a path that holds something else than an id is not copied into the record
_NAME = re.compile(r"[\w.:-]{1,200}", re.ASCII)
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass
class Open(Operation):
    """An operation that needs no token, and says so in the OpenAPI document."""

    def __post_init__(self) -> None:
        """An empty list overrides the document's own."""
        self.security = []


def scope(name: str, *, reads: str | None = None, grade: Grade = Grade.PERSONAL) -> dict[str, object]:
    """The `opt` of a handler that needs this scope; `reads`: the act that is noted before it shows data of `grade`."""
    return {"scope": name} if reads is None else {"scope": name, "reads": reads, "grade": grade}


def hub_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Hub:
    """The use cases of this process."""
    hub = connection.app.state["hub"]
    assert isinstance(hub, Hub)
    return hub


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Establish the caller, note what is about to be read, hold the handler's scope against the token's.

    Raises Unauthorized, Forbidden, Unavailable: what cannot be noted is not shown.
    """
    opt = handler.opt
    if opt.get("public") is True:
        return
    caller = await _known(hub_of(connection), connection.headers)
    act_from(f"api {connection.client.host}" if connection.client else "api")
    if opt.get("reads"):
        await _note(connection, handler, caller, Outcome.ALLOWED if _may(caller, opt) else Outcome.REFUSED)
    connection.state["caller"] = _held(caller, opt)


async def admit(hub: Hub, headers: Mapping[str, str], opt: Mapping[str, object]) -> Caller:
    """Who may call a handler with these `opt`. Raises Unauthorized, Forbidden."""
    return _held(await _known(hub, headers), opt)


async def _known(hub: Hub, headers: Mapping[str, str]) -> Caller:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret or len(secret) > 200 or not secret.isascii():
        raise Unauthorized("a valid API token is needed", code="bad_token")
    return await hub.access.check(secret.strip())


def _may(caller: Caller, opt: Mapping[str, object]) -> bool:
    wanted = opt.get("scope")
    return isinstance(wanted, str) and wanted in caller.scopes


def _held(caller: Caller, opt: Mapping[str, object]) -> Caller:
    if not _may(caller, opt):
        wanted = opt.get("scope")
        raise Forbidden(
            f"the token lacks the scope {wanted}" if wanted else "nobody may call this", code="missing_scope"
        )
    return caller


async def _note(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, caller: Caller, outcome: Outcome
) -> None:
    object_ = next(iter(connection.path_params.values()), "")
    purpose = connection.headers.get("hirewire-purpose", "")
    await hub_of(connection).trail.read(
        caller.tenant,
        caller.id,
        handler.opt["reads"],
        object_ if _NAME.fullmatch(object_) else UNNAMED,
        grade=handler.opt["grade"],
        purpose=purpose if _PURPOSE.fullmatch(purpose) else None,
        outcome=outcome,
    )


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who is calling, as the guard established it."""
    caller = request.state["caller"]
    assert isinstance(caller, Caller)
    return caller


def may_reveal(caller: Caller, reveal: bool) -> None:
    """Raises Forbidden where personal values are asked for by somebody who may not read events."""
    if reveal and "events:read" not in caller.scopes:
        raise Forbidden("personal values need the scope events:read", code="missing_scope")
