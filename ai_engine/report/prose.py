"""The report in words: summary, comments and the full text, English and Chinese."""

from __future__ import annotations

from typing import Any, cast

from ai_engine.report.rubric import rubric
from ai_engine.report.scores import DimensionScore
from mappings.documents import Document

ADVICE = {"recommend": ("recommend", "建议推进"), "hold": ("hold", "建议待定"), "reject": ("reject", "建议不推进")}
_STRONG, _WEAK = 0.75, 0.5


def comment(dimension: DimensionScore) -> dict[str, str]:
    """What made the score, from the features behind it."""
    names = rubric()["feature_names"]
    strong = [name for name, value in dimension.means.items() if value >= _STRONG]
    weak = [name for name, value in dimension.means.items() if value < _WEAK]
    en = [f"Rests on {dimension.answers} answer{'s' if dimension.answers != 1 else ''}."]
    zh = [f"依据 {dimension.answers} 个回答。"]
    if strong:
        en.append("Strong: " + ", ".join(names[name]["en"] for name in strong) + ".")
        zh.append("较强：" + "、".join(names[name]["zh"] for name in strong) + "。")
    if weak:
        en.append("Thin: " + ", ".join(names[name]["en"] for name in weak) + ".")
        zh.append("不足：" + "、".join(names[name]["zh"] for name in weak) + "。")
    return {"en": " ".join(en), "zh-CN": "".join(zh)}


def summary(report: Document, title: str) -> dict[str, str]:
    """A few sentences for a reader in a hurry. `report` has everything but its prose."""
    overall = cast("dict[str, Any]", report["overall"])
    dimensions = sorted(cast("list[dict[str, Any]]", report["dimensions"]), key=lambda d: -d["score"])
    flags = cast("list[dict[str, Any]]", report["red_flags"])
    en_advice, zh_advice = ADVICE[overall["recommendation"]]
    en = [f"Advice for {title}: {en_advice}, {overall['score']:g} of 100 (confidence {overall['confidence']:.0%})."]
    zh = [f"{title}：{zh_advice}，综合 {overall['score']:g} 分（置信度 {overall['confidence']:.0%}）。"]
    if dimensions:
        best, last = dimensions[0], dimensions[-1]
        en.append(
            f"Strongest: {best['label']['en']} ({best['score']:g}); weakest: {last['label']['en']} ({last['score']:g})."
        )
        zh.append(
            f"最强：{best['label']['zh-CN']}（{best['score']:g}）；最弱：{last['label']['zh-CN']}（{last['score']:g}）。"
        )
    if flags:
        en.append("To look at: " + " ".join(flag["text"]["en"] for flag in flags))
        zh.append("请关注：" + "".join(flag["text"]["zh-CN"] for flag in flags))
    en.append("This is advice to a person, who decides.")
    zh.append("以上为供人参考的建议，由人作出决定。")
    return {"en": " ".join(en), "zh-CN": "".join(zh)}


def full_text(report: Document, title: str) -> dict[str, str]:
    """The whole report as plain text with Markdown headings."""
    return {"en": _text(report, title, "en"), "zh-CN": _text(report, title, "zh-CN")}


_WORDS = {
    "en": "Interview report|Summary|Resume match|Dimensions|weight|interval|Evidence|To look at|"
    "Answers|Follow-up|no answer|Made by",
    "zh-CN": "面试报告|摘要|简历匹配|各维度|权重|区间|依据|请关注|问答|追问|未作答|生成方式",
}


def _text(report: Document, title: str, tongue: str) -> str:
    head, short, match, dims, weight, interval, evidence, look, answers, follow, silent, made = _WORDS[tongue].split(
        "|"
    )
    overall = cast("dict[str, Any]", report["overall"])
    advice = ADVICE[overall["recommendation"]][0 if tongue == "en" else 1]
    resume = cast("dict[str, Any]", report["resume_match"])
    out = [
        f"# {head}: {title}",
        f"**{advice} - {overall['score']:g} / 100**",
        "",
        f"## {short}",
        cast("dict[str, str]", report["summary"])[tongue],
        "",
    ]
    out += [f"## {match}: {resume['score']:g}", resume["explanation"][tongue], "", f"## {dims}"]
    for entry in cast("list[dict[str, Any]]", report["dimensions"]):
        bounds = (
            f", {interval} {entry['interval']['low']:g}-{entry['interval']['high']:g}" if "interval" in entry else ""
        )
        out.append(f"### {entry['label'][tongue]}: {entry['score']:g} ({weight} {entry['weight']:.0%}{bounds})")
        if entry["key"] != "resume_match":  # its reasons stand above
            out.append(entry["comment"][tongue])
        out += [
            f'- {evidence} [{quote.get("question_id", "resume")}]: "{quote["quote"]}"'
            for quote in entry.get("evidence", [])
        ]
    flags = cast("list[dict[str, Any]]", report["red_flags"])
    if flags:
        out += ["", f"## {look}", *(f"- {flag['text'][tongue]}" for flag in flags)]
    out += ["", f"## {answers}"]
    for number, turn in enumerate(cast("list[dict[str, Any]]", report["answers"]), 1):
        mark = f" ({follow})" if "follow_up_of" in turn else ""
        out += [f"{number}. {turn['question']}{mark}", f"   > {turn.get('answer') or silent}"]
    out += ["", f"{made}: {report['model']}, {report['rubric']}"]
    return "\n".join(out)
