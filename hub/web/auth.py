"""Deny by default: a handler without an action or an explicit `public` cannot be called.

Programs bring a token and are held to its scopes; people bring a session and are held to the matrix.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.openapi.spec import Operation

from hub.app.access import Caller
from hub.app.hub import Hub
from hub.app.limits import of_tenant
from hub.domain.audit import Grade, Outcome, act_from
from hub.domain.errors import Forbidden, Unauthorized
from hub.domain.limits import Limit
from hub.domain.permissions import ACTIONS, Reason, action_of_scope
from hub.domain.permissions.deciding import RECORDINGS
from hub.web.signed import PURPOSE, SAYS, names_of, signed_caller

PUBLIC = {"public": True}
UNNAMED = "(no id)"  # a path that holds something else than an id is not copied into the record
COOKIE = "__Host-hirewire"
_NAME = re.compile(r"[\w.:-]{1,200}", re.ASCII)
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass
class Open(Operation):
    """An operation that needs no token, and says so in the OpenAPI document."""

    def __post_init__(self) -> None:
        """An empty list overrides the document's own."""
        self.security = []


def scope(
    name: str,
    action: str | None = None,
    *,
    by: tuple[str, ...] = (),
    reads: str | None = None,
    grade: Grade = Grade.PERSONAL,
) -> dict[str, object]:
    """The `opt` of a handler that needs this scope, of people the right to this action (else the scope's first one).

    `by`: query parameters that name the one object that is asked for, and that the handler filters by.
    `reads`: the act that is noted before the handler shows data of `grade`.
    """
    said: dict[str, object] = {"scope": name, "action": action or action_of_scope(name), "by": by}
    return said if reads is None else {**said, "reads": reads, "grade": grade}


def does(action: str, *, reads: str | None = None) -> dict[str, object]:
    """The `opt` of a handler that does this; tokens need the action's scope, if it has one. `reads`: as of `scope`."""
    said: dict[str, object] = {"scope": ACTIONS[action].scope, "action": action, "by": ()}
    return said if reads is None else {**said, "reads": reads, "grade": Grade.PERSONAL}


def hub_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Hub:
    """The use cases of this process."""
    hub = connection.app.state["hub"]
    assert isinstance(hub, Hub)
    return hub


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Establish the caller, note what is about to be read, hold the handler's action against the caller's rights.

    Raises Unauthorized, Forbidden, Unavailable: what cannot be noted is not shown.
    """
    opt = handler.opt
    if opt.get("public") is True:
        return
    hub, cookie = hub_of(connection), connection.cookies.get(COOKIE)
    address = connection.client.host if connection.client else ""
    act_from(f"api {address}".strip())
    if cookie and not connection.headers.get("authorization"):
        async with counting_strangers(hub, address):
            caller, refusal = await signed_caller(hub.people, connection, handler, cookie)
        await _count(hub, caller)
    else:
        caller = await _known(hub, connection.headers, address)
        refusal = _refusal(caller, opt) or await _taken_back(hub, caller, connection, handler)
    if opt.get("reads"):
        await _note(connection, handler, caller, Outcome.REFUSED if refusal else Outcome.ALLOWED)
    if refusal is not None:
        raise refusal
    connection.state["caller"] = caller


async def admit(hub: Hub, headers: Mapping[str, str], opt: Mapping[str, object], address: str) -> Caller:
    """The program that may call a handler with these `opt`. Raises Unauthorized, Forbidden, Unavailable."""
    caller = await _known(hub, headers, address)
    refusal = _refusal(caller, opt)
    if refusal is not None:
        raise refusal
    return caller


@asynccontextmanager
async def counting_strangers(hub: Hub, address: str) -> AsyncIterator[None]:
    """A call that proves nothing counts against its address. Raises Unavailable (`rate_limited`)."""
    try:
        yield
    except Unauthorized:
        await hub.limits.stranger(address)
        raise


async def _known(hub: Hub, headers: Mapping[str, str], address: str) -> Caller:
    try:
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret or len(secret) > 200 or not secret.isascii():
            raise Unauthorized("a valid API token is needed", code="bad_token")
        secret = secret.strip()
        if not hub.access.knows(secret):  # whoever has been here is not kept out by neighbours of the same address
            hub.limits.shut_out(address)
        caller = await hub.access.check(secret)
    except Unauthorized:
        await hub.limits.stranger(address)
        raise
    await _count(hub, caller)
    return caller


async def _count(hub: Hub, caller: Caller) -> None:
    await hub.limits(Limit.TOKEN, caller.id)
    await hub.limits(Limit.TENANT, of_tenant(caller.tenant))


def _refusal(caller: Caller, opt: Mapping[str, object]) -> Forbidden | None:
    wanted = opt.get("scope")
    if not isinstance(wanted, str) or wanted not in caller.scopes:
        return Forbidden(
            f"the token lacks the scope {wanted}" if wanted else "nobody may call this", code="missing_scope"
        )
    if caller.account is not None and not caller.may(str(opt.get("action"))).allow:
        return Forbidden("this is not for programs", code="no_role")
    return None


async def _taken_back(
    hub: Hub, caller: Caller, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> Forbidden | None:
    """What a program may not watch either: recordings of who withdrew."""
    if handler.opt.get("action") not in RECORDINGS:
        return None
    reach, names = hub.people.reach, names_of(connection, handler)
    if not await reach.withdrawn(caller.tenant, names, hub.clock.now()):
        return None
    return Forbidden(SAYS[Reason.CONSENT_WITHDRAWN], code=str(Reason.CONSENT_WITHDRAWN))


async def _note(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler, caller: Caller, outcome: Outcome
) -> None:
    object_ = next(iter(connection.path_params.values()), "")
    purpose = connection.headers.get(PURPOSE, "")
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
    if reveal and caller.may("event.payload").show < PERSONAL:
        raise Forbidden("personal values need the scope events:read", code="missing_scope")


PERSONAL = 3  # the sensitivity of personal data
