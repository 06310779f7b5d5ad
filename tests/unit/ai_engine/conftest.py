"""The sample pile, written and read once for all tests of the engine."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ai_engine import sample_data
from ai_engine.interview import Session, start
from ai_engine.match import JobSpec, rank, read_job
from ai_engine.records import Extraction
from ai_engine.resumes import extract, read
from ai_engine.sample_data import SamplePile

TODAY = date(2026, 11, 1)


def understand(data: bytes | str, id: str = "cand-1") -> Extraction:
    """Read and extract a file, or a text as a file."""
    return extract(read(data.encode() if isinstance(data, str) else data), id=id, today=TODAY)


@pytest.fixture(scope="session")
def reads():
    return understand


@pytest.fixture(scope="session")
def pile(tmp_path_factory: pytest.TempPathFactory) -> SamplePile:
    return sample_data.write(tmp_path_factory.mktemp("pile"))


@pytest.fixture(scope="session")
def people(pile: SamplePile) -> dict[str, Extraction]:
    """Every extraction by its file's stem."""
    return {path.stem: understand(Path(path).read_bytes(), f"cand-{n}") for n, path in enumerate(pile.resumes, 1)}


@pytest.fixture(scope="session")
def job(pile: SamplePile) -> JobSpec:
    return read_job(pile.job)


@pytest.fixture(scope="session")
def ranked(job: JobSpec, people: dict[str, Extraction]):
    """The match of every person by the stem, best first."""
    stems = {str(found.candidate["id"]): stem for stem, found in people.items()}
    return {stems[result.candidate_id]: result for result in rank(job, list(people.values()))}


@pytest.fixture(scope="session")
def interviewed(pile: SamplePile, job: JobSpec):
    """Hold an interview with scripted answers, in the candidate's own language."""

    def hold(candidate: Extraction, answers: dict[str, str]) -> Session:
        session = start(candidate, job, candidate.language)
        while (question := session.next()) is not None:
            session.answer(sample_data.reply(answers, question))
        return session

    return hold
