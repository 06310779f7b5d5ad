"""The sample pile: real files of several kinds, the same at every writing, enough for a whole story."""

from __future__ import annotations

from ai_engine import sample_data
from ai_engine.resumes import read
from mappings.canonical import validate


def test_files_of_every_kind(pile):
    kinds = [read(path.read_bytes()).media for path in pile.resumes]
    assert sorted(set(kinds)) == ["docx", "pdf", "txt"]
    assert len(kinds) >= 5
    first = read(pile.resumes[0].read_bytes())
    assert (first.media, first.pages) == ("pdf", 2)
    text = next(path for path in pile.resumes if path.suffix == ".txt").read_bytes()
    assert text.decode("gb18030").startswith("欧阳晨")


def test_the_same_text_at_every_writing(pile, tmp_path):
    again = sample_data.write(tmp_path / "more")
    assert [read(p.read_bytes()).lines for p in again.resumes] == [read(p.read_bytes()).lines for p in pile.resumes]
    assert again.answers == pile.answers


def test_the_job_is_canonical_and_has_an_owner(pile, people):
    assert pile.job["owner"]["email"].endswith("@example.com")
    validate("application.received", 1, {"candidate": {"id": "c"}, "application": {"id": "a"}, "job": pile.job})


def test_only_invented_people(pile, people):
    for found in people.values():
        assert found.candidate["email"].endswith("@example.com")


def test_in_each_scripted_interview_a_follow_up_fires(pile, people, interviewed):
    assert set(pile.answers) == set(people)
    for stem, answers in pile.answers.items():
        session = interviewed(people[stem], answers)
        asked = {turn.question.trigger for turn in session.turns if turn.question.trigger}
        assert asked
        assert all(turn.answer for turn in session.turns), f"{stem} has no answer for a question"
