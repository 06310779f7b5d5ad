"""Where a run stands, as a sentence in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hub.domain.rules.program import Program
from hub.domain.rules.step_sentences import approvers_in_words, event_name
from hub.domain.rules.tree import Gate, Wait
from hub.domain.rules.wording import Language
from hub.domain.runs import Run, RunState

_SAID: Mapping[RunState, tuple[str, str]] = {
    RunState.READY: ("about to go on", "即将继续"),
    RunState.DONE: ("done", "已完成"),
    RunState.STOPPED: ("stopped", "已结束，后续步骤未执行"),
    RunState.SKIPPED: ("skipped", "已跳过"),
    RunState.CANCELLED: ("cancelled by a person", "已由人取消"),
    RunState.DISCARDED: ("discarded by a person", "已由人放弃"),
    RunState.FAILED: ("failed", "失败"),
}
_WHY: Mapping[str, tuple[str, str]] = {
    "timed_out": ("time was up", "已超时"),
    "rejected": ("a person said no", "被人拒绝"),
    "once_per": ("the rule ran for this candidate before", "该规则已为此候选人执行过"),
    "rate_cap": ("more runs in an hour than the rule allows", "超过该规则每小时的上限"),
    "loop": ("too many events that follow from each other", "事件连锁过长"),
}


def standing(run: Run, program: Program, *, stopped: bool = False) -> dict[str, str]:
    """The sentence in each language. Times are in UTC. `stopped`: the kill switch of all rules is on."""
    told: dict[Language, str] = {"en": " It is paused: all rules are stopped.", "zh-CN": "已暂停：全部规则目前已停用。"}
    return {language: _stands(run, program, language) + (told[language] if stopped else "") for language in told}


def _stands(run: Run, program: Program, language: Language) -> str:
    english = language == "en"
    step = program.steps.get(run.step or "")
    until = _until(run.until, language)
    if run.state is RunState.GATE and isinstance(step, Gate):
        whom = approvers_in_words(step, language)
        return f"Waits for {whom} to approve{until}." if english else f"等待{whom}批准{until}。"
    if run.state is RunState.HELD:
        why = _why(run.reason, language)
        return f"Held until a person releases it{why}." if english else f"已挂起，等人放行{why}。"
    if run.state is RunState.WAITING:
        if not isinstance(step, Wait):
            return f"Waits{until}." if english else f"等待中{until}。"
        event = event_name(step.event, language)
        return f"Waits for {event}{until}." if english else f"等待{event}{until}。"
    said = _SAID[run.state][not english] + _why(run.reason, language)
    return f"{said[0].upper()}{said[1:]}." if english else f"{said}。"


def _until(until: datetime | None, language: Language) -> str:
    if until is None:
        return ""
    moment = until.strftime("%Y-%m-%d %H:%M UTC")
    return f" until {moment}" if language == "en" else f"，直到 {moment}"


def _why(reason: str | None, language: Language) -> str:
    if reason is None:
        return ""
    words = _WHY.get(reason, (reason, reason))
    return f": {words[0]}" if language == "en" else f"：{words[1]}"
