"""Questions grow from resume and job; what is asked next depends on the answer."""

from __future__ import annotations

import json

import pytest

from ai_engine.interview import Session, start
from ai_engine.interview.follow_up import contradictions
from ai_engine.interview.packs import ROLES, pack
from ai_engine.match import read_job
from hub.domain.errors import Conflict, Invalid, NotFound

FULL = (
    "At that time the situation was serious because losses rose. First I split the data by channel, then I wrote two rules "
    "and tested them for six weeks, and finally the loss fell from 3.1 percent to 2.2 percent, "
    "so we kept the rules and looked at them again every month."
)
FULL_ZH = (
    "当时情况比较严重，因为损失在上升。首先我把数据按渠道拆分，然后写了两条规则并且测试了六周，"
    "最后损失从 3.1% 降到 2.2%，所以我们把规则保留了下来，并且每个月复盘一次，防止反弹。"
)


def at(session: Session, id: str, answer: str = "") -> None:
    """Answer until question `id` waits."""
    while (question := session.next()) is not None and question.id != id:
        session.answer(answer or (FULL if session.language == "en" else FULL_ZH))
    assert session.next() is not None


def follow_up_to(session: Session, id: str, answer: str):
    at(session, id)
    session.answer(answer)
    question = session.next()
    return question if question is not None and question.follow_up_of == id else None


def test_the_plan_is_made_of_this_resume_and_this_job(people, job):
    strong = start(people["林悦-风控分析师"], job, "zh")
    weak = start(people["欧阳晨_简历"], job, "zh")
    assert "星河消费金融有限公司" in strong.planned[0].text
    assert "汉岸小额贷款有限公司" in weak.planned[0].text
    assert not any(question.id.startswith("missing.") for question in strong.planned)
    assert any(question.id == "missing.python" for question in weak.planned)
    assert any(question.id == "gap" and not question.scored for question in weak.planned)
    shared = {q.id for q in strong.planned} & {q.id for q in weak.planned}
    assert len(shared) >= 0.6 * len(strong.planned)  # the same core for everyone


def test_personal_questions_name_their_grounds(people, job):
    for stem in people:
        for question in start(people[stem], job, "en").planned:
            if question.id.split(".")[0] in ("project", "claim"):
                assert question.grounds in people[stem].text.lines


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_role_has_a_full_pack_in_both_languages(role, language, people):
    kinds = [question["kind"] for question in pack(role)["questions"]]
    assert kinds.count("behavioural") >= 2
    assert kinds.count("scenario") >= 2
    assert kinds.count("logic") == 1
    job = read_job({"id": "job-1", "title": "x", "role": {"rnd": "engineering"}.get(role, role)})
    questions = start(people["hejing"], job, language).planned
    assert len({question.id for question in questions}) == len(questions) >= 7
    for question in questions:
        assert ("一" <= question.text[-2] <= "鿿") == (language == "zh")
        assert "{" not in question.text


def test_the_risk_pack_has_the_overdue_customer():
    assert any(
        "overdue" in question["en"] and "逾期" in question["zh"] for question in pack("finance_risk")["questions"]
    )


def test_an_unknown_pack():
    with pytest.raises(NotFound):
        pack("astrology")


def test_too_short_asks_for_detail(people, job):
    question = follow_up_to(start(people["hejing"], job, "zh"), "risk_own_result", "没什么。")
    assert (question.trigger, question.id) == ("too_short", "risk_own_result.f1")


def test_a_result_without_a_figure_asks_for_the_measure(people, job):
    answer = (
        FULL.replace("two rules", "rules")
        .replace("from 3.1 percent to 2.2 percent", "a great deal and everybody was glad about that")
        .replace("for six weeks", "with care")
    )
    question = follow_up_to(start(people["Maya_Hollis_Resume"], job, "en"), "risk_own_result", answer)
    assert question.trigger == "no_measure"
    assert "a great deal" in question.text


