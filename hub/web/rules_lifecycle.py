"""Changing rules: drafts, reviews, what is in force, the kill switch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Controller, Request, get, post, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from hub.app.held import FATES
from hub.app.rules.lifecycle import LONGEST_REASON, STATES
from hub.domain.errors import Invalid
from hub.ports.rules import Rule
from hub.web import dto_rules as dto
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, takes, text_field, whole_field
from hub.web.problems import may_answer
from hub.web.signed import decision_of
from mappings.documents import Document

_REASON = Schema(type=OpenAPIType.STRING, max_length=LONGEST_REASON)
_REVISION = Schema(type=OpenAPIType.INTEGER, minimum=1)
_WHY = takes({"reason": _REASON})
_CHANGES = may_answer(400, 401, 403, 404, 409, 413, 422, 503)


class LifecycleController(Controller):
    """`/v1/rules`, the verbs."""

    path = "/v1/rules"
    tags = ("Rules",)

    @put(
        "/{name:str}/draft",
        operation_id="draftRule",
        opt=scope("rules:write"),
        operation_class=takes({"rule": Schema(type=OpenAPIType.OBJECT), "reason": _REASON}, need=["rule"]),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Make the next revision of a rule; what is in force stays in force",
    )
    async def draft(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RuleView:
        """A rule of a new name begins as a draft. An unchanged rule keeps its revision."""
        body = await json_fields(request, need=("rule",), may=("reason",))
        rule = body["rule"]
        if not isinstance(rule, dict):
            raise Invalid("a rule is an object", code="type", at="rule")
        hub, caller = hub_of(request), caller_of(request)
        drafted = await hub.lifecycle.draft(caller.tenant, name, rule, caller.id, text_field(body, "reason"))
        return dto.RuleView.of(drafted, hub.fields)

    @post(
        "/{name:str}/restore",
        operation_id="restoreRevision",
        opt=scope("rules:write"),
        status_code=200,
        operation_class=takes({"revision": _REVISION, "reason": _REASON}, need=["revision"]),
        responses=_CHANGES,
        summary="Bring an old revision back as the draft",
    )
    async def restore(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RuleView:
        """As a new revision; what is in force stays in force."""
        body = await json_fields(request, need=("revision",), may=("reason",))
        hub, caller = hub_of(request), caller_of(request)
        reason = text_field(body, "reason")
        restored = await hub.lifecycle.restore(caller.tenant, name, _number(body), caller.id, reason)
        return dto.RuleView.of(restored, hub.fields)

    @post(
        "/{name:str}/submit",
        operation_id="submitRule",
        opt=scope("rules:write"),
        status_code=200,
        operation_class=_WHY,
        responses=_CHANGES,
        summary="Ask for a review of the latest revision",
    )
    async def submit(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RevisionView:
        """Somebody else approves or returns it."""
        return await _reviewed(request, name, hub_of(request).lifecycle.submit)

    @post(
        "/{name:str}/approve",
        operation_id="approveRule",
        opt=scope("rules:approve"),
        status_code=200,
        operation_class=takes({"revision": _REVISION, "reason": _REASON}, need=["revision"]),
        responses=_CHANGES,
        summary="Approve the latest revision, which somebody else wrote",
    )
    async def approve(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RevisionView:
        """`revision` is the one that was looked at: a newer one is a conflict."""
        return await _reviewed(request, name, hub_of(request).lifecycle.approve, need=("revision",))

    @post(
        "/{name:str}/return",
        operation_id="returnRule",
        opt=scope("rules:approve"),
        status_code=200,
        operation_class=_WHY,
        responses=_CHANGES,
        summary="Return the latest revision to its author",
    )
    async def send_back(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RevisionView:
        """Also one that was approved."""
        return await _reviewed(request, name, hub_of(request).lifecycle.send_back)

    @post(
        "/{name:str}/state",
        operation_id="turnRule",
        opt=scope("rules:write", "rule.publish"),
        status_code=200,
        operation_class=takes(
            {
                "state": Schema(type=OpenAPIType.STRING, enum=[*STATES]),
                "revision": _REVISION,
                "held": Schema(type=OpenAPIType.STRING, enum=[*FATES], default="keep"),
                "reason": _REASON,
            },
            need=["state"],
        ),
        responses=_CHANGES,
        summary="Observe, put in force, or pause",
    )
    async def turn(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.TurnedView:
        """Without `revision`: the current one if that changes the state, else the latest. Its test cases are run first.

        A pause holds what the rule caused and has not left. `held` says what becomes of that; a paused rule's is not released.
        """
        body = await json_fields(request, need=("state",), may=("revision", "held", "reason"))
        caller, decision, life = caller_of(request), decision_of(request), hub_of(request).lifecycle
        rule, cases = await life.turn(
            caller.tenant,
            name,
            text_field(body, "state") or "",
            caller.id,
            number=whole_field(body, "revision"),
            reason=text_field(body, "reason"),
            reviewed=decision is not None and decision.review,
            held=text_field(body, "held") or "keep",
        )
        live = None if rule.live is None else rule.live.number
        shown = [dto.CaseView.of(one) for one in cases]
        return dto.TurnedView(rule.name, rule.state, live, shown, await life.held(rule))


class SwitchController(Controller):
    """`/v1/rule-switch`"""

    path = "/v1/rule-switch"
    tags = ("Rules",)

    @get(
        "/",
        operation_id="getRuleSwitch",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 503),
        summary="Whether all rules are stopped",
    )
    async def one(self, request: Request[Any, Any, Any]) -> dto.SwitchView:
        """The kill switch."""
        return dto.SwitchView.of(await hub_of(request).kill_switch.standing(caller_of(request).tenant))

    @put(
        "/",
        operation_id="setRuleSwitch",
        opt=scope("rules:write", "rule.stop"),
        operation_class=takes(
            {
                "stopped": Schema(type=OpenAPIType.BOOLEAN),
                "held": Schema(type=OpenAPIType.STRING, enum=[*FATES], default="keep"),
                "reason": _REASON,
            },
            need=["stopped"],
        ),
        responses=may_answer(400, 401, 403, 413, 422, 503),
        summary="Stop all rules at once, or let them act again",
    )
    async def set(self, request: Request[Any, Any, Any]) -> dto.SwitchView:
        """Stopped rules go on deciding; what they caused and has not left is held, and runs wait.

        `held` says what becomes of the held deliveries when rules act again.
        """
        body = await json_fields(request, need=("stopped",), may=("held", "reason"))
        if not isinstance(body["stopped"], bool):
            raise Invalid("stopped is true or false", code="type", at="stopped")
        switch, caller = hub_of(request).kill_switch, caller_of(request)
        reason, held = text_field(body, "reason"), text_field(body, "held") or "keep"
        if held not in FATES:
            raise Invalid(f"held is one of {', '.join(FATES)}", code="enum", at="held")
        if not body["stopped"]:
            return dto.SwitchView.of(await switch.resume(caller.tenant, caller.id, reason, held=held))
        return dto.SwitchView.of(await switch.stop(caller.tenant, caller.id, reason))


def _number(body: Document) -> int:
    number = whole_field(body, "revision")
    if number is None:
        raise Invalid("revision is a whole number", code="type", at="revision")
    return number


async def _reviewed(
    request: Request[Any, Any, Any], name: str, act: Callable[..., Awaitable[Rule]], *, need: tuple[str, ...] = ()
) -> dto.RevisionView:
    """One act of a review on the latest revision: who, why and, where it is needed, which number was looked at."""
    body = await json_fields(request, need=need, may=("reason",))
    hub, caller = hub_of(request), caller_of(request)
    number = {"number": _number(body)} if "revision" in need else {}
    await act(caller.tenant, name, caller.id, text_field(body, "reason"), **number)
    return dto.RevisionView.of((await hub.lifecycle.history(caller.tenant, name))[0], hub.fields)
