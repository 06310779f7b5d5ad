"""What a configuration file may do to rules where a second person must approve them: propose, pause, and go back."""

from __future__ import annotations

import json
from datetime import datetime

from hub.app.rules.lifecycle import is_approved, review_state
from hub.domain.ids import TenantId
from hub.ports.rules import Review, Rule, RuleRevision, Rules
from mappings.documents import Document

WAITS = "it becomes a draft, submitted; approve it, then apply again or put it in force"


async def may_be_in_force(rules: Rules, tenant: TenantId, name: str, body: Document) -> bool:
    """Whether this body is the current revision already, or an approved and backtested latest one."""
    rule = await rules.rule(tenant, name)
    return rule is not None and await _free(rules, rule, body) is not None


async def propose(
    rules: Rules, tenant: TenantId, name: str, body: Document, *, state: str, by: str, now: datetime
) -> None:
    """Do what needs no review; what needs one becomes a draft with the review asked for."""
    rule = await rules.rule(tenant, name)
    free = None if rule is None else await _free(rules, rule, body)
    if state in ("draft", "paused") or rule is None or free is None:
        drafted = await rules.draft_rule(tenant, name, body, by=by, now=now)
        if state == "paused":
            await rules.set_rule(drafted.id, state, None if drafted.current is None else drafted.current.id)
        elif state == "draft":
            await rules.set_rule(drafted.id, state, None)
        elif review_state(drafted.latest, await rules.reviews(drafted.id)) in ("draft", "returned"):
            await rules.add_review(drafted.id, Review(drafted.latest.id, "submit", by, now))
    else:
        await rules.set_rule(rule.id, state, free.id)


async def _free(rules: Rules, rule: Rule, body: Document) -> RuleRevision | None:
    """The revision with this body that may come into force as it is."""
    if rule.current is not None and _same(rule.current.body, body):
        return rule.current
    if not _same(rule.latest.body, body) or not is_approved(rule.latest, await rules.reviews(rule.id)):
        return None
    tried = await rules.backtests(rule.id, 100)
    return rule.latest if any(one.revision == rule.latest.id and one.state == "done" for one in tried) else None


def _same(one: Document, other: Document) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
