"""Mapping speed: the compiled table against hand-written Python and against closures.

64 interview reports -> 25 fields each. Prints microseconds of CPU per document (median of interleaved rounds) and the
ratio to hand-written; the figure the engine is held to is 1.10. Run: python -P -m bench.mapping, or this file.
"""

from __future__ import annotations

import random
import statistics
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mappings.documents import Document
from mappings.engine import compile_mapping
from mappings.engine.closures import plain
from mappings.engine.shape import table

ADVICE = {"recommend": "Yes", "hold": "Undecided", "reject": "No"}
DIMENSIONS = ("communication", "logic", "expertise", "motivation", "teamwork", "learning")


def _dimension(key: str) -> dict[str, object]:
    return {"list": "report.dimensions", "by": "key", "equals": key, "take": "score"}


TABLE: dict[str, object] = {
    "name": "report-to-ats",
    "version": 1,
    "source": "interview.report.completed@1",
    "fields": [
        {"to": "external_id", "fn": "ext_id", "from": "report.id", "required": True},
        {"to": "candidate.id", "from": "candidate.id"},
        {"to": "candidate.name", "from": "candidate.name.full"},
        {"to": "candidate.email", "fn": "lower", "from": "candidate.email"},
        {"to": "application_id", "from": "application.id"},
        {"to": "job", "from": "job.title", "default": "unknown"},
        {"to": "score", "from": "report.overall.score"},
        {"to": "stars", "fn": "number", "from": "report.overall.score", "divide": 20, "places": 1},
        {"to": "advice", "fn": "enum", "from": "report.overall.recommendation", "table": ADVICE},
        {"to": "passed", "fn": "flag", "from": "report.overall.recommendation", "equals": "recommend"},
        *({"to": f"scores.{key}", "from": _dimension(key)} for key in DIMENSIONS),
        {"to": "average", "fn": "avg", "from": "report.dimensions", "take": "score", "places": 1},
        {"to": "questions", "fn": "count", "from": "report.answers"},
        {"to": "flags", "fn": "join", "from": "report.red_flags", "take": "key", "separator": ", "},
        {"to": "missing", "fn": "join", "from": "report.resume_match.missing", "separator": "; "},
        {"to": "minutes", "fn": "duration", "from": "report.duration_ms", "output": "min", "places": 1},
        {"to": "note_en", "fn": "localized", "from": "report.summary", "language": "en"},
        {"to": "note_zh", "fn": "localized", "from": "report.summary", "language": "zh-CN"},
        {"to": "title", "fn": "template", "template": "AI interview: {candidate.name.full}, {report.overall.score}"},
        {"to": "reviewed", "fn": "flag", "from": "report.human_review", "present": True},
    ],
}


def _half_up(value: Decimal, places: str = "0.1") -> float:
    return float(value.quantize(Decimal(places), ROUND_HALF_UP))


