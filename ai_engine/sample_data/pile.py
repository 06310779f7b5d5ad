"""Writes the sample pile into a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ai_engine.interview.question import Question
from ai_engine.sample_data import in_docx, in_pdf, in_text
from mappings.documents import Document

_PEOPLE = ("lin_yue", "maya_hollis", "ouyang_chen", "tom_barlow", "zhou_ping", "he_jing")


@dataclass(frozen=True, slots=True)
class SamplePile:
    """`job` is canonical job.1; `resumes` the written files; `answers` holds, by the stem of a resume's file, what its
    candidate says (question id -> text; `_<trigger>` for follow-ups, `_default` for the rest). Some give none."""

    job: Document
    resumes: tuple[Path, ...]
    answers: dict[str, dict[str, str]]


def write(folder: Path) -> SamplePile:
    """Write every resume into `folder`, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    job: Document = _load("job.yaml")
    paths, answers = [], {}
    for key in _PEOPLE:
        person = _load(f"people/{key}.yaml")
        path = folder / person["file"]
        path.write_bytes(render(person))
        paths.append(path)
        if person["answers"]:
            answers[path.stem] = {id: _unfold(text) for id, text in person["answers"].items()}
    return SamplePile(job, tuple(paths), answers)


def render(person: dict[str, Any]) -> bytes:
    """One person's resume as the bytes of their file format."""
    writer = {"pdf": in_pdf.render, "docx": in_docx.render, "txt": in_text.render}[person["format"]]
    return writer(person)


def reply(answers: dict[str, str], question: Question) -> str:
    """What the candidate says to `question`: nothing, if the script has no answer for it."""
    kind = question.id.split(".")[0]
    keys = (question.id, f"_{question.trigger}") if question.trigger else (question.id, kind)
    return next((answers[key] for key in keys if key in answers), answers.get("_default", ""))


def _unfold(text: str) -> str:
    """YAML folds a line break into a space; between Chinese characters there is none."""
    parts = text.strip().split(" ")
    out = parts[0]
    for part in parts[1:]:
        tight = out[-1:] > "\u2e7f" and part[:1] > "\u2e7f"
        out += part if tight else " " + part
    return out


@cache
def _load(name: str) -> Any:
    return yaml.safe_load(files("ai_engine.sample_data").joinpath(name).read_text(encoding="utf-8"))
