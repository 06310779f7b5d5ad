"""The result of a backtest in words, English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator

from hub.app.fieldbook import Fieldbook
from hub.app.rules_words import clause_words
from mappings.documents import Document, Json


def result_lines(result: Document, rule: Document, fields: Fieldbook, language: str) -> list[str]:
    """What would have happened, compared, which clause stood in the way, and what would have been sent."""
    if language == "en":
        return list(_english(result, clause_words(rule, fields, "en")))
    return list(_chinese(result, clause_words(rule, fields, "zh-CN")))


def _english(r: Document, words: dict[str, str]) -> Iterator[str]:
    yield f"would have fired {r['fires']} times on {r['events']} events, {_day(r['since'])} to {_day(r['until'])}"
    if r["compared_with"] is not None:
        yield f"the revision in force ({r['compared_with']}): {r['live_fires']}; newly {r['newly']}, no longer {r['no_longer']}"
    if r["unknown"]:
        yield f"not enough known: {r['unknown']}"
    if r["unreadable"]:
        yield f"erased, not counted: {r['unreadable']}"
    for one in _rows(r["clauses"]):
        yield f"  {_named(one, words)}: no {one['false']}, unknown {one['unknown']}; alone in the way {one['alone']}"
    for one in _rows(r["actions"]):
        peak = f", {one['peak_per_hour']} in the busiest hour" if one["peak_per_hour"] else ""
        yield f"  {one['connection']}: {one['operation']} {one['count']} times{peak}"
    yield from _samples(r, "fires", "newly", "no longer")


def _chinese(r: Document, words: dict[str, str]) -> Iterator[str]:
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
    for one in _rows(r["actions"]):
        peak = f"，最忙一小时 {one['peak_per_hour']} 次" if one["peak_per_hour"] else ""
        yield f"  {one['connection']}：{one['operation']} {one['count']} 次{peak}"
    yield from _samples(r, "触发", "新增", "不再触发")


def _samples(r: Document, fires: str, newly: str, no_longer: str) -> Iterator[str]:
    samples = r["samples"]
    compared = r["compared_with"] is not None
    kinds = {"newly": newly, "no_longer": no_longer} if compared else {"fires": fires}
    for kind, word in kinds.items():
        ids = samples[kind] if isinstance(samples, dict) else []
        for id in ids[:5] if isinstance(ids, list) else ():
            yield f"  {word}: {id}"


def _named(one: Document, words: dict[str, str]) -> str:
    return f"{one['id']} {words.get(str(one['id']), '')}".strip()


def _rows(value: Json) -> list[Document]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _day(value: Json) -> str:
    return str(value)[:10]
