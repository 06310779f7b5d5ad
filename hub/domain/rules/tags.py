"""The words on a candidate as conditions see them: those that the event tells, and those that rules have put there."""

from __future__ import annotations

from collections.abc import Collection

from hub.domain.rules.tree import Branch, Condition, Group, RuleBody, Tag, nodes, walk_steps
from mappings.documents import Document

TAGS = "candidate.tags"


def asks_tags(condition: Condition | None) -> bool:
    """Whether the condition looks at the words on the candidate."""
    return any(not isinstance(node, Group) and node.field == TAGS for node in nodes(condition))


def branches_ask_tags(body: RuleBody) -> bool:
    """Whether a branch of the rule does."""
    return any(isinstance(step, Branch) and asks_tags(step.when) for _, step in walk_steps(body.then))


def with_tags(data: Document, tags: Collection[str]) -> Document:
    """The event's data with these words among those that it tells itself. No words at all is an empty list, not unknown."""
    candidate = data.get("candidate")
    known = candidate if isinstance(candidate, dict) else {}
    told = known.get("tags")
    if not tags and isinstance(told, list):
        return data
    own = told if isinstance(told, list) else []
    return {**data, "candidate": {**known, "tags": [*own, *(tag for tag in tags if tag not in own)]}}


def tagged(data: Document, step: Tag) -> Document:
    """The data as the steps after this one see it."""
    more = with_tags(data, () if step.remove else (step.tag,))
    candidate = more["candidate"]
    if step.remove and isinstance(candidate, dict) and isinstance(tags := candidate["tags"], list):
        return {**more, "candidate": {**candidate, "tags": [tag for tag in tags if tag != step.tag]}}
    return more
