"""BM25 over a pile of resumes. Skills are tokens of their own, so that Chinese and English texts meet in them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ai_engine.gazetteer import gazetteer

_LATIN = re.compile(r"[a-z][a-z+#.]*[a-z+#]|[a-z]")
_CJK = re.compile(r"[一-鿿]+")
_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "our",
        "that",
        "the",
        "their",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "will",
        "with",
        "you",
        "your",
        "who",
        "not",
        "can",
        "all",
        "any",
        "more",
        "work",
        "working",
        "job",
        "role",
        "team",
        "company",
        "years",
        "year",
        "experience",
        "requirements",
        "responsibilities",
        "skills",
        "ability",
        "strong",
        "good",
        "knowledge",
        "using",
        "used",
        "other",
        "etc",
    ]
)
_STOP_CJK = frozenset(
    [
        "负责",
        "工作",
        "公司",
        "以上",
        "具有",
        "具备",
        "良好",
        "优先",
        "相关",
        "经验",
        "能力",
        "要求",
        "熟悉",
        "熟练",
        "进行",
        "以及",
        "完成",
        "参与",
        "岗位",
        "职责",
        "任职",
        "我们",
        "使用",
        "能够",
        "较强",
        "有限",
    ]
)


def tokens(lines: Iterable[str]) -> Counter[str]:
    """Words (Latin), pairs of characters (Chinese) and `#skill` tokens of a text, counted."""
    counts: Counter[str] = Counter()
    for line in lines:
        low = line.lower()
        counts.update(word for word in _LATIN.findall(low) if len(word) > 1 and word not in _STOP)
        for run in _CJK.findall(low):
            counts.update(pair for i in range(len(run) - 1) if (pair := run[i : i + 2]) not in _STOP_CJK)
        counts.update("#" + mention.id for mention in gazetteer().mentions(line))
    return counts


class Pile:
    """Document frequencies of one pile."""

    def __init__(self, documents: Sequence[Counter[str]], *, k1: float, b: float) -> None:
        self.documents = documents
        self.k1, self.b = k1, b
        self.frequency: Counter[str] = Counter()
        for document in documents:
            self.frequency.update(document.keys())
        self.average = max(1.0, sum(sum(d.values()) for d in documents) / max(1, len(documents)))

    def idf(self, token: str) -> float:
        """Robertson-Sparck Jones weight, never negative."""
        seen = self.frequency[token]
        return math.log(1 + (len(self.documents) - seen + 0.5) / (seen + 0.5))

    def share(self, query: Iterable[str], document: Counter[str]) -> float:
        """The document's BM25 for the query as a share of the best that any document could reach, 0 to 1."""
        length = self.k1 * (1 - self.b + self.b * sum(document.values()) / self.average)
        got = best = 0.0
        for token in sorted(set(query)):
            weight = self.idf(token) if self.frequency[token] else self.idf("") * 0.5
            best += weight
            count = document[token]
            if count:
                got += weight * count * (1 + self.k1) / (count + length) / (1 + self.k1)
        return got / best if best else 0.0


def same_language(query: Iterable[str], chinese: bool) -> list[str]:
    """The query's skills and those of its words that are in the document's language."""
    return [t for t in query if t[0] == "#" or (("一" <= t[0] <= "鿿") == chinese)]
