"""The words of rules in English and Chinese: operators, values, units."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from hub.domain.rules.fields import Field, FieldType
from hub.domain.rules.moments import read_duration
from hub.domain.rules.tree import RELATIVE, UNARY, Op
from mappings.documents import Json, Missing

Language = Literal["en", "zh-CN"]
MAX_SHOWN = 10  # values of a list
MAX_CHARACTERS = 80  # of a text

# After the name of the field, and (English) after "must".
_ENGLISH: Mapping[Op, tuple[str, str]] = {
    Op.EQ: ("is {}", "be {}"),
    Op.NE: ("is not {}", "not be {}"),
    Op.IN: ("is one of {}", "be one of {}"),
    Op.NOT_IN: ("is none of {}", "be none of {}"),
    Op.LT: ("is less than {}", "be less than {}"),
    Op.LE: ("is at most {}", "be at most {}"),
    Op.GT: ("is more than {}", "be more than {}"),
    Op.GE: ("is at least {}", "be at least {}"),
    Op.BETWEEN: ("is between {} and {}", "be between {} and {}"),
    Op.CONTAINS: ("contains {}", "contain {}"),
    Op.NOT_CONTAINS: ("does not contain {}", "not contain {}"),
    Op.STARTS_WITH: ("starts with {}", "start with {}"),
    Op.HAS_ANY: ("has any of {}", "have any of {}"),
    Op.HAS_ALL: ("has all of {}", "have all of {}"),
    Op.BEFORE: ("is before {}", "be before {}"),
    Op.AFTER: ("is after {}", "be after {}"),
    Op.WITHIN_LAST: ("is within the last {}", "be within the last {}"),
    Op.WITHIN_NEXT: ("is within the next {}", "be within the next {}"),
    Op.LONGER_AGO: ("is more than {} ago", "be more than {} ago"),
    Op.IS_FILLED: ("is filled in", "be filled in"),
    Op.IS_EMPTY: ("is empty", "be empty"),
}
_CHINESE: Mapping[Op, str] = {
    Op.EQ: "为{}",
    Op.NE: "不为{}",
    Op.IN: "为{}之一",
    Op.NOT_IN: "不为{}中任何一个",
    Op.LT: "<{}",
    Op.LE: "≤{}",
    Op.GT: ">{}",
    Op.GE: "≥{}",
    Op.BETWEEN: "介于{}与{}之间（含两端）",
    Op.CONTAINS: "包含{}",
    Op.NOT_CONTAINS: "不包含{}",
    Op.STARTS_WITH: "以{}开头",
    Op.HAS_ANY: "包含{}中任意一项",
    Op.HAS_ALL: "包含{}中每一项",
    Op.BEFORE: "早于{}",
    Op.AFTER: "晚于{}",
    Op.WITHIN_LAST: "在最近{}内",
    Op.WITHIN_NEXT: "在未来{}内",
    Op.LONGER_AGO: "距今超过{}",
    Op.IS_FILLED: "已填写",
    Op.IS_EMPTY: "为空",
}
# What a clause under `none` asks, put the other way round. Exact: both sides are unknown together.
_OPPOSITE: Mapping[Op, Op] = {
    Op.EQ: Op.NE,
    Op.IN: Op.NOT_IN,
    Op.LT: Op.GE,
    Op.LE: Op.GT,
    Op.CONTAINS: Op.NOT_CONTAINS,
    Op.IS_FILLED: Op.IS_EMPTY,
}
OPPOSITE = {**_OPPOSITE, **{other: op for op, other in _OPPOSITE.items()}}

# Points and ratios are read without their unit.
_UNITS: Mapping[str, tuple[str, str]] = {
    "points": ("", ""),
    "ratio": ("", ""),
    "years": (" years", " 年"),
    "months": (" months", " 个月"),
    "days": (" days", " 天"),
    "people": (" people", " 人"),
    "seconds": (" seconds", " 秒"),
    "ms": (" ms", " 毫秒"),
    "bytes": (" bytes", " 字节"),
}
_SPANS = ((86400, "day", "天"), (3600, "hour", "小时"), (60, "minute", "分钟"), (1, "second", "秒"))


def predicate(op: Op, value: Json, field: Field | None, language: Language) -> str:
    """What is said of a field: `is at least 80`, `≥80`."""
    op, value = _plain(op, value)
    template = _ENGLISH[op][0] if language == "en" else _CHINESE[op]
    return template.format(*_arguments(op, value, field, language))


def demand(op: Op, value: Json, field: Field | None, language: Language, negated: bool) -> str:
    """What is asked of a field: `must be at least 80`, `应≥80`; `negated`: that it must not be so."""
    op, value = _plain(op, value)
    if negated and op in OPPOSITE:
        op, negated = OPPOSITE[op], False
    words = _arguments(op, value, field, language)
    if language == "en":
        return ("must not " if negated else "must ") + _ENGLISH[op][1].format(*words)
    text = _CHINESE[op].format(*words)
    if text.startswith("不"):
        return "不应" + text[1:]
    return ("不应" if negated else "应") + text


def _plain(op: Op, value: Json) -> tuple[Op, Json]:
    """One of a single value is that value."""
    if op in (Op.IN, Op.NOT_IN) and isinstance(value, list) and len(value) == 1:
        return (Op.EQ if op is Op.IN else Op.NE), value[0]
    return op, value


def _arguments(op: Op, value: Json, field: Field | None, language: Language) -> list[str]:
    if op in UNARY:
        return []
    if op is Op.BETWEEN and isinstance(value, list):
        return [show(end, field, language) for end in value]
    if op in RELATIVE:
        span = read_duration(value)
        return [show_span(span, language) if span is not None else show(value, field, language)]
    return [show(value, field, language)]


def show(value: Json | Missing, field: Field | None, language: Language) -> str:
    """A value as people read it: options by their names, numbers with their unit, long things cut."""
    english = language == "en"
    if isinstance(value, list):
        shown = [show(item, field, language) for item in value[:MAX_SHOWN]]
        more = len(value) - len(shown)
        if english:
            return (", ".join(shown) + (f" and {more} more" if more else "")) or "an empty list"
        return ("、".join(shown) + (f"等 {len(value)} 项" if more else "")) or "空列表"
    if isinstance(value, bool):
        return ("yes" if value else "no") if english else ("是" if value else "否")
    for option in field.options if field is not None else ():
        if option.value == value:
            return quoted(option.label[language])
    if isinstance(value, (int, float)):
        return _number(value, english) + _unit(field, english)
    if isinstance(value, str):
        return _string(value, field, language)
    if isinstance(value, dict):
        return "an object" if english else "一组数据"
    return "nothing" if english else "无"


def quoted(text: str) -> str:
    """A text in quotation marks that both languages use, cut to a length that people read."""
    return f"“{text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + '…'}”"


def _string(value: str, field: Field | None, language: Language) -> str:
    type = None if field is None else field.of or field.type
    if type in (FieldType.DATE, FieldType.DATETIME):
        return value[:MAX_CHARACTERS]
    span = read_duration(value) if type is FieldType.DURATION else None
    return show_span(span, language) if span is not None else quoted(value)


def _number(value: int | float, english: bool) -> str:
    if isinstance(value, int) and value.bit_length() > 64:  # thousands of digits help nobody
        return "a very large number" if english else "极大的数"
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)


def _unit(field: Field | None, english: bool) -> str:
    if field is None or field.unit is None:
        return ""
    words = _UNITS.get(field.unit, (f" {field.unit}", f" {field.unit}"))
    return words[0] if english else words[1]


def show_span(span: timedelta, language: Language) -> str:
    """`1 day 2 hours`, `1 天 2 小时`."""
    rest = int(span.total_seconds())
    parts = []
    for size, english, chinese in _SPANS:
        count, rest = divmod(rest, size)
        if count and language == "en":
            parts.append(f"{count} {english}{'' if count == 1 else 's'}")
        elif count:
            parts.append(f" {count} {chinese}")
    if language == "en":
        return " ".join(parts) or "0 seconds"
    return "".join(parts) or " 0 秒"
