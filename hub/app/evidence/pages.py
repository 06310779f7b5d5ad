"""A report of evidence as a document, as Markdown and as one page of HTML, in both languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Literal

from hub.app.evidence.evidence import Report
from hub.domain.evidence import Finding, Words, counted
from mappings.documents import Document, Json

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
NOTE: Words = {
    "en": "This is evidence for an auditor, not a certificate: nobody is certified or attested by it. "
    "What the software cannot show is named as such.",
    "zh": "本文是提供给审核人员的证据，不是认证或测评结论，不代表通过任何认证。软件无法证明的内容均已注明。",
}
UNTESTED: Words = {
    "en": "No test results were given: the tests are named, not judged (`--results` takes a JUnit file).",
    "zh": "未提供测试结果：仅列出测试，不作判断（可用 `--results` 提供 JUnit 文件）。",
}
STANDING: dict[str, Words] = {
    "unmet": {"en": "unmet", "zh": "不符合"},
    "partly": {"en": "partly met", "zh": "部分符合"},
    "met": {"en": "met", "zh": "符合"},
    "not_applicable": {"en": "not applicable", "zh": "不适用"},
}
_HEADS: dict[str, Words] = {
    "control": {"en": "Control", "zh": "控制项"},
    "standing": {"en": "Standing", "zh": "结论"},
    "in_force": {"en": "In force", "zh": "当前设置"},
    "tests": {"en": "Tests", "zh": "测试"},
    "log": {"en": "On record", "zh": "记录"},
    "why": {"en": "Why", "zh": "说明"},
}
COLUMNS = tuple(_HEADS)


def document(report: Report, language: Language) -> Document:
    """Everything, for programs."""
    return {
        "standard": report.standard.id,
        "name": report.standard.name[language],
        "about": report.standard.about[language],
        "note": NOTE[language],
        "at": report.at.isoformat(),
        "tested": report.tested,
        "counts": {**counted(report.findings)},
        "controls": [_control(one, language) for one in report.findings],
    }


def _control(one: Finding, language: Language) -> Document:
    control = one.control
    tests: list[Json] = [
        {"id": test, "result": str(one.results[test]) if test in one.results else None} for test in _tests(one)
    ]
    return {
        "id": control.id,
        "level": control.level,
        "name": control.name[language],
        "standing": str(one.standing),
        "why": why(one, language) or None,
        "in_force": [
            {"name": f.name, "setting": f.setting, "value": f.value, "standing": str(f.standing)} for f in one.facts
        ],
        "tests": tests,
        "log": [*dict.fromkeys(topic.log for topic in control.topics)],
    }


def why(one: Finding, language: Language) -> str:
    """Why a control is less than met, or none of ours; empty where it is met."""
    words = one.control.reason or one.control.gap
    parts = [] if words is None else [words[language]]
    lowered = [f for f in one.facts if str(f.standing) in ("unmet", "partly")]
    parts += [f"{f.setting} = {f.value} ({STANDING[f.standing][language]})" for f in lowered]
    parts += [f"{test}: {result}" for test, result in one.results.items() if result != "passed"]
    return "; ".join(parts) if language == "en" else "；".join(parts)


def row(one: Finding, language: Language) -> list[str]:
    """A control as the cells of a table."""
    control = one.control
    return [
        f"{control.id} {control.name[language]}",
        STANDING[one.standing][language],
        ", ".join(f"{f.setting} = {f.value}" for f in one.facts),
        ", ".join(_tests(one)),
        ", ".join(dict.fromkeys(topic.log for topic in control.topics)),
        why(one, language),
    ]


def heads(language: Language) -> list[str]:
    """What stands over the columns."""
    return [_HEADS[column][language] for column in COLUMNS]


def summary(report: Report, language: Language) -> str:
    """How many stand where, in one line."""
    return ", ".join(f"{STANDING[name][language]} {count}" for name, count in counted(report.findings).items())


def markdown(reports: Sequence[Report], language: Language) -> str:
    """One table for each standard."""
    return "\n".join(line for report in reports for line in _markdown(report, language)) + "\n"


def _markdown(report: Report, language: Language) -> Iterator[str]:
    yield from (f"# {report.standard.name[language]}", "", report.standard.about[language], "", f"**{NOTE[language]}**")
    if not report.tested:
        yield from ("", UNTESTED[language])
    yield from ("", f"{report.at.isoformat()} - {summary(report, language)}", "")
    yield "| " + " | ".join(heads(language)) + " |"
    yield "|" + " --- |" * len(COLUMNS)
    for one in report.findings:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row(one, language)) + " |"
    yield ""


def html(reports: Sequence[Report], language: Language) -> str:
    """A page that asks nothing of the network."""
    body = "\n".join(line for report in reports for line in _html(report, language))
    code = "zh-CN" if language == "zh" else "en"
    style = "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #888;padding:4px 8px;"
    style += "text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    title = escape(_HEADS["control"][language])
    return (
        f'<!doctype html>\n<html lang="{code}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{style}</style></head><body>\n{body}\n</body></html>\n"
    )


def _html(report: Report, language: Language) -> Iterator[str]:
    yield f"<h1>{escape(report.standard.name[language])}</h1><p>{escape(report.standard.about[language])}</p>"
    yield f"<p><strong>{escape(NOTE[language])}</strong></p>"
    if not report.tested:
        yield f"<p>{escape(UNTESTED[language])}</p>"
    yield f"<p>{escape(report.at.isoformat())} - {escape(summary(report, language))}</p>"
    yield "<table><thead><tr>" + "".join(f'<th scope="col">{escape(h)}</th>' for h in heads(language)) + "</tr></thead>"
    for one in report.findings:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row(one, language)) + "</tr>"
    yield "</table>"


def _tests(one: Finding) -> list[str]:
    return [*dict.fromkeys(test for topic in one.control.topics for test in topic.tests)]
