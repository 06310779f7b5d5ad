"""The rubric as data: dimensions, features, weights, thresholds."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def rubric() -> dict[str, Any]:
    """The rubric that ships with the engine, read once."""
    loaded: dict[str, Any] = yaml.safe_load(
        files("ai_engine.report").joinpath("rubric.yaml").read_text(encoding="utf-8")
    )
    return loaded


def name() -> str:
    """What a report says of the rubric it was made with."""
    return f"hirewire-rubric@{rubric()['version']}"


def label(entry: dict[str, Any]) -> dict[str, str]:
    """A label of the rubric in the canonical languages."""
    names = entry["label"]
    return {"en": names["en"], "zh-CN": names["zh"]}
