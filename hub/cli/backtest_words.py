"""The result of a backtest in words, English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.app.fieldbook import Fieldbook
from hub.app.rules.words import clause_words
from mappings.documents import Document, Json

SHOWN = 10  # of each kind
_KEPT_BACK = {
    "once_per": ("had run for the candidate before", "该候选人此前已执行过"),
    "rate_cap": ("over the hourly limit, held for a person", "超过每小时上限，挂起等人处理"),
    "loop": ("too long a chain of events, held for a person", "事件连锁过长，挂起等人处理"),
}
_ENDS = {
    "done": ("ran to the end", "全部执行完毕"),
    "stopped": ("stopped when time was up", "超时结束"),
    "held": ("held for a person when time was up", "超时后挂起等人处理"),
    "gate": ("stand at a gate, where a person decides", "停在审批处，等人决定"),
    "waiting": ("still wait", "仍在等待"),
}


def result_lines(
    result: Document, rule: Document, fields: Fieldbook, language: str, names: Mapping[str, str] | None = None
) -> list[str]:
    """What would have happened, compared, which clause stood in the way, and what would have been sent to whom."""
    if language == "en":
        return list(_english(result, clause_words(rule, fields, "en"), names or {}))
    return list(_chinese(result, clause_words(rule, fields, "zh-CN"), names or {}))


def _english(r: Document, words: dict[str, str], names: Mapping[str, str]) -> Iterator[str]:
    yield f"would have fired {r['fires']} times on {r['events']} events, {_day(r['since'])} to {_day(r['until'])}"
    if r["compared_with"] is not None:
        yield f"the revision in force ({r['compared_with']}): {r['live_fires']}; newly {r['newly']}, no longer {r['no_longer']}"
    if r["unknown"]:
        yield f"not enough known: {r['unknown']}"
    if r["unreadable"]:
        yield f"erased, not counted: {r['unreadable']}"
    for one in _rows(r["clauses"]):
        yield f"  {_named(one, words)}: no {one['false']}, unknown {one['unknown']}; alone in the way {one['alone']}"
    for why, count in _counts(r, "kept_back"):
        yield f"  kept back: {count} {_KEPT_BACK[why][0]}"
    for end, count in _counts(r, "ends"):
        yield f"  runs: {count} {_ENDS[end][0]}"
    if r.get("mode") == "observe":
        yield "  it only observes: nothing would have been sent"
    for one in _rows(r["actions"]):
        peak = f", {one['peak_per_hour']} in the busiest hour" if one["peak_per_hour"] else ""
        yield f"  {one['connection']}: {one['operation']} {one['count']} times{peak}"
    yield f"candidates: {r.get('candidates', 0)}"
    yield from _samples(r, names, ("fires", "newly", "no longer"))


def _chinese(r: Document, words: dict[str, str], names: Mapping[str, str]) -> Iterator[str]:
    yield f"{_day(r['since'])} 至 {_day(r['until'])} 共 {r['events']} 个事件，本会触发 {r['fires']} 次"
    if r["compared_with"] is not None:
        yield (
            f"现行第 {r['compared_with']} 版触发 {r['live_fires']} 次；新增 {r['newly']} 次，不再触发 {r['no_longer']} 次"
        )
    if r["unknown"]:
        yield f"信息不足：{r['unknown']}"
    if r["unreadable"]:
        yield f"数据已删除，未计入：{r['unreadable']}"
    for one in _rows(r["clauses"]):
        yield f"  {_named(one, words)}：不满足 {one['false']}，未知 {one['unknown']}；仅因此条未触发 {one['alone']}"
    for why, count in _counts(r, "kept_back"):
        yield f"  未执行 {count} 次：{_KEPT_BACK[why][1]}"
    for end, count in _counts(r, "ends"):
        yield f"  流程 {count} 个：{_ENDS[end][1]}"
    if r.get("mode") == "observe":
        yield "  仅观察：不会发送任何内容"
    for one in _rows(r["actions"]):
        peak = f"，最忙一小时 {one['peak_per_hour']} 次" if one["peak_per_hour"] else ""
        yield f"  {one['connection']}：{one['operation']} {one['count']} 次{peak}"
    yield f"涉及候选人 {r.get('candidates', 0)} 位"
    yield from _samples(r, names, ("触发", "新增", "不再触发"))


def _samples(r: Document, names: Mapping[str, str], words: tuple[str, str, str]) -> Iterator[str]:
    """Candidates, each with the name that may be shown, else the events of those who have no id."""
    fires, newly, no_longer = words
    kinds = {"newly": newly, "no_longer": no_longer} if r["compared_with"] is not None else {"fires": fires}
    for kind, word in kinds.items():
        who = _ids(r.get("who"), kind)
        for id in who or _ids(r["samples"], kind):
            yield f"  {word}: {id} {names.get(id, '')}".rstrip()


def _ids(value: Json, kind: str) -> list[str]:
    found = value.get(kind) if isinstance(value, dict) else None
    return [str(one) for one in found[:SHOWN]] if isinstance(found, list) else []


def _counts(r: Document, name: str) -> Iterator[tuple[str, Json]]:
    counts = r.get(name)
    for word, count in counts.items() if isinstance(counts, dict) else ():
        if count:
            yield word, count


def _named(one: Document, words: dict[str, str]) -> str:
    return f"{one['id']} {words.get(str(one['id']), '')}".strip()


def _rows(value: Json) -> list[Document]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _day(value: Json) -> str:
    return str(value)[:10]
