"""Scores by dimension, each with its evidence and its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ai_engine.report.features import Features, Response, features, weight_of
from ai_engine.report.rubric import rubric

_QUOTES = 3


@dataclass(frozen=True, slots=True)
class Quote:
    """The candidate's own words, and the question they answer."""

    question_id: str
    text: str


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """0-100 with a 90 % interval. `means` are the features behind it; `answers` is how many answers it rests on."""

    key: str
    score: float
    low: float
    high: float
    weight: float
    answers: int
    means: dict[str, float]
    evidence: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """All dimensions, the score of every response by question id, and the confidence in the whole (0-1)."""

    dimensions: tuple[DimensionScore, ...]
    answers: dict[str, float]
    confidence: float
    mean_units: float


def score(responses: Sequence[Response], planned: int) -> Scores:
    """Score the responses; `planned` is how many scored questions the plan held."""
    table = rubric()
    measured = [(response, features(response)) for response in responses]
    dimensions = []
    for key, entry in table["dimensions"].items():
        own = [(r, f) for r, f in measured if entry.get("from") == "all" or key in r.question.dimensions]
        if own:
            dimensions.append(_dimension(key, entry, own))
    answers = {}
    for response, found in measured:
        keys = [key for key in ("communication", *response.question.dimensions) if key in table["dimensions"]]
        answers[response.question.id] = round(
            sum(_points(found, table["dimensions"][k]["features"]) for k in keys) / len(keys), 1
        )
    answered = sum(1 for _, found in measured if found.units >= table["uncertainty"]["answered_units"])
    spread = sum((d.high - d.low) * d.weight for d in dimensions) / max(0.01, sum(d.weight for d in dimensions))
    confidence = answered / max(1, planned) * max(0.05, 1 - spread / 100)
    return Scores(
        tuple(dimensions),
        answers,
        round(min(0.99, confidence), 2),
        sum(found.units for _, found in measured) / max(1, len(measured)),
    )


def _dimension(key: str, entry: dict[str, object], own: list[tuple[Response, Features]]) -> DimensionScore:
    wanted: dict[str, float] = entry["features"]  # type: ignore[assignment]
    table = rubric()["uncertainty"]
    points = [_points(found, wanted) for _, found in own]
    mean = sum(points) / len(points)
    variance = sum((p - mean) ** 2 for p in points) / (len(points) - 1) if len(points) > 1 else 0.0
    error = math.sqrt((table["answer_sd"] ** 2 + variance) / 2 / len(points))
    half = table["interval_z"] * error
    quotes = [
        (weight_of(sentence, response.question, wanted), -number, Quote(_source(response, sentence), sentence[:400]))
        for number, (response, sentence) in enumerate((r, s) for r, _ in own for s in r.sentences)
    ]
    quotes.sort(key=lambda quote: quote[:2], reverse=True)
    return DimensionScore(
        key=key,
        score=round(mean, 1),
        low=round(max(0.0, mean - half), 1),
        high=round(min(100.0, mean + half), 1),
        weight=float(entry["weight"]),  # type: ignore[arg-type]
        answers=len(own),
        means={name: round(sum(found.values[name] for _, found in own) / len(own), 2) for name in wanted},
        evidence=tuple(quote for weight, _, quote in quotes[:_QUOTES] if weight > 0),
    )


def _source(response: Response, sentence: str) -> str:
    return next((turn.question.id for turn in response.turns if sentence in turn.answer), response.question.id)


def _points(found: Features, wanted: dict[str, float]) -> float:
    gate = rubric()["gate"]
    relevant = min(1.0, found.values["relevance"] * rubric()["full_at"]["relevance"] / gate["relevance"])
    said = min(1.0, found.units / gate["least_units"])
    open_share = gate["floor"] + (1 - gate["floor"]) * relevant
    points: float = (
        100
        * said
        * open_share
        * found.values["prose"]
        * sum(weight * found.values[name] for name, weight in wanted.items())
    )
    return points
