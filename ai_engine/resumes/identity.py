"""Who and how to reach: name, e-mail, phone. For the file alone - no score ever reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ai_engine.resumes.sections import heading
from ai_engine.vocabulary import vocabulary
from mappings.documents import Document

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}")
_CN_MOBILE = re.compile(r"(?<![\d.])(?:\(?\+?\(?86\)?[-\s]?)?(1[3-9]\d)[-\s]?(\d{4})[-\s]?(\d{4})(?!\d)")
_US = re.compile(r"(?<![\d.+])(?:\+?1[-.\s]?)?\(?([2-9]\d{2})\)?[-.\s]?([2-9]\d{2})[-.\s]?(\d{4})(?!\d)")
_E164 = re.compile(r"(?<!\d)\+(?:\d[\s().-]{0,2}){7,14}\d(?!\d)")
_LABELLED_ZH = re.compile(r"(?:^|\s|\|)姓\s*名\s*[::]?\s*([一-鿿·]{2,6}|[一-鿿]\s[一-鿿]{1,2})(?=\s|$|[|,;/()])")
_LABELLED_EN = re.compile(r"\bname\s*:\s*([A-Z][A-Za-z'-]+(?:\s+[A-Z][A-Za-z.'-]*){1,3})", re.IGNORECASE)
_LEADING_ZH = re.compile(r"^\s*([一-鿿](?:\s?[一-鿿]){1,3})(?=$|\s|[|,;/(:-])")
_LEADING_EN = re.compile(r"^\s*([A-Z][a-z'A-Z-]*(?:\s+[A-Z]\.?)?(?:\s+[A-Z][A-Za-z'-]+){1,2})(?=$|\s*[|,(–—-]|\s{2,})")
_LATIN_IN_BRACKETS = re.compile(r"^\s*[(/|]?\s*([A-Z][A-Za-z'-]+(?:\s+[A-Z][A-Za-z'-]+){1,2})\s*\)?")
_CV_WORDS = re.compile(r"(?i)\b(resume|résumé|curriculum|vitae|cv|profile|page|address|street|road|phone|email)\b")
_LOOK_AT = 12  # lines from the top in which an unlabelled name may stand


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the line it stands in."""

    value: str
    line: int


def emails(lines: tuple[str, ...]) -> list[Found]:
    """All e-mail addresses, lower-cased, in order, each once."""
    seen: dict[str, Found] = {}
    for number, text in enumerate(lines, 1):
        if "@" in text:
            for match in _EMAIL.finditer(text):
                seen.setdefault(match.group().lower(), Found(match.group().lower(), number))
    return list(seen.values())


def phones(lines: tuple[str, ...]) -> list[Found]:
    """All phone numbers: E.164 (ITU-T) for mainland China mobiles, North America and anything written with its +code."""
    seen: dict[str, Found] = {}
    for number, text in enumerate(lines, 1):
        if sum(c.isdigit() for c in text) < 10:
            continue
        rest = text
        for match in _CN_MOBILE.finditer(rest):
            value = "+86" + "".join(match.groups())
            seen.setdefault(value, Found(value, number))
        rest = _CN_MOBILE.sub(" ", rest)
        for match in _E164.finditer(rest):
            value = "+" + "".join(c for c in match.group() if c.isdigit())
            seen.setdefault(value, Found(value, number))
        rest = _E164.sub(" ", rest)
        for match in _US.finditer(rest):
            value = "+1" + "".join(match.groups())
            seen.setdefault(value, Found(value, number))
    return list(seen.values())


def name(lines: tuple[str, ...]) -> tuple[Document, int] | None:
    """The canonical name and its line: a labelled one first, else the first line near the top that can be a name."""
    for number, text in enumerate(lines[:40], 1):
        labelled = _LABELLED_ZH.search(text)
        if labelled:
            full = labelled.group(1).replace(" ", "")
            if split_zh(full):
                return _zh(full, text[labelled.end() :]), number
        english = _LABELLED_EN.search(text)
        if english and not _CV_WORDS.search(english.group(1)):
            return _en(english.group(1)), number
    for number, text in enumerate(lines[:_LOOK_AT], 1):
        if heading(text):
            continue
        zh = _LEADING_ZH.match(text)
        if zh:
            full = zh.group(1).replace(" ", "")
            if split_zh(full):
                return _zh(full, text[zh.end() :]), number
        en = _LEADING_EN.match(text)
        if en and _plausible_en(en.group(1)):
            return _en(en.group(1)), number
    return None


def split_zh(full: str) -> tuple[str, str] | None:
    """(family, given) of a Chinese name, two-character surnames included, or None if it cannot be one."""
    words = vocabulary()
    if any(word in full for word in words.not_names):
        return None
    if full[:2] in words.compound_surnames and 3 <= len(full) <= 4:
        return full[:2], full[2:]
    if full[:1] in words.surnames and 2 <= len(full) <= 3:
        return full[:1], full[1:]
    return None


def _zh(full: str, rest: str) -> Document:
    family, given = split_zh(full) or (full[:1], full[1:])
    document: Document = {"full": full, "family": family, "given": given, "order": "family_first"}
    latin = _LATIN_IN_BRACKETS.match(rest)
    if latin and _plausible_en(latin.group(1)):
        document["latin"] = latin.group(1)
    return document


def _en(full: str) -> Document:
    words = full.title().split() if full.isupper() else full.split()
    return {"full": " ".join(words), "given": words[0], "family": words[-1], "order": "given_first"}


def _plausible_en(text: str) -> bool:
    words = vocabulary()
    return not (
        _CV_WORDS.search(text)
        or words.title.search(text)
        or words.employer.search(text)
        or words.school.search(text)
        or heading(text)
    )
