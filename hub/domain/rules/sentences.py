"""A rule as a sentence, and an explanation as lines: the same words for the same rule, in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import assert_never

from hub.domain.errors import Invalid
from hub.domain.rules.catalogue import LANGUAGES, Catalogue
from hub.domain.rules.explaining import Answer, ClauseAnswer, EachAnswer, Explanation, GroupAnswer, Reason
from hub.domain.rules.fields import UNSTATED_SENSITIVITY, Field, Fields
from hub.domain.rules.logic import Verdict
from hub.domain.rules.operators import is_blank
from hub.domain.rules.step_sentences import event_catalogue, guards_in_words, steps_in_words
from hub.domain.rules.tree import UNARY, Clause, Condition, Each, EachMode, Group, GroupMode, RuleBody, RunMode
from hub.domain.rules.wording import Language, demand, predicate, quoted, show

HIDDEN_FROM = 3  # sensitivity from which actual values are not shown


CatalogueOn = Callable[[str], Catalogue | None]  # the fields of an event type


def sentence(body: RuleBody, catalogue: Catalogue, language: str, others: CatalogueOn = event_catalogue) -> str:
    """The whole rule as one sentence in `en` or `zh-CN`. A field that the catalogue does not know is named by its path.

    `others` knows the events that the rule waits for. Raises Invalid (`unknown_language`).
    """
    return _sentence(body, catalogue, others, _known(language))


def _sentence(body: RuleBody, catalogue: Catalogue, others: CatalogueOn, language: Language) -> str:
    event = quoted(catalogue.label.get(language) or body.on)

    def ask(condition: Condition, on: str | None) -> str:
        """A branch's condition in the words of the event that the run stands at (None: that of the rule)."""
        fields = catalogue if on is None or on == catalogue.event else others(on)
        return _condition(condition, Fields({}, {}) if fields is None else fields, language)

    steps = steps_in_words(body.then, ask, language)
    limits = guards_in_words(body.guards, language)
    if language == "en":
        condition = "always" if body.when is None else f"if {_condition(body.when, catalogue, language)}, then"
        told = "Observed only: when" if body.guards.mode is RunMode.OBSERVE else "When"
        return f"{told} {event} happens, {condition} {steps}.{limits}"
    condition = "总是" if body.when is None else f"若{_condition(body.when, catalogue, language)}，则"
    told = "仅观察：当" if body.guards.mode is RunMode.OBSERVE else "当"
    return f"{told}{event}发生时，{condition}{steps}。{limits}"


def _known(language: str) -> Language:
    if language == "en":
        return "en"
    if language == "zh-CN":
        return "zh-CN"
    raise Invalid(f"languages are {', '.join(LANGUAGES)}", code="unknown_language")


def _condition(condition: Condition, fields: Fields, language: Language, nested: bool = False) -> str:
    match condition:
        case Clause(field=path, op=op, value=value):
            field = fields.find(path)
            words = predicate(op, value, field, language)
            return f"{_name(path, field, language)}{' ' if language == 'en' else ''}{words}"
        case Group(mode=mode, items=items):
            parts = [_condition(item, fields, language, len(items) > 1) for item in items]
            text = _joiner(mode, language).join(parts)
            if mode is GroupMode.NONE:
                return ("not " if language == "en" else "并非") + _bracket(text, language)
            return _bracket(text, language) if nested and len(items) > 1 else text
        case Each(field=path, mode=each_mode, count=count, when=when):
            field = fields.find(path)
            inner = _condition(when, _inside(field), language)
            return _each(_name(path, field, language), each_mode, count, inner, language)
        case _:
            assert_never(condition)


def _joiner(mode: GroupMode, language: Language) -> str:
    if mode is GroupMode.ALL:
        return " and " if language == "en" else "，且"
    return " or " if language == "en" else "，或"


def _bracket(text: str, language: Language) -> str:
    return f"({text})" if language == "en" else f"（{text}）"


def _each(name: str, mode: EachMode, count: int, inner: str, language: Language) -> str:
    if language == "en":
        return f"{_share(mode, count, language)} of {name} {'meet' if count > 1 else 'meets'} ({inner})"
    return f"{name}中{_share(mode, count, language)}满足（{inner}）"


def _share(mode: EachMode, count: int, language: Language) -> str:
    if mode is EachMode.ALL:
        return "every one" if language == "en" else "每一项都"
    if mode is EachMode.NONE:
        return "none" if language == "en" else "没有任何一项"
    return f"at least {count}" if language == "en" else f"至少 {count} 项"


def _name(path: str, field: Field | None, language: Language) -> str:
    return path if field is None else field.label[language]


def _inside(field: Field | None) -> Fields:
    return Fields({}, {}) if field is None or field.items is None else field.items


