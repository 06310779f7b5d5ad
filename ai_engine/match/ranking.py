"""A whole pile against one job, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ai_engine.match.bm25 import Pile, tokens
from ai_engine.match.explain import explain
from ai_engine.match.job import JobSpec
from ai_engine.match.score import MatchResult, score, weights
from ai_engine.records import Extraction


def rank(job: JobSpec, resumes: Sequence[Extraction]) -> list[MatchResult]:
    """Match every resume and put the pile in order; equal scores stand in order of candidate id."""
    words = [tokens(text for _, text in resume.work_text) for resume in resumes]
    table = weights()["similarity"]
    pile = Pile(words, k1=table["k1"], b=table["b"])
    query = tokens((job.title, *job.lines, *(r.text for r in (*job.must, *job.nice))))
    results = []
    for resume, own in zip(resumes, words, strict=True):
        result = score(job, resume, pile, query, own)
        results.append(replace(result, explanation=explain(job, resume, result)))
    results.sort(key=lambda result: (-result.score, result.candidate_id))
    return [result.placed(place, len(results)) for place, result in enumerate(results, 1)]
