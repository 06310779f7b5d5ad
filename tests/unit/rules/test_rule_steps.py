"""Steps and guards: what is read comes back the same, what is wrong is named, and both languages say all of it."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters.workdays import NationalDays
from hub.domain.errors import Invalid
from hub.domain.hours import BusinessHours
from hub.domain.rules import Catalogue, compile_program, dump, parse, sentence
from hub.domain.rules.moments import read_duration, write_duration

CLEAR = {"kind": "clause", "id": "c", "field": "background_check.result", "op": "eq", "value": "clear"}
OFFER = {"kind": "action", "id": "offer", "connection": "ehr", "operation": "offer.create", "hours": "business"}
WHOLE: dict[str, Any] = {
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "then": [
        {"kind": "action", "id": "order", "connection": "checkr", "operation": "background_check.order"},
        {"kind": "message", "id": "m", "connection": "mail", "operation": "message.send", "template": "bg",
         "to": "hr@example.com"},
        {"kind": "wait", "id": "w", "for": "background_check.completed", "timeout": "P14D", "same": "order",
         "on_timeout": [{"kind": "tag", "id": "t", "tag": "背调超时"}]},
        {"kind": "branch", "id": "b", "when": CLEAR,
         "then": [{"kind": "gate", "id": "g", "approvers": "hr_owner", "timeout": "P3D", "on_timeout": "notify",
                   "rejected": [{"kind": "tag", "id": "no", "tag": "declined"}]}, OFFER],
         "else": [{"kind": "delay", "id": "d", "for": "P2D", "until": "business_hours"},
                  {"kind": "tag", "id": "t2", "tag": "clear", "remove": True}]},
        {"kind": "emit", "id": "e", "event": "application.stage_changed", "mapping": "m@1", "with": {"a": 1}},
    ],
    "guards": {"mode": "live", "once_per": ["candidate", "job"], "max_per_hour": 50, "hours": "business"},
}  # fmt: skip
EN = (
    "When “Interview report completed” happens, always do background_check.order at checkr; then send a message by mail to "
    "hr@example.com with the template “bg”; then wait up to 14 days for “Background check completed” in answer to this order "
    "(when time is up: tag the candidate “背调超时”; then stop); then if Result is “Clear”, (ask “hr_owner” to approve "
    "(rejected: tag the candidate “declined”; then stop), within 3 days (when time is up: hold it for a person); then do "
    "offer.create at ehr in business hours), otherwise (wait 2 days and wait for business hours; then take the tag “clear” "
    "off the candidate); then tell the event “Application moved to another stage” (mapping m@1), setting a. Limits: once for "
    "each candidate and job; at most 50 times an hour, more are held for a person; actions in business hours."
)
ZH = (
    "当“面试报告已生成”发生时，总是由 checkr 执行 background_check.order；再通过 mail 给 hr@example.com 发送消息，使用模板“bg”；"
    "再最多等待 14 天，直到收到“背景调查已完成”对本次下单的答复（超时：给候选人加上标签“背调超时”；然后结束）；再若结果为“通过”，"
    "则（请“hr_owner”批准（不批准：给候选人加上标签“declined”；然后结束），限时 3 天（超时：挂起，等人处理）；"
    "再在工作时间由 ehr 执行 offer.create），否则（等待 2 天，并等到工作时间；再取下候选人的标签“clear”）；"
    "再发出事件“应聘阶段变更”（映射 m@1），并设定 a。限制：每位候选人的每个职位一次；每小时最多 50 次，超出的挂起等人处理；"
    "动作只在工作时间执行。"
)


def test_what_is_read_comes_back() -> None:
    assert dump(parse(WHOLE)) == WHOLE


@pytest.mark.parametrize(("language", "words"), [("en", EN), ("zh-CN", ZH)])
def test_the_sentence_tells_every_step_and_guard(language: str, words: str) -> None:
    catalogue = Catalogue.of_event("interview.report.completed", 1)
    assert sentence(parse(WHOLE), catalogue, language) == words


def with_step(**step: Any) -> dict[str, Any]:
    return {**WHOLE, "then": [{"id": "x", **step}], "guards": {}}


def with_guards(**guards: Any) -> dict[str, Any]:
    return {**WHOLE, "guards": guards}


TAG = {"kind": "tag", "id": "y", "tag": "z"}
WRONG = [
    (with_step(kind="pray"), "unknown_kind", "then.0"),
    (with_step(kind="wait", timeout="P1D"), "missing_key", "then.0"),
    (with_step(kind="wait", **{"for": "a.b"}), "missing_key", "then.0"),
    (with_step(kind="wait", timeout="P400D", **{"for": "a.b"}), "wrong_value", "then.0"),
    (with_step(kind="wait", timeout="PT0S", **{"for": "a.b"}), "wrong_value", "then.0"),
    (with_step(kind="wait", timeout="P1D", same="time", **{"for": "a.b"}), "wrong_value", "then.0"),
    (with_step(kind="wait", timeout="P1D", on_timeout="panic", **{"for": "a.b"}), "wrong_value", "then.0.on_timeout"),
    (with_step(kind="wait", timeout="P1D", on_timeout=[], **{"for": "a.b"}), "wrong_value", "then.0.on_timeout"),
    (with_step(kind="delay"), "missing_key", "then.0"),
    (with_step(kind="delay", until="dawn"), "wrong_value", "then.0.until"),
    (with_step(kind="gate", approvers=""), "wrong_shape", "then.0"),
    (with_step(kind="gate", approvers="hr", on_timeout="stop"), "missing_key", "then.0"),
    (with_step(kind="tag", tag="\x00"), "wrong_shape", "then.0"),
    (with_step(kind="tag", tag="a", remove=1), "wrong_type", "then.0.remove"),
    (with_step(kind="branch", when=CLEAR, then=[]), "wrong_value", "then.0.then"),
    (with_step(kind="branch", when=CLEAR, then=[{**TAG, "id": "x"}]), "duplicate_id", "then.0.then.0"),
    (with_step(kind="message", connection="m", to="nobody"), "wrong_shape", "then.0"),
    (with_step(kind="action", connection="m", operation="o", hours="night"), "wrong_value", "then.0.hours"),
    (with_guards(once_per=["job"]), "wrong_value", "guards.once_per"),
    (with_guards(once_per=[]), "wrong_value", "guards.once_per"),
    (with_guards(once_per=["candidate", "candidate"]), "wrong_value", "guards.once_per"),
    (with_guards(max_per_hour=0), "wrong_value", "guards.max_per_hour"),
    (with_guards(max_per_hour=True), "wrong_value", "guards.max_per_hour"),
    (with_guards(hours="always"), "wrong_value", "guards.hours"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "at"), WRONG, ids=[f"{n}-{code}" for n, (_, code, _) in enumerate(WRONG)])
def test_what_is_wrong_is_named_with_its_place(body: dict[str, Any], code: str, at: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(body)
    assert (caught.value.code, caught.value.at) == (code, at)


def test_steps_inside_steps_have_an_end() -> None:
    step: dict[str, Any] = TAG
    for n in range(6):
        step = {"kind": "branch", "id": f"b{n}", "when": {**CLEAR, "id": f"c{n}"}, "then": [step]}
    with pytest.raises(Invalid) as caught:
        parse({**WHOLE, "then": [step]})
    assert caught.value.code == "too_deep"


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] + [place for key, value in inside for place in places(value, (*path, key))]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([place for place in places(WHOLE) if place and place[0] in ("then", "guards")]), anything)
def test_whatever_stands_anywhere_is_read_or_refused_and_never_breaks(place: tuple[Any, ...], value: Any) -> None:
    body: Any = deepcopy(WHOLE)
    node = body
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    with suppress(Invalid):
        read = parse(body)
        compile_program(read)
        assert parse(dump(read)) == read


def test_what_follows_what() -> None:
    program = compile_program(parse(WHOLE))
    assert program.first == "order"
    assert program.awaited == {"background_check.completed"}
    assert dict(program.after) == {
        "order": "m", "m": "w", "w": "b", "t": None, "b": "e", "g": "offer", "no": None, "offer": "e", "d": "t2",
        "t2": "e", "e": None,
    }  # fmt: skip


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)))
def test_durations_come_back(span: timedelta) -> None:
    whole = timedelta(seconds=int(span.total_seconds()))
    assert read_duration(write_duration(whole)) == whole


CHINA = BusinessHours(country=lambda day: NationalDays().workday("CN", day))


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        (date(2026, 2, 14), True),  # a Saturday worked for the Spring Festival
        (date(2026, 2, 16), False),  # New Year's Eve, a Monday
        (date(2026, 2, 28), True),
        (date(2026, 10, 10), True),  # a Saturday worked for the National Day
        (date(2026, 10, 6), False),
        (date(2026, 3, 7), False),  # any Saturday
        (date(2040, 3, 5), True),  # nothing is proclaimed yet: the week decides
        (date(2040, 3, 3), False),
    ],
)
def test_working_days_in_china(day: date, worked: bool) -> None:
    assert CHINA.is_workday(day) is worked


def test_the_company_comes_before_the_country() -> None:
    own = BusinessHours(
        holidays=frozenset({date(2026, 2, 14)}), workdays=frozenset({date(2026, 2, 16)}), country=CHINA.country
    )
    assert [own.is_workday(date(2026, 2, day)) for day in (14, 16, 17)] == [False, True, False]


def test_a_zone_with_summer_time_keeps_its_wall_clock() -> None:
    paris = BusinessHours(ZoneInfo("Europe/Paris"), time(9), time(18))
    friday = datetime(2026, 3, 27, 20, tzinfo=UTC)  # the clocks change on Sunday
    assert paris.open_from(friday) == datetime(2026, 3, 30, 7, tzinfo=UTC)
    assert paris.open_from(friday - timedelta(days=7)) == datetime(2026, 3, 23, 8, tzinfo=UTC)


@given(st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC)))
def test_the_first_open_moment_is_open_and_not_earlier(moment: datetime) -> None:
    found = CHINA.open_from(moment)
    assert found >= moment
    assert CHINA.open_from(found) == found
    local = found.astimezone(CHINA.zone)
    assert CHINA.is_workday(local.date())
    assert CHINA.opens <= local.time() < CHINA.closes


def test_a_calendar_without_working_days_does_not_look_for_ever() -> None:
    never = BusinessHours(country=lambda _: False)
    moment = datetime(2026, 3, 2, tzinfo=UTC)
    assert never.open_from(moment) == moment
