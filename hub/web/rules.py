"""Rules as sentences, and why they did or did not fire."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get
from litestar.params import FromPath

from hub.app.hub import Hub
from hub.domain.errors import NotFound
from hub.domain.ids import event_id as read_event_id
from hub.domain.rules import explanation_lines, parse, sentence
from hub.ports.store import Rule
from hub.web import dto
from hub.web.auth import caller_of, hub_of, scope
from hub.web.problems import may_answer


class RulesController(Controller):
    """`/v1/rules`"""

    path = "/v1/rules"
    tags = ("Rules",)

    @get(
        "/",
        operation_id="listRules",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 503),
        summary="All rules, each as a sentence in both languages",
    )
    async def every(self, request: Request[Any, Any, Any]) -> list[dto.RuleView]:
        """By name."""
        return [view(hub_of(request), rule) for rule in await hub_of(request).queries.rules(caller_of(request).tenant)]

    @get(
        "/{name:str}",
        operation_id="getRule",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="One rule",
    )
    async def one(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RuleView:
        """Its latest revision."""
        for rule in await hub_of(request).queries.rules(caller_of(request).tenant):
            if rule.name == name:
                return view(hub_of(request), rule)
        raise NotFound("there is no such rule")

    @get(
        "/{name:str}/explain/{event_id:str}",
        operation_id="explainRule",
        opt=scope("rules:read"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="Why a rule fired on an event or did not, clause by clause",
    )
    async def explain(
        self, request: Request[Any, Any, Any], name: FromPath[str], event_id: FromPath[str]
    ) -> dto.WhyView:
        """In both languages; values of sensitive fields are hidden."""
        hub = hub_of(request)
        found = await hub.queries.why(caller_of(request).tenant, read_event_id(event_id), hub.clock.now(), rule=name)
        catalogue = hub.fields((found[0].rule.live or found[0].rule.latest).body)
        lines = {tongue: explanation_lines(found[0].explanation, catalogue, tongue) for tongue in ("en", "zh-CN")}
        return dto.WhyView.of(found[0], lines)


def view(hub: Hub, rule: Rule) -> dto.RuleView:
    """A rule with its sentences."""
    body = parse(rule.latest.body)
    catalogue = hub.fields(rule.latest.body)
    return dto.RuleView.of(rule, body.on, {tongue: sentence(body, catalogue, tongue) for tongue in ("en", "zh-CN")})
