"""How sensitive what a mapping takes is: by what it finds, not by what it might find."""

from __future__ import annotations

import pytest

from mappings.canonical import event_schema
from mappings.documents import Document, Json
from mappings.engine import compile_mapping
from mappings.engine.sensitivity import of_value

SCHEMA = event_schema("interview.report.completed", 1)
DATA: Document = {
    "candidate": {
        "id": "cand_1",
        "name": {"full": "Ada Sample"},
        "person": {"birth_date": "1990-01-02"},
        "experiences": [{"employer": "Acme", "title": "Analyst"}],
    },
    "job": {"id": "job_1", "title": "Risk analyst"},
    "report": {"id": "rep_1", "overall": {"score": 91, "max": 100}},
}


@pytest.mark.parametrize(
    ("fields", "data_class"),
    [
        ([{"to": "job", "from": "job.title"}], 1),
        ([{"to": "who", "from": "candidate.name.full"}], 3),
        ([{"to": "born", "from": "candidate.person.birth_date"}], 4),
        ([{"to": "all", "from": "candidate"}], 4),
        ([{"to": "sex", "from": "candidate.person.sex"}], 0),  # there is none in this document
        ([{"to": "mine", "from": "candidate.custom.unknown"}], 0),
        (
            [
                {
                    "to": "jobs",
                    "fn": "map",
                    "from": "candidate.experiences",
                    "fields": [{"to": "at", "from": "employer"}],
                }
            ],
            3,
        ),
        (
            [{"to": "job", "from": "job.title", "when": {"path": "candidate.person.birth_date", "present": True}}],
            1,
        ),
    ],
)
def test_the_highest_class_of_what_is_taken(fields: list[Json], data_class: int) -> None:
    mapping = compile_mapping({"name": "m", "version": 1, "fields": fields})
    found = mapping.sensitivity(DATA, SCHEMA)
    assert found == data_class or (data_class == 1 and found <= 2)


def test_what_is_left_over_is_taken_too() -> None:
    fields: list[Json] = [{"to": "job", "from": "job.title"}]
    assert compile_mapping({"name": "m", "version": 1, "rest": "rest", "fields": fields}).sensitivity(DATA, SCHEMA) == 4


def test_what_no_schema_knows_counts_as_personal() -> None:
    assert of_value(DATA, {}) == 3
    assert of_value({"a": [None]}, {}) == 0
