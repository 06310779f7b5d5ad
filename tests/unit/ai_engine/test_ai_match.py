"""A job becomes requirements, a pile an order, and every place in it has reasons."""

from __future__ import annotations

import pytest

from ai_engine.match import rank, read_job
from hub.domain.errors import Invalid
from mappings.canonical import validate


def test_requirements_from_chinese_text():
    job = read_job(
        "岗位：后端工程师\n岗位职责\n1. 负责订单系统\n任职要求\n1. 本科及以上学历，计算机相关专业；\n2. 三年以上工作经验；\n"
        "3. 熟悉 Java 或 Go语言，精通 MySQL；有 Kafka 经验者优先\n加分项\n- Docker\n",
        id="job-1",
    )
    assert (job.title, job.pack, job.min_years, job.min_level) == ("后端工程师", "rnd", 3.0, "bachelor")
    assert [requirement.skills for requirement in job.must] == [("java", "golang"), ("mysql",)]
    assert [requirement.skills for requirement in job.nice] == [("docker",), ("kafka",)]


def test_requirements_from_english_text():
    job = read_job(
        "Title: Store Manager\nResponsibilities\n- Run the store\nRequirements\n"
        "- At least five years of experience in retail\n"
        "- Visual merchandising and inventory management\n"
        "- High school diploma or above\n- Excel is a plus\nBenefits\n- SQL courses\n",
        id="job-2",
    )
    assert (job.pack, job.min_years, job.min_level) == ("customer_service", 5.0, "secondary")
    assert {id for r in job.must for id in r.skills} == {"retail_sales", "merchandising", "inventory"}
    assert [r.skills for r in job.nice] == [("excel",)]


def test_a_structured_job_goes_before_its_description():
    job = read_job(
        {
            "id": "job-3",
            "title": "Analyst",
            "role": "sales",
            "min_years": 2,
            "must_have": ["SQL", "knowledge of orchids"],
            "description": "Requirements\n- Java, 9 years of experience",
        }
    )
    assert job.pack == "sales"
    assert job.min_years == 2.0
    assert [requirement.label("en") for requirement in job.must] == ["SQL", "knowledge of orchids"]


@pytest.mark.parametrize("source", [{"id": "j"}, {"id": "j", "title": "x", "description": "y" * 50_001}])
def test_a_job_must_say_something_within_bounds(source):
    with pytest.raises(Invalid) as caught:
        read_job(source)
    assert caught.value.code in ("empty_job", "job_too_long")


def test_jobs_and_matches_are_canonical(job, ranked, people):
    for stem, result in ranked.items():
        candidate = people[stem].candidate
        validate("application.screened", 1, {"candidate": candidate, "job": job.document, "match": result.document()})


def test_the_order_is_what_a_recruiter_would_say(ranked):
    assert list(ranked)[:4] == ["林悦-风控分析师", "Maya_Hollis_Resume", "欧阳晨_简历", "hejing"]
    assert ranked["林悦-风控分析师"].score > 80 > 70 > ranked["欧阳晨_简历"].score > 40 > ranked["barlow_cv"].score
    assert [result.rank for result in ranked.values()] == [1, 2, 3, 4, 5, 6]
    assert {result.of for result in ranked.values()} == {6}


def test_another_job_gives_another_order(people):
    sales = read_job(
        "Title: Sales Representative\nRequirements\n- 3 years of experience in field sales\n"
        "- CRM, negotiation, product demonstration\n",
        id="job-4",
    )
    best = rank(sales, list(people.values()))[0]
    assert best.candidate_id == people["barlow_cv"].candidate["id"]
    assert best.score > 80


def test_every_reason_points_to_a_line(ranked, people):
    for stem, result in ranked.items():
        for met in (*result.met_must, *result.met_nice):
            assert people[stem].text.lines[met.line - 1].startswith(met.quote[:50])
        assert set(result.explanation) == {"en", "zh-CN"}
    best = ranked["林悦-风控分析师"].explanation
    assert "scorecard (used in work, line" in best["en"]
    assert "评分卡（工作中使用，第" in best["zh-CN"]
    assert "Not found: " in ranked["Maya_Hollis_Resume"].explanation["en"]
    assert "规则引擎" in ranked["Maya_Hollis_Resume"].explanation["zh-CN"]


def test_work_counts_more_than_a_list(reads):
    job = read_job("Requirements\n- SQL\n- Python\n- Kafka\n", id="job-5")
    used = reads("Ada Moss\nExperience\nAcme Ltd, Analyst, 2020 - 2024\n- SQL, Python and Kafka every day\n", "a")
    listed = reads(
        "Ada Moss\nExperience\nAcme Ltd, Analyst, 2020 - 2024\n- reports every day\nSkills\nSQL, Python, Kafka\n", "b"
    )
    assert [result.candidate_id for result in rank(job, [listed, used])] == ["a", "b"]


def test_a_chinese_resume_meets_an_english_job(reads):
    job = read_job("Requirements\n- fraud detection\n- machine learning\n", id="job-6")
    found = reads("李文\n工作经历\n2020.01-2023.01 甲乙银行 分析师\n- 反欺诈，机器学习\n", "a")
    (result,) = rank(job, [found])
    assert not result.missing_must


def test_years_in_other_work_count_less(reads):
    job = read_job("任职要求\n- 5年以上信贷风控经验\n- 评分卡，反欺诈\n", id="job-7")
    related = reads("李文\n工作经历\n2016.01-2023.01 甲乙银行 风控分析师\n- 评分卡，反欺诈\n", "a")
    other = reads("李文\n工作经历\n2016.01-2023.01 甲乙餐饮有限公司 店员\n- 收银\n技能\n评分卡，反欺诈\n", "b")
    first, second = rank(job, [other, related])
    assert (first.candidate_id, first.parts["years"], second.parts["years"]) == ("a", 1.0, 0.42)


def test_equal_resumes_stand_in_order_of_their_ids(reads, job):
    text = "Ada Moss\nSkills\nSQL\n"
    assert [r.candidate_id for r in rank(job, [reads(text, "b"), reads(text, "a")])] == ["a", "b"]


def test_an_empty_pile(job):
    assert rank(job, []) == []