def explanation_lines(
    explanation: Explanation, catalogue: Catalogue, language: str, *, reveal: bool = False
) -> list[str]:
    """One line for every clause: what was wanted and what was there; those that are met say so.

    Values of personal fields (sensitivity 3 and more) are hidden unless `reveal`. Where one of several is enough,
    a heading says so and its lines are indented by two spaces. Clauses under `none` are put the other way round.
    """
    known = _known(language)
    if explanation.root is None:
        return ["The rule has no conditions." if known == "en" else "该规则没有条件。"]
    return list(_lines(explanation.root, catalogue, known, reveal, ""))


def _lines(
    answer: Answer, fields: Fields, language: Language, reveal: bool, indent: str, choice: bool = False
) -> Iterator[str]:
    """`choice`: the answer stands under a heading of which one line is enough."""
    match answer:
        case ClauseAnswer():
            yield indent + _clause_line(answer, fields, language, reveal)
        case EachAnswer():
            yield indent + _each_line(answer, fields, language)
        case GroupAnswer(items=items):
            several = len(items) > 1
            one_is_enough = several and _one_is_enough(answer)
            headed = one_is_enough or (several and choice)
            if headed:
                yield indent + _heading(answer, one_is_enough, language)
            for item in items:
                deeper = indent + "  " if headed else indent
                yield from _lines(item, fields, language, reveal, deeper, one_is_enough or (choice and not several))
        case _:
            assert_never(answer)


def _one_is_enough(group: GroupAnswer) -> bool:
    """Whether one item, itself read with its own `negated`, settles the group (De Morgan)."""
    return group.negated is not (group.mode is GroupMode.ANY)


def _heading(group: GroupAnswer, one_is_enough: bool, language: Language) -> str:
    if language == "en":
        text = "One of these must be so" if one_is_enough else "All of these must be so"
    else:
        text = "以下至少一项应成立" if one_is_enough else "以下各项应同时成立"
    return text + _met(group.verdict, group.negated, language)


def _met(verdict: Verdict, negated: bool, language: Language) -> str:
    if verdict is None or verdict is negated:
        return ""
    return ": met" if language == "en" else "，符合"


def _clause_line(answer: ClauseAnswer, fields: Fields, language: Language, reveal: bool) -> str:
    field = fields.find(answer.field)
    name = _name(answer.field, field, language)
    wanted = demand(answer.op, answer.wanted, field, language, answer.negated)
    found = _found(answer, field, language, reveal)
    comma = ", " if language == "en" else "，"
    return f"{name} {wanted}{comma}{found}{_met(answer.verdict, answer.negated, language)}"


def _found(answer: ClauseAnswer, field: Field | None, language: Language, reveal: bool) -> str:
    english = language == "en"
    if answer.op in UNARY and is_blank(answer.actual):
        return "was empty" if english else "实际为空"
    if answer.reason is Reason.MISSING:
        return "is not known" if english else "未提供"
    if answer.reason is Reason.WRONG_TYPE:
        return "is of another type" if english else "类型不符"
    if not reveal and (UNSTATED_SENSITIVITY if field is None else field.sensitivity) >= HIDDEN_FROM:
        return "was (hidden)" if english else "实际（已隐藏）"
    value = show(answer.actual, field, language)
    return f"was {value}" if english else f"实际{'' if value.startswith('“') else ' '}{value}"


def _each_line(answer: EachAnswer, fields: Fields, language: Language) -> str:
    wanted = _each_demand(answer, fields, language)
    if not answer.items and answer.verdict is None:
        return wanted + _no_items(answer, language)
    yes = sum(item.verdict is True for item in answer.items)
    unknown = sum(item.verdict is None for item in answer.items)
    met = _met(answer.verdict, answer.negated, language)
    if language == "en":
        return f"{wanted}, {yes} of {len(answer.items)} did" + (f", {unknown} not known" if unknown else "") + met
    found = f"{wanted}，实际 {len(answer.items)} 项中有 {yes} 项满足"
    return found + (f"，{unknown} 项未知" if unknown else "") + met


def _no_items(answer: EachAnswer, language: Language) -> str:
    if answer.reason is Reason.WRONG_TYPE:
        return ", is of another type" if language == "en" else "，类型不符"
    if answer.listed:
        return ", there are none" if language == "en" else "，列表为空"
    return ", is not known" if language == "en" else "，未提供"


def _each_demand(answer: EachAnswer, fields: Fields, language: Language) -> str:
    field = fields.find(answer.field)
    name = _name(answer.field, field, language)
    inner = _condition(answer.when, _inside(field), language)
    if answer.negated:
        words = _each(name, answer.mode, answer.count, inner, language)
        return f"It must not be that {words}" if language == "en" else f"不应出现：{words}"
    share = _share(answer.mode, answer.count, language)
    if answer.mode is EachMode.NONE:
        return f"None of {name} may meet ({inner})" if language == "en" else f"{name}中不应有任何一项满足（{inner}）"
    if language == "en":
        return f"{share[0].upper()}{share[1:]} of {name} must meet ({inner})"
    if answer.mode is EachMode.ALL:
        return f"{name}中每一项都应满足（{inner}）"
    return f"{name}中应有{share}满足（{inner}）"
