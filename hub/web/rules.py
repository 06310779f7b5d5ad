"""Rules as sentences, their revisions, and why they did or did not fire."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Controller, Request, get
from litestar.params import FromPath, QueryParameter

from hub.app.configure import differences
from hub.app.rules.diff import sentence_diff
from hub.domain.ids import event_id as read_event_id
from hub.domain.rules import explanation_lines
from hub.web import dto_rules as dto
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
        hub = hub_of(request)
        return [dto.RuleView.of(rule, hub.fields) for rule in await hub.queries.rules(caller_of(request).tenant)]

    @get(
        "/{name:str}",
        operation_id="getRule",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="One rule",
    )
    async def one(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RuleView:
        """Its latest revision."""
        hub = hub_of(request)
        return dto.RuleView.of(await hub.lifecycle.rule(caller_of(request).tenant, name), hub.fields)

    @get(
        "/{name:str}/revisions",
        operation_id="listRevisions",
        opt=scope("rules:read"),
        responses=may_answer(401, 403, 404, 503),
        summary="All revisions of a rule, with their reviews",
    )
    async def revisions(self, request: Request[Any, Any, Any], name: FromPath[str]) -> list[dto.RevisionView]:
        """Newest first; none is ever changed."""
        hub = hub_of(request)
        found = await hub.lifecycle.history(caller_of(request).tenant, name)
        return [dto.RevisionView.of(one, hub.fields) for one in found]

    @get(
        "/{name:str}/diff",
        operation_id="diffRevisions",
        opt=scope("rules:read"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="How one revision differs from another, in words",
    )
    async def diff(
        self,
        request: Request[Any, Any, Any],
        name: FromPath[str],
        before: Annotated[int, QueryParameter(ge=1)],
        after: Annotated[int, QueryParameter(ge=1)],
    ) -> dto.DiffView:
        """The sentence in both languages, word by word, and the parts that changed."""
        hub, tenant = hub_of(request), caller_of(request).tenant
        _, old = await hub.lifecycle.numbered(tenant, name, before)
        _, new = await hub.lifecycle.numbered(tenant, name, after)
        said = {
            tongue: [dto.DiffPart.of(part) for part in sentence_diff(old.body, new.body, hub.fields, tongue)]
            for tongue in dto.TONGUES
        }
        return dto.DiffView(before, after, said, differences(old.body, new.body))

    @get(
        "/{name:str}/observed",
        operation_id="listObserved",
        opt=scope("rules:read"),
        responses=may_answer(400, 401, 403, 404, 503),
        summary="What a rule would have done while it only observed",
    )
    async def observed(
        self,
        request: Request[Any, Any, Any],
        name: FromPath[str],
        limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    ) -> dto.ObservedView:
        """Events on which the current revision would have acted; ids only."""
        hub = hub_of(request)
        rule = await hub.lifecycle.rule(caller_of(request).tenant, name)
        revision = rule.current or rule.latest
        async with hub.store.look() as look:
            return dto.ObservedView(revision.number, [*await look.observed(revision.id, limit)])

    @get(
        "/{name:str}/explain/{event_id:str}",
        operation_id="explainRule",
        opt=scope("rules:read", reads="event.why"),
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
        lines = {tongue: explanation_lines(found[0].explanation, catalogue, tongue) for tongue in dto.TONGUES}
        return dto.WhyView.of(found[0], lines)
