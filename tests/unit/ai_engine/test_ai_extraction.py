"""Lines become a candidate: several layouts, both languages, every value with the line it was read from."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_engine.gazetteer import gazetteer
from ai_engine.resumes import Unreadable, extract, read
from ai_engine.resumes.dates import merged_months, periods
from mappings.canonical import schema, validate

GOLDEN = {
    "林悦-风控分析师": (
        "林悦", "林", "+8613800000101", "lin.yue@example.com", "master", 7.2,
        [("星河消费金融有限公司", "高级风控分析师", "2021-04", None),
         ("云帆银行股份有限公司", "风险策略分析师", "2019-07", "2021-03")],
        [("江城财经大学", "master", "应用统计学"), ("江城大学", "bachelor", "数学与应用数学")],
    ),
    "Maya_Hollis_Resume": (
        "Maya Hollis", "Hollis", "+13035550142", "maya.hollis@example.com", "master", 7.2,
        [("Northwind Credit Ltd", "Credit Risk Analyst", "2021-03", None),
         ("Juniper Valley Bank", "Underwriting Analyst", "2019-07", "2021-02")],
        [("Lakeside University", "master", "Statistics"), ("Alder State College", "bachelor", "Economics")],
    ),
    "欧阳晨_简历": (
        "欧阳晨", "欧阳", "+8613900000202", "ouyang.chen@example.com", "bachelor", 5.6,
        [("汉岸小额贷款有限公司", "信贷分析师", "2022-03", None), ("长堤商业银行", "客户经理助理", "2020-07", "2021-06")],
        [("长堤理工学院", "bachelor", "金融工程")],
    ),
    "barlow_cv": (
        "Tom Barlow", "Barlow", "+15205550177", "tom.barlow@example.com", "junior_college", 9.1,
        [("Redmesa Outdoor Supply Inc.", "Sales Representative", "2020-05", None),
         ("Saguaro Fitness Club", "Front Desk Associate", "2017-08", "2020-03")],
        [("Mesa Community College", "junior_college", "Business")],
    ),
    "周平简历": (
        "周平", "周", "+8613700000303", "zhou.ping@example.com", "junior_college", 6.5,
        [("蓝桥信息服务有限公司", "贷后客服专员", "2020-06", "2024-10"), ("小满便利店", "店员", "2018-03", "2020-05")],
        [("云溪职业技术学院", "junior_college", "电子商务")],
    ),
    "hejing": (
        "何静", "何", "+8613600000404", "he.jing@example.com", "bachelor", 7.2,
        [("青柠零售科技有限公司", "数据开发工程师", "2021-08", None), ("北屿软件有限公司", "数据分析师", "2019-07", "2021-07")],
        [("江城大学", "bachelor", "计算机科学与技术")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("stem", list(GOLDEN))
def test_every_layout_of_the_pile(people, stem):
    name, family, phone, email, level, years, jobs, schools = GOLDEN[stem]
    found = people[stem].candidate
    assert (found["name"]["full"], found["name"]["family"]) == (name, family)
    assert (found["phone"], found["email"], found["highest_level"], found["years_of_experience"]) == (
        phone,
        email,
        level,
        years,
    )
    assert [(j.get("employer"), j.get("title"), j["start"], j.get("end")) for j in found["experiences"]] == jobs
    assert [(s["school"], s.get("level"), s.get("major")) for s in found["educations"]] == schools
    assert sum(s["is_highest"] for s in found["educations"]) == 1


def test_candidates_are_canonical(people):
    assert schema("candidate")["title"] == "Candidate"
    for found in people.values():
        validate("application.received", 1, {"candidate": found.candidate, "application": {"id": "app-1"}})


def test_every_value_names_its_lines(people):
    for found in people.values():
        lines = found.text.lines
        for index, job in enumerate(found.candidate["experiences"]):
            quoted = found.text.quote(found.provenance[f"experiences.{index}"])
            assert job["employer"] in quoted
            assert job["title"] in quoted
        for index, _ in enumerate(found.candidate["skills"]):
            skill = found.skills[index]
            line = lines[found.provenance[f"skills.{index}"].first - 1]
            before = lines[found.provenance[f"skills.{index}"].first - 2]
            assert skill.id in gazetteer().ids(line) | gazetteer().ids(before + line) | gazetteer().ids(
                f"{before} {line}"
            )
        assert found.candidate["email"] in lines[found.provenance["email"].first - 1].lower()


def test_languages_with_their_level(people):
    assert people["林悦-风控分析师"].candidate["languages"] == [{"language": "en", "level": "fluent"}]
    assert {"language": "es", "level": "intermediate"} in people["Maya_Hollis_Resume"].candidate["languages"]


def test_a_wrapped_point_is_one_point_again(people):
    summary = people["林悦-风控分析师"].candidate["experiences"][0]["summary"]
    assert "用 SQL 和 Python 搭建客群分层,通过率从 38% 提升到 44%" in summary
    assert len(summary.split("\n")) == 5


def test_two_line_heads_places_and_grades(reads):
    found = reads(
        "Jordan A. Pike\nPortland, OR · jordan@example.com · 503.555.0133\nEXPERIENCE\n"
        "Bluefin Analytics, Inc.                 Portland, OR\nData Scientist            June 2021 – Present\n• Built models\n"
        "Harbor Foods                  Salem, OR\nJunior Analyst             08/2019 – 05/2021\n• Reports\n"
        "EDUCATION\nCascade University            Portland, OR\nB.S. in Mathematics           2015 – 2019\nGPA: 3.7/4.0\n"
    ).candidate
    assert [(j["employer"], j["title"]) for j in found["experiences"]] == [
        ("Bluefin Analytics, Inc.", "Data Scientist"),
        ("Harbor Foods", "Junior Analyst"),
    ]
    (school,) = found["educations"]
    assert (school["school"], school["major"], school["level"], school["score"]) == (
        "Cascade University",
        "Mathematics",
        "bachelor",
        "3.7/4.0",
    )


def test_tables_with_a_head_row_and_labels(reads):
    found = reads(
        "姓名：赵敏行 性别：男\n教育背景\n时间 学校 专业 学历\n2013/09-2017/06 | 锦江大学 | 市场营销 | 本科\n"
        "工作经验\n起止时间 公司 职位\n"
        "2017/07-2020/02 | 川味餐饮管理有限公司 | 店长\n工作描述：\n1. 负责排班；\n2. 培训新员工20人。\n"
        "公司名称：蓉城电商集团\n职位：运营经理\n时间：2020/03-至今\n工作内容：\n1、活动策划；\n技能证书\n熟练使用Excel\n"
    ).candidate
    assert [(s["school"], s["major"]) for s in found["educations"]] == [("锦江大学", "市场营销")]
    assert [(j["employer"], j["title"], j["summary"]) for j in found["experiences"]] == [
        ("川味餐饮管理有限公司", "店长", "负责排班;\n培训新员工20人。"),
        ("蓉城电商集团", "运营经理", "活动策划;"),
    ]


def test_overlapping_jobs_count_once_and_internships_do_not(reads):
    found = reads(
        "李文\n工作经历\n2020.01-2022.01 甲乙科技有限公司 工程师\n"
        "2021.01-2023.01 丙丁软件有限公司 工程师\n2019.01-2019.06 戊己集团 实习生\n"
        "2024.01-2025.01 庚辛网络有限公司 工程师\n"
    )
    assert found.years == 4.0
    assert found.gaps == (("2023-01", "2024-01"),)
    assert found.candidate["experiences"][2]["employment_type"] == "intern"


@pytest.mark.parametrize(
    "text",
    [
        "Experience\nAcme Labs Ltd\nData Engineer\nJan 2020 - Present\n- built things\n",
        "Experience\nJan 2020 - Present\nData Engineer\nAcme Labs Ltd\n- built things\n",
        "Experience\nData Engineer at Acme Labs Ltd (01/2020 - now)\n- built things\n",
        "Experience\nData Engineer | Acme Labs Ltd | 2020-01 to present\n- built things\n",
        "Experience\nCompany: Acme Labs Ltd\nTitle: Data Engineer\nPeriod: 2020.01 - present\n- built things\n",
    ],
)
def test_one_job_written_in_many_ways(reads, text):
    (job,) = reads("Ada Moss\n" + text).candidate["experiences"]
    assert (job["employer"], job["title"], job["start"], job["current"]) == (
        "Acme Labs Ltd",
        "Data Engineer",
        "2020-01",
        True,
    )
    assert job["summary"] == "built things"


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("2019年7月至2022年3月", "2019-07", "2022-03"),
        ("2019.07 — 至今", "2019-07", None),
        ("2019/7~2022/3", "2019-07", "2022-03"),
        ("Sept. 2019 to Mar 2022", "2019-09", "2022-03"),
        ("2017 - 2019", "2017", "2019"),
        ("since May 2021", "2021-05", None),
    ],
)
def test_periods(line, start, end):
    (period,) = periods(line)
    assert (str(period.start), str(period.end) if period.end else None) == (start, end)


@pytest.mark.parametrize("line", ["2022.03 - 2019.07", "score 98 - 100", "KS 从 33 提升到 41"])
def test_what_is_no_period(line):
    assert periods(line) == []


def test_merged_months():
    assert merged_months([(0, 10), (5, 12), (20, 22)]) == (14, [(12, 20)])


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("电话：138 0013 8000", "+8613800138000"),
        ("+86-13800138000", "+8613800138000"),
        ("Tel (303) 555-0142", "+13035550142"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)
def test_phones(reads, line, number):
    assert reads(f"Ada Moss\n{line}\n").candidate["phone"] == number


def test_an_identity_number_is_no_phone(reads):
    assert "phone" not in reads("Ada Moss\n110105199003070000\n2019.07.01 2020.08.01\n").candidate


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("个人简历\n姓名：诸葛青云  性别：女\n", "诸葛青云"),
        ("王 伟\n", "王伟"),
        ("RESUME\nMARY-ANN O'DELL\n", "Mary-Ann O'Dell"),
        ("姓 名 : 陈一一\n", "陈一一"),
    ],
)
def test_names(reads, text, full):
    assert reads(text).candidate["name"]["full"] == full


@pytest.mark.parametrize("text", ["个人简历\n高级工程师\n", "Software Engineer\nAcme Ltd\n", "教育背景\n江城大学\n"])
def test_a_title_is_no_name(reads, text):
    assert "name" not in reads(text).candidate


def test_a_text_without_headings_still_gives_jobs_and_school(reads):
    found = reads(
        "Ada Moss\nRisk Analyst, Acme Bank, Jan 2020 - Jan 2023\nWrote SQL reports\n"
        "Bachelor of Arts in History, Lake University, 2016 - 2019\n"
    )
    assert found.candidate["experiences"][0]["employer"] == "Acme Bank"
    assert found.candidate["educations"][0]["school"] == "Lake University"


def test_synonyms_meet_across_languages():
    known = gazetteer()
    for zh, en in (
        ("反欺诈规则", "fraud detection"),
        ("机器学习", "machine learning"),
        ("客户投诉", "complaint handling"),
        ("库存管理", "inventory control"),
    ):
        assert known.ids(zh) & known.ids(en)


@pytest.mark.parametrize("text", ["Let me go", "in other words", "excellent word", "JavaScripting", "they swim"])
def test_everyday_words_are_no_skills(text):
    assert not gazetteer().ids(text) & {"golang", "word", "javascript", "rust", "sem"}


def test_the_list_is_broad_and_bilingual():
    known = gazetteer()
    assert sum(len(bucket) for bucket in known._names.values()) > 700
    assert {skill.pack for skill in known.skills.values()} == {
        "rnd",
        "sales",
        "operations",
        "customer_service",
        "finance_risk",
        "general",
    }


def test_reading_twice_gives_the_same(people, pile, reads):
    path = pile.resumes[0]
    assert reads(path.read_bytes()).candidate == people[path.stem].candidate


PIECES = st.sampled_from(
    [
        "2019.07 - 至今",
        "2019-13",
        "教育背景",
        "Experience",
        "公司",
        "Ltd",
        "大学",
        "林悦",
        "SQL",
        "(",
        "|",
        "- ",
        "本科",
        "at",
        "Jan 2020 –",
        ",",
        "：",
        "\t",
        "a@b",
        "1" * 15,
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(PIECES | st.text(max_size=12), max_size=8).map(" ".join), min_size=1, max_size=25).map("\n".join)
)
def test_any_text_gives_a_canonical_candidate(text):
    data = text.encode("utf-8", "ignore")
    try:
        found = extract(read(data), id="cand-1", today=date(2026, 11, 1))
    except Unreadable:
        return
    validate("application.received", 1, {"candidate": found.candidate, "application": {"id": "app-1"}})
