"""Reports: other answers, another report; evidence in the candidate's words; advice to a person."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest

from ai_engine.interview import start
from ai_engine.report import build
from ai_engine.report.rubric import rubric
from mappings.canonical import checker, validate

DONE = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
IDS = {"id": "rep-1", "interview_id": "int-1", "application_id": "app-1", "completed_at": DONE}


@pytest.fixture(scope="session")
def reports(people, pile, job, ranked, interviewed):
    return {
        stem: build(interviewed(people[stem], answers), ranked[stem], job, **IDS)
        for stem, answers in pile.answers.items()
    }


def test_the_pile_yields_every_advice_by_itself(reports):
    advice = {stem: (report.advice, report.total) for stem, report in reports.items()}
    assert advice["林悦-风控分析师"][0] == "recommend"
    assert advice["林悦-风控分析师"][1] > 85
    assert advice["欧阳晨_简历"][0] == "hold"
    assert advice["barlow_cv"][0] == "reject"


def test_reports_are_canonical(reports, people, job):
    for stem, report in reports.items():
        data = {
            "candidate": people[stem].candidate,
            "application": {"id": "app-1"},
            "job": job.document,
            "interview": {"id": "int-1", "kind": "ai_chat"},
            "report": report.document,
        }
        validate("interview.report.completed", 1, data)
        assert checker("interview.report.completed", 1) is not None


def test_weights_add_up_and_make_the_overall_score(reports):
    for report in reports.values():
        dimensions = report.document["dimensions"]
        assert sum(d["weight"] for d in dimensions) == pytest.approx(1)
        assert report.total == pytest.approx(sum(d["score"] * d["weight"] for d in dimensions), abs=0.11)


def test_every_quote_is_the_candidates_own(reports):
    for report in reports.values():
        said = {answer["question_id"]: answer["answer"] for answer in report.document["answers"]}
        for dimension in report.document["dimensions"]:
            for quote in dimension["evidence"]:
                if dimension["key"] != "resume_match":
                    assert quote["quote"] in said[quote["question_id"]]


def test_scores_say_how_sure_they_are(reports):
    for report in reports.values():
        for dimension in report.document["dimensions"]:
            if "interval" in dimension:
                assert dimension["interval"]["low"] <= dimension["score"] <= dimension["interval"]["high"]
        assert 0 <= report.document["overall"]["confidence"] <= 1


def test_the_same_interview_gives_the_same_report(reports, people, pile, job, ranked, interviewed):
    stem = "Maya_Hollis_Resume"
    again = build(interviewed(people[stem], pile.answers[stem]), ranked[stem], job, **IDS)
    assert again.document == reports[stem].document


def test_other_answers_give_another_report(reports, people, pile, job, ranked, interviewed):
    stem = "林悦-风控分析师"
    worse = build(interviewed(people[stem], {"_default": "这个不太好说，看情况吧。"}), ranked[stem], job, **IDS)
    assert worse.total < reports[stem].total - 40
    assert worse.advice != "recommend"


def test_one_answer_moves_only_what_it_is_about(reports, people, pile, job, ranked, interviewed):
    stem = "林悦-风控分析师"
    answers = copy.deepcopy(pile.answers[stem])
    answers["risk_logic_rise"] = "不知道。"
    answers["risk_logic_rise.f1"] = "不知道。"
    changed = build(interviewed(people[stem], answers), ranked[stem], job, **IDS).document["scores"]
    before = reports[stem].document["scores"]
    assert changed["logic"] < before["logic"] - 20
    assert changed["motivation"] == before["motivation"]
    assert changed["resume_match"] == before["resume_match"]


def test_an_interview_broken_off_is_no_rejection(people, job, ranked):
    stem = "林悦-风控分析师"
    report = build(start(people[stem], job, "zh"), ranked[stem], job, **IDS)
    assert report.advice == "hold"
    assert report.document["overall"]["confidence"] == 0
    validate("interview.report.completed", 1, {"candidate": people[stem].candidate, "report": report.document})


def test_the_same_words_for_every_question_count_once(people, pile, job, ranked, interviewed):
    stem = "林悦-风控分析师"
    report = build(interviewed(people[stem], {"_default": pile.answers[stem]["project"]}), ranked[stem], job, **IDS)
    assert "repeated_answer" in [flag["key"] for flag in report.document["red_flags"]]
    assert report.document["scores"]["logic"] == 0


def test_a_heap_of_keywords_is_no_answer(people, pile, job, ranked, interviewed):
    stem = "Maya_Hollis_Resume"
    heap = (
        "data analysis model rule scorecard strategy overdue fraud loss test validate pilot reduced because if therefore "
        "first then finally 10% 20% 30% 40%"
    )
    stuffed = build(interviewed(people[stem], {"_default": "", "risk_own_result": heap}), ranked[stem], job, **IDS)
    honest = build(
        interviewed(people[stem], {"_default": "", "risk_own_result": pile.answers[stem]["risk_own_result"]}),
        ranked[stem],
        job,
        **IDS,
    )
    assert stuffed.document["scores"]["expertise"] < honest.document["scores"]["expertise"]


def test_reading_the_question_back_is_no_answer(people, job, ranked):
    stem = "Maya_Hollis_Resume"
    session = start(people[stem], job, "en")
    while (question := session.next()) is not None:
        session.answer(question.text)
    report = build(session, ranked[stem], job, **IDS)
    assert report.document["scores"]["communication"] == 0


def test_a_contradiction_is_shown(people, job, ranked, interviewed):
    stem = "欧阳晨_简历"
    report = build(
        interviewed(people[stem], {"_default": "我有十五年的风控经验，做过很多项目。"}), ranked[stem], job, **IDS
    )
    (flag,) = [flag for flag in report.document["red_flags"] if flag["key"] == "resume_contradiction"]
    assert (
        "15" in flag["evidence"][0]["quote"]
        or "十五" in flag["evidence"][0]["quote"]
        or "5.6" in flag["evidence"][0]["quote"]
    )


def test_the_report_reads_in_both_languages(reports):
    for report in reports.values():
        english, chinese = report.text("en"), report.text("zh-CN")
        assert english.startswith("# Interview report")
        assert chinese.startswith("# 面试报告")
        assert "advice to a person" in english
        assert "由人作出决定" in chinese
        for label in ("Expertise", "Communication", "Logical reasoning"):
            assert label in english
        assert {"en", "zh-CN"} == set(report.document["summary"])


def test_no_emotion_is_ever_named(reports):
    words = (
        "angry",
        "sad",
        "afraid",
        "nervous",
        "happy",
        "anxious",
        "愤怒",
        "悲伤",
        "害怕",
        "紧张",
        "开心",
        "焦虑",
        "情绪低落",
    )
    for report in reports.values():
        document = report.document
        ours = [
            document["summary"],
            [d["comment"] for d in document["dimensions"]],
            [f["text"] for f in document["red_flags"]],
        ]
        assert not any(word in str(ours).lower() for word in words)


def test_the_rubric_is_data_with_a_version(reports):
    assert reports["barlow_cv"].document["rubric"] == f"hirewire-rubric@{rubric()['version']}"
    for entry in rubric()["dimensions"].values():
        assert sum(entry["features"].values()) == pytest.approx(1)
        assert set(entry["features"]) <= set(rubric()["feature_names"])
