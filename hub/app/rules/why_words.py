"""Answers to `why` as lines that people read, in English and Chinese."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.app.fieldbook import Fieldbook
from hub.app.rules.why import CandidateWhy, Effect, EventWhy, Finding, in_the_way
from hub.domain.consents import NEEDS_CONSENT
from hub.domain.rules import explanation_lines

# By reason: what is said after the rule's name.
_REASONS: Mapping[str, tuple[str, str]] = {
    "acted": ("acted", "已执行"),
    "observed": ("would have acted; it only observes", "本会执行；当前仅观察"),
    "stopped": ("would have acted; all rules were stopped", "本会执行；当时全部规则已停用"),
    "not_met": ("did not act: its conditions were not met", "未执行：条件不满足"),
    "unknown": ("did not act: not enough is known", "未执行：信息不足，无法确定"),
    "paused": ("is paused", "已暂停"),
    "draft": ("is a draft and not in force", "仍是草稿，未生效"),
    "not_in_force": ("was not in force when this came", "事件到达时尚未生效"),
    "both": ("tried beside the one in force: would act as well", "与现行版本并行观察：同样会执行"),
    "newly": (
        "tried beside the one in force: would act, which that one does not",
        "与现行版本并行观察：会执行，现行版本不会",
    ),
    "no_longer": (
        "tried beside the one in force: would not act, which that one does",
        "与现行版本并行观察：不会执行，现行版本会",
    ),
    "beside": ("tried beside the one in force: would not act either", "与现行版本并行观察：同样不会执行"),
    "no_event": ("waits: no such event came", "仍在等待：尚未收到此类事件"),
}
_OTHERWISE = {
    True: ("It would act on this event.", "若生效，会对此事件执行。"),
    False: ("It would not act on this event either:", "即使生效，也不会对此事件执行："),
    None: ("It would not act on this event either; not enough is known:", "即使生效，也不会执行；信息不足："),
}
_STATES: Mapping[str, tuple[str, str]] = {
    "ready": ("waits to be sent", "等待发送"),
    "leased": ("is being sent", "正在发送"),
    "waiting": ("waits for an earlier delivery of the same candidate", "等待同一候选人的上一次投递"),
    "held": ("is held until a person decides", "已保留，等待人工决定"),
    "delivered": ("was delivered", "已送达"),
    "dead": ("failed for good", "最终失败"),
    "expired": ("came too late and was given up", "已过期，不再发送"),
    "superseded": ("was replaced by something newer", "已被更新的内容取代"),
    "cancelled": ("was cancelled", "已取消"),
}


def event_lines(why: EventWhy, fields: Fieldbook, language: str, *, reveal: bool = False) -> list[str]:
    """The event, then every rule that waits for its type: first what it said, below it what stood in the way."""
    return list(_event(why, fields, language, reveal))


def candidate_lines(why: CandidateWhy, fields: Fieldbook, language: str, *, reveal: bool = False) -> list[str]:
    """Every event of the candidate, newest first, then the rules for which nothing came."""
    lines = [line for event in why.events for line in (*_event(event, fields, language, reveal), "")]
    if why.more:
        lines += [_in(language, "Older events are not shown.", "更早的事件未显示。"), ""]
    lines += [line for finding in why.waiting for line in _finding(finding, fields, language, reveal)]
    return lines if lines and lines[-1] else lines[:-1]


def finding_lines(finding: Finding, fields: Fieldbook, language: str, *, reveal: bool = False) -> list[str]:
    """One rule's answer."""
    return list(_finding(finding, fields, language, reveal))


def _event(why: EventWhy, fields: Fieldbook, language: str, reveal: bool) -> Iterator[str]:
    event = why.event
    at = event.received_at.strftime("%Y-%m-%d %H:%M:%SZ")
    yield f"{event.type} {event.id} {at}"
    if why.stopped:
        yield _in(language, "  All rules are stopped now.", "  全部规则目前已停用。")
    if why.note == "own":
        yield _in(language, "  The hub's own event: no rule may wait for it.", "  系统内部事件，规则不能等待它。")
        return
    if why.note == "erased":
        yield _in(
            language, "  Its data was erased: nobody can tell what was in it.", "  其数据已被删除，内容无法再查看。"
        )
    if not why.findings:
        yield _in(language, "  No rule waits for this type of event.", "  没有规则等待此类事件。")
    for finding in why.findings:
        for line in _finding(finding, fields, language, reveal):
            yield f"  {line}"


def _finding(finding: Finding, fields: Fieldbook, language: str, reveal: bool) -> Iterator[str]:
    said = _in(language, *_REASONS[finding.reason])
    revision = _in(language, f"revision {finding.revision.number}", f"第 {finding.revision.number} 版")
    if finding.reason == "no_event":
        said = f"{said} ({finding.trigger})" if language == "en" else f"{said}（{finding.trigger}）"
    yield f"{finding.rule} ({revision}): {said}" if language == "en" else f"{finding.rule}（{revision}）：{said}"
    if finding.explanation is not None and finding.reason in ("paused", "draft", "not_in_force"):
        yield "  " + _in(language, *_OTHERWISE[finding.verdict])
    if finding.explanation is not None and finding.explanation.verdict is not True:
        catalogue = fields(finding.revision.body)
        for line in explanation_lines(in_the_way(finding.explanation), catalogue, language, reveal=reveal):
            yield f"  {line}"
    for effect in finding.effects:
        yield f"  {_effect(effect, language)}"


def _effect(effect: Effect, language: str) -> str:
    words = _STATES.get(effect.state)
    if effect.state == "held" and (effect.error or "").startswith(NEEDS_CONSENT):
        words = ("is held until the candidate agrees", "已保留，等待候选人同意")
    said = effect.state if words is None else _in(language, *words)
    if effect.state in ("dead", "ready") and effect.attempts:
        tries = "1 try" if effect.attempts == 1 else f"{effect.attempts} tries"
        said += _in(language, f" after {tries}", f"（已尝试 {effect.attempts} 次）")
    if effect.error is not None and effect.state != "delivered":
        said += f": {effect.error}" if language == "en" else f"：{effect.error}"
    if effect.lane != "active" and effect.state in ("ready", "waiting", "held"):
        said += _in(language, f"; the connection is {effect.lane}", f"；连接状态为 {effect.lane}")
    return f"{effect.id} {effect.connection}: {effect.operation} {said}"


def _in(language: str, english: str, chinese: str) -> str:
    return english if language == "en" else chinese