def by_hand(doc: dict[str, Any]) -> dict[str, Any]:
    """The same 25 fields as a careful person writes them."""
    report, candidate = doc.get("report") or {}, doc.get("candidate") or {}
    overall, match = report.get("overall") or {}, report.get("resume_match") or {}
    name = (candidate.get("name") or {}).get("full")
    score, advice = overall.get("score"), overall.get("recommendation")
    out: dict[str, Any] = {"external_id": report["id"]}
    who: dict[str, Any] = {}
    if candidate.get("id") is not None:
        who["id"] = candidate["id"]
    if name is not None:
        who["name"] = name
    if candidate.get("email") is not None:
        who["email"] = candidate["email"].lower()
    if who:
        out["candidate"] = who
    application = (doc.get("application") or {}).get("id")
    if application is not None:
        out["application_id"] = application
    title = (doc.get("job") or {}).get("title")
    out["job"] = "unknown" if title is None else title
    if score is not None:
        out["score"] = score
        out["stars"] = _half_up(Decimal(str(score)) / 20)
    if advice is not None:
        out["advice"] = ADVICE[advice]
        out["passed"] = advice == "recommend"
    dimensions = report.get("dimensions")
    if dimensions is not None:
        found = {dimension.get("key"): dimension for dimension in dimensions}
        scores = {}
        for key in DIMENSIONS:
            value = (found.get(key) or {}).get("score")
            if value is not None:
                scores[key] = value
        if scores:
            out["scores"] = scores
        values = [Decimal(str(d["score"])) for d in dimensions if d.get("score") is not None]
        if values:
            out["average"] = _half_up(sum(values, Decimal(0)) / len(values))
    if report.get("answers") is not None:
        out["questions"] = len(report["answers"])
    flags = report.get("red_flags")
    if flags:
        out["flags"] = ", ".join(flag["key"] for flag in flags if flag.get("key"))
    if match.get("missing"):
        out["missing"] = "; ".join(match["missing"])
    if report.get("duration_ms") is not None:
        out["minutes"] = _half_up(Decimal(str(report["duration_ms"])) / 60000)
    summary = report.get("summary") or {}
    english, chinese = summary.get("en"), summary.get("zh-CN")
    if english is not None or chinese is not None:
        out["note_en"] = english if english is not None else chinese
        out["note_zh"] = chinese if chinese is not None else english
    if name is not None and score is not None:
        out["title"] = f"AI interview: {name}, {score}"
    out["reviewed"] = report.get("human_review") is not None
    return out


def documents(count: int = 64) -> list[Document]:
    """Invented reports, the same every time."""
    chance = random.Random(7)
    made: list[Document] = []
    for number in range(count):
        words = "我先把客户的情况问清楚，再和团队一起定下先后。 " * chance.randint(3, 9)
        made.append(
            {
                "candidate": {
                    "id": f"cand-{number}",
                    "name": {"full": "林悦"},
                    "email": f"Lin.Yue{number}@example.com",
                },
                "application": {"id": f"app-{number}", "status": "open"},
                "job": {"id": "job-1", "title": "Account manager", "role": "sales"},
                "report": {
                    "id": f"rep-{number}",
                    "overall": {
                        "score": chance.randint(30, 99),
                        "max": 100,
                        "recommendation": chance.choice(tuple(ADVICE)),
                        "confidence": 0.8,
                    },
                    "dimensions": [
                        {"key": key, "label": {"en": key}, "score": chance.randint(20, 100), "max": 100, "weight": 0.2}
                        for key in DIMENSIONS
                    ],
                    "answers": [
                        {"question_id": f"q{n}", "question": "说说最难的一单。", "answer": words, "score": 70}
                        for n in range(6)
                    ],
                    "resume_match": {"score": 77, "matched": ["CRM"], "missing": ["English", "SQL"][: number % 3]},  # type: ignore[dict-item]
                    "red_flags": [{"key": "job_hopping"}] if number % 4 == 0 else [],
                    "summary": {"en": "Clear and structured.", "zh-CN": "表达清楚，有条理。"},
                    "duration_ms": chance.randint(300_000, 1_500_000),
                },
            }
        )
    return made


def main(rounds: int = 9, repeats: int = 40) -> None:
    """Print the table."""
    docs = documents()
    runs = {
        "hand-written": by_hand,
        "compiled table": compile_mapping(TABLE).apply,
        "closures": plain(table(TABLE).fields),
    }
    for doc in docs:
        wanted = by_hand(doc)
        for name, run in runs.items():
            assert run(doc) == wanted, f"{name} differs"
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.process_time()
            for _ in range(repeats):
                for doc in docs:
                    run(doc)
            spent[name].append((time.process_time() - start) / repeats / len(docs) * 1e6)
    floor = statistics.median(spent["hand-written"])
    print(f"{'25 fields, 64 documents':<26}{'us/doc':>8}{'x hand-written':>16}")
    for name, times in spent.items():
        median = statistics.median(times)
        print(f"{name:<26}{median:>8.2f}{median / floor:>16.2f}")


if __name__ == "__main__":
    main()
