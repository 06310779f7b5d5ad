"""Why a resume got its match score, in one paragraph of English and one of Chinese."""

from __future__ import annotations

from ai_engine.match.job import JobSpec, Requirement
from ai_engine.match.score import MatchResult, Met
from ai_engine.records import Extraction

LEVEL_NAMES = {
    "secondary": ("secondary school", "高中"),
    "vocational_secondary": ("vocational secondary", "中专"),
    "junior_college": ("junior college", "大专"),
    "bachelor": ("bachelor", "本科"),
    "master": ("master", "硕士"),
    "doctor": ("doctor", "博士"),
}


def explain(job: JobSpec, resume: Extraction, result: MatchResult) -> dict[str, str]:
    """Sentences in `en` and `zh-CN`; every claim about the candidate points to a line of the resume."""
    return {"en": _en(job, resume, result), "zh-CN": _zh(job, resume, result)}


def _en(job: JobSpec, resume: Extraction, result: MatchResult) -> str:
    out = [f"Match {result.score:g} of 100."]
    if job.must:
        out.append(f"{len(result.met_must)} of {len(job.must)} must-haves found.")
    if result.met_must:
        out.append(
            "Shown: "
            + "; ".join(f"{met.requirement.label('en')} ({_how_en(met)}, line {met.line})" for met in result.met_must)
            + "."
        )
    if result.missing_must:
        out.append(f"Not found: {_join(result.missing_must, 'en')}.")
    if result.met_nice:
        out.append(f"Also: {_join([met.requirement for met in result.met_nice], 'en')}.")
    wanted = f" (asked: {job.min_years:g})" if job.min_years else ""
    out.append(f"{result.years:g} years of work{wanted}, {result.related_years:g} of them in related work.")
    if job.min_level:
        has = LEVEL_NAMES[resume.highest_level][0] if resume.highest_level else "not found"
        out.append(f"Education: {has} (asked: {LEVEL_NAMES[job.min_level][0]}).")
    return " ".join(out)


def _zh(job: JobSpec, resume: Extraction, result: MatchResult) -> str:
    out = [f"匹配度 {result.score:g} 分（满分 100）。"]
    if job.must:
        out.append(f"必备要求 {len(job.must)} 项，找到 {len(result.met_must)} 项。")
    if result.met_must:
        out.append(
            "有依据："
            + "；".join(f"{met.requirement.label('zh')}（{_how_zh(met)}，第 {met.line} 行）" for met in result.met_must)
            + "。"
        )
    if result.missing_must:
        out.append(f"未找到：{_join(result.missing_must, 'zh')}。")
    if result.met_nice:
        out.append(f"加分：{_join([met.requirement for met in result.met_nice], 'zh')}。")
    wanted = f"（要求 {job.min_years:g} 年）" if job.min_years else ""
    out.append(f"工作 {result.years:g} 年{wanted}，其中相关工作 {result.related_years:g} 年。")
    if job.min_level:
        has = LEVEL_NAMES[resume.highest_level][1] if resume.highest_level else "未找到"
        out.append(f"学历：{has}（要求 {LEVEL_NAMES[job.min_level][1]}）。")
    return "".join(out)


def _how_en(met: Met) -> str:
    return {
        "applied": "used in work",
        "listed": "only listed",
        "implied": "shown by a related skill",
        "words": "by its words",
    }[met.how]


def _how_zh(met: Met) -> str:
    return {"applied": "工作中使用", "listed": "仅列出", "implied": "由相关技能体现", "words": "文字相符"}[met.how]


def _join(requirements: list[Requirement] | tuple[Requirement, ...], language: str) -> str:
    labels = [requirement.label("zh" if language == "zh" else "en") for requirement in requirements]
    return ("、" if language == "zh" else ", ").join(labels)
