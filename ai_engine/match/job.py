"""A job description, as text or as the canonical job, read into requirements. Chinese and English."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ai_engine.gazetteer import gazetteer
from ai_engine.records import Language
from ai_engine.resumes.education import LEVELS
from ai_engine.resumes.normal import lines_of
from ai_engine.resumes.sections import BULLET
from ai_engine.vocabulary import vocabulary
from ai_engine.wording import number
from hub.domain.errors import Invalid
from mappings.documents import Document, Json

_MUST = re.compile(
    r"(?i)^(任职要求|任职资格|岗位要求|职位要求|招聘要求|必备条件|要求|requirements?|must[- ]haves?|qualifications?|"
    r"what you need|you have|we require)[\s:]*"
)
_NICE = re.compile(
    r"(?i)^(加分项|优先条件|优先考虑|nice[- ]to[- ]haves?|preferred( qualifications)?|bonus|pluses)[\s:]*"
)
_DUTIES = re.compile(
    r"(?i)^(岗位职责|工作职责|职位描述|工作内容|职责|responsibilities|what you(?:'ll| will) do|duties|the role|"
    r"about the role|job description)[\s:]*"
)
_OTHER = re.compile(
    r"(?i)^(福利|薪资|公司介绍|关于我们|工作地点|benefits|about us|we offer|location|what we offer)[\s:]*"
)
_TITLE = re.compile(r"(?i)^(?:岗位名称|职位名称|岗位|职位|招聘岗位|job title|position|title|role)\s*:\s*(.+)$")
_PREFERRED = re.compile(r"(?i)优先|加分|更佳|preferred|a plus|nice to have|bonus|desirable|an advantage|ideally")
_YEARS = re.compile(
    r"(?i)(\d{1,2}|[一两二三四五六七八九十]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten)\s*"
    r"(?:\+|-\s*\d{1,2}|~\s*\d{1,2}|至\s*\d{1,2}|to\s+\d{1,2})?\s*(?:or more\s+)?(?:年|years?\b)"
)
_EXPERIENCE = re.compile(r"(?i)经验|工作|从业|experience|working|background in")
_FIELD_OF_STUDY = re.compile(r"(?i)专业(?!知识|技能|能力)|学历|\bdegree\b|related field|field of study")
_OR = re.compile(r"(?i)^[\s,]*(?:或者|或|or|/)\s*$")
_WORDS = {w: i for i, w in enumerate("one two three four five six seven eight nine ten".split(), 1)}  # noqa: SIM905 - one line, not ten
_PACK_ROLE = {
    "rnd": "engineering",
    "sales": "sales",
    "operations": "operations",
    "customer_service": "customer_service",
    "finance_risk": "finance_risk",
}
ROLE_PACK = {role: pack for pack, role in _PACK_ROLE.items()} | {"retail": "customer_service"}
MAX_DESCRIPTION = 50_000


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing the job asks for: any of `skills` (ids), or the words in `text` where no known skill is named."""

    skills: tuple[str, ...]
    text: str

    def label(self, language: Language) -> str:
        """How to name it in a sentence."""
        known = gazetteer().skills
        joint = " 或 " if language == "zh" else " or "
        return joint.join(known[id].label(language) for id in self.skills) if self.skills else self.text


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job as the match sees it. `pack` is the role pack of the interview; `document` the canonical job.1."""

    id: str
    title: str
    pack: str
    must: tuple[Requirement, ...]
    nice: tuple[Requirement, ...]
    min_years: float | None
    min_level: str | None
    lines: tuple[str, ...]
    document: Document

    @property
    def skill_ids(self) -> frozenset[str]:
        """Every skill the job names, as must or nice."""
        return frozenset(id for requirement in (*self.must, *self.nice) for id in requirement.skills)


def read_job(source: str | Document, *, id: str | None = None) -> JobSpec:
    """Read a job from free text (`id` is then needed) or from a canonical job document.

    In a document `must_have`, `nice_to_have`, `min_years` and `role` go before what its description says.
    Raises Invalid (`empty_job`, `job_too_long`).
    """
    document: Document = dict(source) if isinstance(source, dict) else {"id": id or "job", "description": source}
    description = document.get("description")
    text = description if isinstance(description, str) else ""
    if len(text) > MAX_DESCRIPTION:
        raise Invalid(f"a job description may hold {MAX_DESCRIPTION} characters", code="job_too_long", at="description")
    lines = tuple(lines_of(text))
    title = document.get("title")
    title = title if isinstance(title, str) and title else _title(lines)
    if not title and not lines:
        raise Invalid("a job needs a title or a description", code="empty_job")
    must, nice, years, level = _read(lines)
    structured_must, structured_nice = (_structured(document.get(key)) for key in ("must_have", "nice_to_have"))
    must = structured_must or must
    nice = structured_nice or nice
    wanted = document.get("min_years")
    if isinstance(wanted, int | float):
        years = float(wanted)
    taken = {id for requirement in must for id in requirement.skills}
    nice = [requirement for requirement in nice if not taken.intersection(requirement.skills)]
    role = document.get("role")
    pack = ROLE_PACK.get(role) if isinstance(role, str) else None
    pack = pack or _pack(title, lines)
    document |= {"title": title[:200], "role": role if isinstance(role, str) else _PACK_ROLE.get(pack, "other")}
    if must and "must_have" not in document:
        document["must_have"] = [requirement.label("en") for requirement in must]
    if nice and "nice_to_have" not in document:
        document["nice_to_have"] = [requirement.label("en") for requirement in nice]
    if years is not None:
        document["min_years"] = years
    return JobSpec(str(document["id"]), title, pack, tuple(must), tuple(nice), years, level, lines, document)


def _title(lines: tuple[str, ...]) -> str:
    for line in lines[:10]:
        match = _TITLE.match(line)
        if match:
            return match.group(1)[:200]
    return lines[0][:200] if lines else ""


def _structured(values: Json) -> list[Requirement]:
    found: list[Requirement] = []
    for value in values if isinstance(values, list) else []:
        if isinstance(value, str) and value.strip():
            found += _groups(value) or [Requirement((), value.strip())]
    return _distinct(found)


def _read(lines: tuple[str, ...]) -> tuple[list[Requirement], list[Requirement], float | None, str | None]:
    section = None
    by_section: dict[str | None, list[str]] = {}
    for line in lines:
        core = line.strip("【】[]#* ")
        for name, pattern in (("must", _MUST), ("nice", _NICE), ("duties", _DUTIES), ("other", _OTHER)):
            match = pattern.match(core)
            if match and (match.end() == len(core) or core[match.end() - 1] in ": "):
                section, line = name, core[match.end() :]
                break
        if line.strip():
            by_section.setdefault(section, []).append(line)
    wanted = by_section.get("must") or [*by_section.get(None, []), *by_section.get("duties", [])]
    must: list[Requirement] = []
    nice: list[Requirement] = [group for line in by_section.get("nice", []) for group in _groups(line)]
    years: float | None = None
    level: str | None = None
    for line in wanted:
        for clause in _clauses(line):
            if _PREFERRED.search(clause):
                nice += _groups(clause)
                continue
            if not _FIELD_OF_STUDY.search(clause):
                must += _groups(clause)
            if years is None and _EXPERIENCE.search(line):
                years = _years(clause)
            if level is None:
                level = _lowest_level(clause)
    return _distinct(must), _distinct(nice), years, level


def _clauses(line: str) -> list[str]:
    text = BULLET.sub("", line)
    chinese = any("一" <= c <= "鿿" for c in text)
    return [clause for clause in re.split(r"[;；。,]" if chinese else r";|\.\s", text) if clause.strip()]


def _groups(clause: str) -> list[Requirement]:
    groups: list[list[str]] = []
    end = -1
    for mention in gazetteer().mentions(clause):
        if groups and _OR.match(clause[end : mention.start]):
            groups[-1].append(mention.id)
        else:
            groups.append([mention.id])
        end = mention.end
    return [Requirement(tuple(dict.fromkeys(group)), clause.strip()) for group in groups]


def _distinct(requirements: list[Requirement]) -> list[Requirement]:
    """Each once. A group and a part of it are one requirement (the two languages of a text often differ so)."""
    out: list[Requirement] = []
    for requirement in requirements:
        own = set(requirement.skills)
        if own and any(own <= set(other.skills) or own >= set(other.skills) for other in out if other.skills):
            continue
        if not own and any(requirement.text == other.text for other in out):
            continue
        out.append(requirement)
    return out[:60]


def _years(clause: str) -> float | None:
    match = _YEARS.search(clause)
    if not match:
        return None
    word = match.group(1).lower()
    try:
        years = _WORDS.get(word) or number(word)
    except ValueError:
        return None
    return float(years) if years <= 30 else None


def _lowest_level(clause: str) -> str | None:
    if not re.search(r"(?i)学历|以上|学位|degree|or above|diploma|毕业|统招|全日制", clause):
        return None
    words = dict(vocabulary().levels)
    return next((level for level in LEVELS if words[level].search(clause)), None)


def _pack(title: str, lines: tuple[str, ...]) -> str:
    known = gazetteer()
    votes: Counter[str] = Counter()
    for weight, text in ((5, title), (1, " ".join(lines))):
        for id in known.ids(text):
            if known.skills[id].pack != "general":
                votes[known.skills[id].pack] += weight
    for pack, words in _TITLE_WORDS.items():
        if re.search(words, title, re.IGNORECASE):
            votes[pack] += 8
    return max(sorted(votes), key=lambda pack: votes[pack]) if votes else "operations"


_TITLE_WORDS = {
    "rnd": r"工程师|研发|开发|程序员|架构|算法|engineer|developer|programmer|architect",
    "sales": r"销售|商务拓展|客户经理|sales|account executive|business development",
    "operations": r"运营|供应链|operations|supply chain|growth",
    "customer_service": r"客服|店长|店员|导购|门店|收银|customer (?:service|support)|store|cashier|retail",
    "finance_risk": r"风控|风险|信贷|反欺诈|合规|risk|credit|fraud|compliance",
}