def test_a_named_tool_asks_for_its_hardest_part(people, job):
    question = follow_up_to(
        start(people["Maya_Hollis_Resume"], job, "en"), "risk_own_result", FULL + " All of it ran on Apache Spark."
    )
    assert (question.trigger, "Spark" in question.text) == ("hardest_part", True)


def test_a_complete_answer_needs_no_follow_up(people, job):
    assert follow_up_to(start(people["Maya_Hollis_Resume"], job, "en"), "risk_own_result", FULL) is None
    assert follow_up_to(start(people["林悦-风控分析师"], job, "zh"), "risk_own_result", FULL_ZH) is None


@pytest.mark.parametrize(
    ("stem", "language", "answer", "trigger"),
    [
        ("欧阳晨_简历", "zh", "我有十年的风控经验。", "years_differ"),
        ("Maya_Hollis_Resume", "en", "I have 15 years of experience.", "years_differ"),
        ("林悦-风控分析师", "zh", "说实话，SQL 我没用过。", "skill_differs"),
        ("Maya_Hollis_Resume", "en", "I have never used Python myself.", "skill_differs"),
        ("Maya_Hollis_Resume", "en", "I was at Northwind Credit in 2018 already.", "date_differs"),
        ("林悦-风控分析师", "zh", "2015年我在星河消费金融就做过这件事。", "date_differs"),
    ],
)
def test_an_answer_that_differs_from_the_resume_is_asked_about(people, job, stem, language, answer, trigger):
    question = follow_up_to(start(people[stem], job, language), "risk_own_result", answer)
    assert question.trigger == trigger


@pytest.mark.parametrize(
    "answer",
    [
        "I have 5 years of experience.",
        "In 2022 I was at Northwind Credit.",
        "I never used Java, Python was enough.",
        "We waited 12 years for it.",
    ],
)
def test_what_is_no_contradiction(people, job, answer):
    assert contradictions(answer, start(people["Maya_Hollis_Resume"], job, "en").facts, "en") == []


def test_follow_ups_are_bounded(people, job):
    session = start(people["欧阳晨_简历"], job, "zh")
    while session.next() is not None:
        session.answer("用 Spark。")
    by_root: dict[str, list[str]] = {}
    for turn in session.turns:
        if turn.question.follow_up_of:
            by_root.setdefault(turn.question.follow_up_of, []).append(turn.question.trigger)
    assert max(len(triggers) for triggers in by_root.values()) <= 2
    assert all(len(set(triggers)) == len(triggers) for triggers in by_root.values())
    assert "gap" not in by_root
    assert sum(triggers.count("hardest_part") for triggers in by_root.values()) <= 2


def test_next_is_the_same_until_answered(people, job):
    session = start(people["hejing"], job, "zh")
    assert session.next() == session.next()


def test_the_end_of_an_interview(people, job):
    session = start(people["hejing"], job, "zh")
    while session.next() is not None:
        session.answer("")
    assert session.over
    assert session.closing()
    with pytest.raises(Conflict) as caught:
        session.answer("one more thing")
    assert caught.value.code == "interview_over"


def test_an_endless_answer(people, job):
    with pytest.raises(Invalid) as caught:
        start(people["hejing"], job, "zh").answer("x" * 20_001)
    assert caught.value.code == "answer_too_long"


def test_a_stored_session_goes_on_where_it_was(people, job, pile):
    from ai_engine.sample_data import reply

    stem = "欧阳晨_简历"
    straight = start(people[stem], job, "zh")
    stored = start(people[stem], job, "zh")
    while (question := straight.next()) is not None:
        straight.answer(reply(pile.answers[stem], question))
        stored = Session.restore(json.loads(json.dumps(stored.state())))
        stored.answer(reply(pile.answers[stem], stored.next()))
    assert stored.state() == straight.state()
    assert stored.over


@pytest.mark.parametrize("state", [{}, {"version": 2}, {"version": 1, "facts": []}])
def test_a_state_that_is_none(state):
    with pytest.raises(Invalid) as caught:
        Session.restore(state)
    assert caught.value.code == "bad_state"
