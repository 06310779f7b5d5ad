"""Steps and guards in words, in English and Chinese: the `then` part of a rule's sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from hub.domain.rules.catalogue import Catalogue
from hub.domain.rules.tree import (
    TO_CANDIDATE,
    Action,
    Branch,
    Condition,
    Delay,
    Emit,
    Gate,
    Guards,
    Message,
    Once,
    OnTimeout,
    Same,
    Step,
    Tag,
    Wait,
)
from hub.domain.rules.wording import Language, quoted, show_span
from mappings.canonical import events

Ask = Callable[[Condition, str | None], str]  # a condition in words, read on an event type (None: the rule's own)


def event_catalogue(type: str) -> Catalogue | None:
    """The catalogue of an event type that is known."""
    versions = [version for name, version in events() if name == type]
    return Catalogue.of_event(type, max(versions)) if versions else None


def event_name(type: str, language: Language) -> str:
    """An event as people call it, in quotation marks."""
    catalogue = event_catalogue(type)
    return quoted((catalogue.label.get(language) if catalogue else None) or type)


def steps_in_words(steps: Sequence[Step], ask: Ask, language: Language, on: str | None = None) -> str:
    """All steps in order; `on` is the event type that the run stands at."""
    told = []
    for step in steps:
        told.append(_step(step, ask, language, on))
        if isinstance(step, Wait):
            on = step.event
    return ("; then " if language == "en" else "；再").join(told)


def _step(step: Step, ask: Ask, language: Language, on: str | None) -> str:
    english = language == "en"
    match step:
        case Action():
            return _action(step, language)
        case Message():
            return _message(step, language)
        case Wait():
            return _wait(step, ask, language, on)
        case Delay(span=span, business_hours=business_hours):
            time = show_span(span, language).strip() if span else ""
            if english:
                parts = [f"wait {time}" if time else "", "wait for business hours" if business_hours else ""]
                return " and ".join(part for part in parts if part)
            parts = [f"等待 {time}" if time else "", "等到工作时间" if business_hours else ""]
            return "，并".join(part for part in parts if part)
        case Branch(when=when, then=then, otherwise=otherwise):
            yes = steps_in_words(then, ask, language, on)
            no = steps_in_words(otherwise, ask, language, on) if otherwise else ""
            if english:
                return f"if {ask(when, on)}, ({yes})" + (f", otherwise ({no})" if no else "")
            return f"若{ask(when, on)}，则（{yes}）" + (f"，否则（{no}）" if no else "")
        case Gate():
            return _gate(step, ask, language, on)
        case Tag(tag=tag, remove=remove):
            if english:
                return f"take the tag {quoted(tag)} off the candidate" if remove else f"tag the candidate {quoted(tag)}"
            return f"取下候选人的标签{quoted(tag)}" if remove else f"给候选人加上标签{quoted(tag)}"
        case Emit(event=event, mapping=mapping, extra=extra):
            return _emit(event_name(event, language), mapping, list(extra), language)
        case _:
            assert_never(step)


def _action(step: Action, language: Language) -> str:
    keys = list(step.extra)
    if language == "en":
        mapping = f" (mapping {step.mapping})" if step.mapping else ""
        text = f"do {step.operation} at {step.connection}{mapping}" + (f", setting {', '.join(keys)}" if keys else "")
        return text + (" in business hours" if step.business_hours else "")
    mapping = f"（映射 {step.mapping}）" if step.mapping else ""
    text = f"由 {step.connection} 执行 {step.operation}{mapping}" + (f"，并设定 {'、'.join(keys)}" if keys else "")
    return ("在工作时间" if step.business_hours else "") + text


def _message(step: Message, language: Language) -> str:
    if language == "en":
        named = "the candidate" if step.to == TO_CANDIDATE else step.to
        whom = f" to {named}" if named else ""
        words = f" with the template {quoted(step.template)}" if step.template else ""
        text = f"send a message by {step.connection}{whom}{words}"
        return text + (" in business hours" if step.business_hours else "")
    whom = "给候选人" if step.to == TO_CANDIDATE else f"给 {step.to} " if step.to else ""
    words = f"，使用模板{quoted(step.template)}" if step.template else ""
    return ("在工作时间" if step.business_hours else "") + f"通过 {step.connection} {whom}发送消息{words}"


def _wait(step: Wait, ask: Ask, language: Language, on: str | None) -> str:
    event, span = event_name(step.event, language), show_span(step.timeout, language).strip()
    late = _late(step.late, step.on_timeout, ask, language, on)
    if language == "en":
        same = " in answer to this order" if step.same is Same.ORDER else ""
        return f"wait up to {span} for {event}{same} (when time is up: {late})"
    same = "对本次下单的答复" if step.same is Same.ORDER else ""
    return f"最多等待 {span}，直到收到{event}{same}（超时：{late}）"


def _late(late: Sequence[Step], on_timeout: OnTimeout, ask: Ask, language: Language, on: str | None) -> str:
    if late:
        told = steps_in_words(late, ask, language, on)
        return f"{told}; then stop" if language == "en" else f"{told}；然后结束"
    if on_timeout is OnTimeout.NOTIFY:
        return "hold it for a person" if language == "en" else "挂起，等人处理"
    return "stop" if language == "en" else "结束"


def _gate(step: Gate, ask: Ask, language: Language, on: str | None) -> str:
    no = steps_in_words(step.rejected, ask, language, on) if step.rejected else ""
    whom = approvers_in_words(step, language)
    if language == "en":
        text = f"ask {whom} to approve (rejected: {f'{no}; then stop' if no else 'stop'})"
        if step.timeout is None:
            return text
        late = _late(step.late, step.on_timeout, ask, language, on)
        return f"{text}, within {show_span(step.timeout, language).strip()} (when time is up: {late})"
    text = f"请{whom}批准（不批准：{f'{no}；然后结束' if no else '结束'}）"
    if step.timeout is None:
        return text
    late = _late(step.late, step.on_timeout, ask, language, on)
    return f"{text}，限时 {show_span(step.timeout, language).strip()}（超时：{late}）"


def approvers_in_words(step: Gate, language: Language) -> str:
    """Whom the gate asks: one of them is enough."""
    return (" or " if language == "en" else "或").join(quoted(one) for one in step.approvers)


def _emit(event: str, mapping: str | None, keys: list[str], language: Language) -> str:
    if language == "en":
        made = f" (mapping {mapping})" if mapping else ""
        return f"tell the event {event}{made}" + (f", setting {', '.join(keys)}" if keys else "")
    made = f"（映射 {mapping}）" if mapping else ""
    return f"发出事件{event}{made}" + (f"，并设定 {'、'.join(keys)}" if keys else "")


def guards_in_words(guards: Guards, language: Language) -> str:
    """The limits as a sentence of their own, empty where there are none; the mode is told elsewhere."""
    told = []
    english = language == "en"
    if guards.once_per:
        job = Once.JOB in guards.once_per
        words = (
            ("once for each candidate and job", "每位候选人的每个职位一次")
            if job
            else ("once for each candidate", "每位候选人一次")
        )
        told.append(words[not english])
    if guards.max_per_hour is not None:
        count = guards.max_per_hour
        told.append(
            f"at most {count} times an hour, more are held for a person"
            if english
            else f"每小时最多 {count} 次，超出的挂起等人处理"
        )
    if guards.business_hours:
        told.append("actions in business hours" if english else "动作只在工作时间执行")
    if not told:
        return ""
    return f" Limits: {'; '.join(told)}." if english else f"限制：{'；'.join(told)}。"
