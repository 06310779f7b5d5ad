"""Decision tables by HTTP and on the command line's way back: a view on the same tree."""

from __future__ import annotations

from mappings.documents import Document
from tests.app.conftest import REPORT, action
from tests.web.conftest import Api

PATH = "/v1/rules/bands"
SCORE = "report.overall.score"


def clause(id: str, field: str, op: str, value: object) -> Document:
    return {"kind": "clause", "id": id, "field": field, "op": op, "value": value}  # type: ignore[dict-item]


def group(id: str, mode: str, *items: Document) -> Document:
    return {"kind": "group", "id": id, "mode": mode, "items": list(items)}


WHEN = group(
    "g",
    "any",
    group("sales", "all", clause("c1", "job.role", "eq", "sales"), clause("c2", SCORE, "ge", 70)),
    clause("c3", SCORE, "ge", 85),
)


async def put(api: Api, when: Document) -> None:
    body = {"schema": 1, "trigger": {"event": REPORT}, "when": when, "then": [action("referrals", "referral.create")]}
    answer = await api.client.put(f"{PATH}/draft", json={"rule": body}, headers=api.auth)
    assert answer.status_code == 200, answer.text


async def test_a_table_goes_out_and_comes_back_without_a_new_revision(api: Api) -> None:
    await put(api, WHEN)
    table = (await api.client.get(f"{PATH}/table", headers=api.auth)).json()
    assert table["columns"] == ["job.role", SCORE]
    assert table["grid"]["zh-CN"][1:] == [["为“销售”", "≥70", "触发"], ["-", "≥85", "触发"]]
    for body in ({"rows": table["rows"]}, {"csv": table["csv"]}):
        same = await api.client.put(f"{PATH}/table", json=body, headers=api.auth)
        assert (same.status_code, same.json()["revision"]) == (200, 1), same.text
        assert same.json()["rule"]["when"] == WHEN
    better = {"csv": table["csv"].replace("ge 85", "ge 90"), "reason": "fewer"}
    drafted = (await api.client.put(f"{PATH}/table", json=better, headers=api.auth)).json()
    assert drafted["revision"] == 2
    assert "at least 90" in drafted["sentence"]["en"]


async def test_a_tree_that_is_no_table_names_what_does_not_fit(api: Api) -> None:
    nested = group("deep", "any", clause("c1", SCORE, "ge", 70), clause("c2", SCORE, "le", 20))
    await put(api, group("g", "all", nested, clause("c3", "job.role", "eq", "sales")))
    refused = await api.client.get(f"{PATH}/table", headers=api.auth)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_a_table")
    assert refused.json()["at"] == "when.items.0"
    nothing = await api.client.put(f"{PATH}/table", json={}, headers=api.auth)
    assert (nothing.status_code, nothing.json()["code"]) == (422, "missing")
    wrong = await api.client.put(f"{PATH}/table", json={"csv": "row,job.role,then\n,eq wizard,fire"}, headers=api.auth)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "unknown_option")
