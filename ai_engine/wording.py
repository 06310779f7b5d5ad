"""What can be counted in a spoken or written answer, Chinese or English: sentences, measures, markers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from ai_engine.vocabulary import pattern

_SENTENCE = re.compile(r"(?<=[。！？!?；;])|(?<=[.])\s+(?=[A-Z\"'(一-鿿])|\n+")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_CJK = re.compile(r"[一-鿿]")
_AGE = re.compile(r"(?i)\d{1,2}\s*(?:周岁|岁)|\b\d{1,2}[- ]years?[- ]old\b|\baged?\s+(?:of\s+)?\d{1,2}\b")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?:\s*年|(?=\D|$))")
_MEASURE = re.compile(
    r"(?i)\d[\d,]*(?:\.\d+)?\s*(?:%|percent(?:age points?)?|个百分点|个点|万|亿|元|倍|成|年|人|天|小时|分钟|"
    r"周|个月|秒|毫秒|笔|单|件|家|次|个|条|套|户|级|分|基点|"
    r"bps?|ms|years?|days?|hours?|weeks?|months?|minutes?|seconds?|people|customers?|users?|accounts?|cases?|rules?|features?|"
    r"variables?|stores?|million|thousand|points?|times|k\b|x\b|dollars?|euros?|calls?|tickets?|loans?|applications?|orders?|percent)"
    r"|[$€£¥]\s?\d[\d,.]*|百分之[一二三四五六七八九十百两\d]+|[一二两三四五六七八九十]+(?:成|倍|周|个月|天|小时|个点|人|万)"
    r"|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|hundred)\s+"
    r"(?:percent|points?|days?|weeks?|months?|people|hours?|times|rules?|cases?)"
    r"|(?:从|由|from)\s*\d[\d.,]*|(?:到|至|to)\s*\d[\d.,]*"
)  # fmt: skip


@cache
def lexicon(name: str) -> re.Pattern[str]:
    """The words of one group of data/wording.yaml, as a pattern."""
    return _lexicons()[name]


@cache
def _lexicons() -> Mapping[str, re.Pattern[str]]:
    data = yaml.safe_load(files("ai_engine").joinpath("data/wording.yaml").read_text(encoding="utf-8"))
    return {
        name: _stems(words) if name in ("own", "commitment") else pattern(words)
        for name, words in data.items()
        if isinstance(words, list) and not name.startswith("function")
    }


def _stems(words: list[str]) -> re.Pattern[str]:
    parts = [
        rf"(?<![A-Za-z]){re.escape(word)}" if word[0].isascii() else re.escape(word)
        for word in sorted(words, key=len, reverse=True)
    ]
    return re.compile("|".join(parts), re.IGNORECASE)


def hits(name: str, text: str) -> list[str]:
    """The distinct words of group `name` in `text`, in order."""
    return list(dict.fromkeys(match.group().lower().strip() for match in lexicon(name).finditer(text)))


def sentences(text: str) -> list[str]:
    """The sentences of `text` as they are written."""
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def units(text: str) -> float:
    """How much is said: Latin words, and Chinese characters at 1.6 to a word."""
    return len(_LATIN_WORD.findall(text)) + len(_CJK.findall(text)) / 1.6


def measures(text: str) -> list[str]:
    """The distinct figures in `text`. Ages and calendar years are no measures."""
    bare = _YEAR.sub(" ", _AGE.sub(" ", text))
    return list(dict.fromkeys(" ".join(match.group().lower().split()) for match in _MEASURE.finditer(bare)))


_TENS = re.compile("([一二两三四五六七八九])?十([一二三四五六七八九])?$")


def number(text: str) -> int:
    """A whole number up to 99 in digits or Chinese numerals (十五, 二十, 三). Raises ValueError for anything else."""
    if text.isascii():
        return int(text)
    tens = _TENS.match(text)
    if tens:
        return _ZH_DIGITS[tens.group(1) or "一"] * 10 + _ZH_DIGITS.get(tens.group(2) or "", 0)
    if text not in _ZH_DIGITS:
        raise ValueError("not a number")
    return _ZH_DIGITS[text]


_ZH_DIGITS = {c: i for i, c in enumerate("一二三四五六七八九", 1)} | {"两": 2}
_FULL_PROSE_EN, _FULL_PROSE_ZH = 0.25, 0.08  # share of small words that any spoken sentence has


def prose(text: str) -> float:
    """0 for a bare list of keywords, 1 for sentences: the share of small words, against what speech has at least."""
    small_en, small_zh = _small_words()
    words = [word.lower() for word in _LATIN_WORD.findall(text)]
    characters = _CJK.findall(text)
    english = min(1.0, sum(w in small_en for w in words) / len(words) / _FULL_PROSE_EN) if words else 0.0
    chinese = min(1.0, sum(c in small_zh for c in characters) / len(characters) / _FULL_PROSE_ZH) if characters else 0.0
    weight = len(characters) / 1.6
    if characters and len(words) < weight:  # tool names inside Chinese sentences
        return chinese
    return (english * len(words) + chinese * weight) / (len(words) + weight) if words else 0.0


@cache
def _small_words() -> tuple[frozenset[str], frozenset[str]]:
    data = yaml.safe_load(files("ai_engine").joinpath("data/wording.yaml").read_text(encoding="utf-8"))
    return frozenset(data["function_en"]), frozenset(data["function_zh"])


@cache
def words_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of `words`, case ignored; Latin ones match from the start of a word, so that stems may be given."""
    return _stems(list(words))
