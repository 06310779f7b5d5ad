"""Which rules could fire on the same event, and what both of them would then do.

That two rules cannot meet is certain. That they can is proven by a `witness`, where one is found.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.domain.rules.compiling import Act, CompiledRule
from hub.domain.rules.examples import example
from hub.domain.rules.fields import Fields
from hub.domain.rules.limits import Box
from hub.domain.rules.meeting import both_boxes, boxes_meet
from hub.domain.rules.wording import quoted
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Overlap:
    """A rule that may fire on an event on which the new one fires.

    `shared`: acts that both carry out; `twice`: those of them that nobody would notice to be done a second time.
    """

    rule: str
    shared: tuple[Act, ...]
    twice: tuple[Act, ...]
    _pair: tuple[CompiledRule, CompiledRule] = field(compare=False, repr=False)

    def witness(self, now: datetime, fields: Fields | None = None) -> Document | None:
        """Data of an event on which both fire, or None where none was found; `fields` help to find one."""
        one, other = self._pair
        for mine in one.region:
            for theirs in other.region:
                box = both_boxes(mine, theirs)
                data = None if box is None else example(box, now, fields)
                if data is not None and one.decide(data, now) is True and other.decide(data, now) is True:
                    return data
        return None


def overlaps(new: CompiledRule, others: Mapping[str, CompiledRule], once: Container[Act] = ()) -> list[Overlap]:
    """The rules among `others` (name -> rule) that may fire together with `new`, in their order.

    `once`: acts that must not be done twice for one candidate; what both rules would do of them is in `twice`.
    """
    on, region, acts = new.on, new.region, frozenset(new.acts)
    found = []
    for name, other in others.items():
        if other.body.on == on and _may_meet(region, other.region):
            shared = () if acts.isdisjoint(other.acts) else tuple([act for act in other.acts if act in acts])
            found.append(Overlap(name, shared, tuple([act for act in shared if act in once]), (new, other)))
    return found


def _may_meet(one: tuple[Box, ...], other: tuple[Box, ...]) -> bool:
    for mine in one:
        for theirs in other:
            if boxes_meet(mine, theirs):
                return True
    return False


def overlap_line(overlap: Overlap, language: str) -> str:
    """The overlap in words, in `en` or `zh-CN`."""
    rule = quoted(overlap.rule)
    if language == "en":
        twice, shared = (" and ".join(f"{act} at {at}" for at, act in acts) for acts in (overlap.twice, overlap.shared))
        if twice:
            return f"May fire together with the rule {rule}: {twice} would be done twice."
        return f"May fire together with the rule {rule}" + (f"; both do {shared}." if shared else ".")
    twice, shared = ("、".join(f"{at} 的 {act}" for at, act in acts) for acts in (overlap.twice, overlap.shared))
    if twice:
        return f"可能与规则{rule}同时触发：{twice} 将被执行两次。"
    return f"可能与规则{rule}同时触发" + (f"；两者都会执行 {shared}。" if shared else "。")
