"""Rules as decision tables."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, put
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, QueryParameter

from hub.app.rules.lifecycle import LONGEST_REASON
from hub.app.rules.table import Read, TableView
from hub.domain.errors import Invalid
from hub.domain.rules import Op, read_csv, read_table, table_document, to_csv
from hub.domain.rules.table_text import FIRE, LONGEST, NO
from hub.web import dto_rules as dto
from hub.web.auth import caller_of, hub_of, scope
from hub.web.bodies import json_fields, takes, text_field
from hub.web.problems import may_answer
from mappings.documents import Document

_CLAUSE = Schema(
    type=OpenAPIType.OBJECT,
    required=["field", "op"],
    properties={
        "id": Schema(type=OpenAPIType.STRING),
        "field": Schema(type=OpenAPIType.STRING),
        "op": Schema(type=OpenAPIType.STRING, enum=[op.value for op in Op]),
        "value": Schema(),
    },
)
_ROWS = Schema(
    type=OpenAPIType.ARRAY,
    items=Schema(
        type=OpenAPIType.OBJECT,
        required=["then", "when"],
        properties={
            "id": Schema(type=OpenAPIType.STRING),
            "then": Schema(type=OpenAPIType.STRING, enum=[FIRE, NO]),
            "when": Schema(type=OpenAPIType.ARRAY, items=_CLAUSE),
        },
    ),
)


class RuleTable(msgspec.Struct):
    """A revision as a table: the first row that holds decides. `grid` is it in words, `csv` as `PUT` takes it."""

    name: str
    revision: int
    columns: list[str]
    rows: list[dict[str, object]]
    grid: dict[str, list[list[str]]]
    csv: str

    @classmethod
    def of(cls, view: TableView) -> RuleTable:
        """From the use case."""
        rows = table_document(view.table)["rows"]
        assert isinstance(rows, list)
        return cls(
            view.revision.name,
            view.revision.number,
            list(view.table.columns),
            [dict[str, object](row) for row in rows if isinstance(row, dict)],
            {"en": view.grid("en"), "zh-CN": view.grid("zh-CN")},
            to_csv(view.table),
        )


class TablesController(Controller):
    """`/v1/rules/{name}/table`"""

    path = "/v1/rules"
    tags = ("Rules",)

    @get(
        "/{name:str}/table",
        operation_id="getRuleTable",
        opt=scope("rules:read"),
        responses=may_answer(400, 401, 403, 404, 422, 503),
        summary="A rule's conditions as a decision table",
    )
    async def one(
        self,
        request: Request[Any, Any, Any],
        name: FromPath[str],
        revision: Annotated[int | None, QueryParameter(ge=1)] = None,
    ) -> RuleTable:
        """The latest revision unless another is named. Not every tree is a table: `at` names what does not fit."""
        return RuleTable.of(await hub_of(request).tables.view(caller_of(request).tenant, name, revision))

    @put(
        "/{name:str}/table",
        operation_id="draftRuleTable",
        opt=scope("rules:write"),
        operation_class=takes(
            {
                "rows": _ROWS,
                "csv": Schema(type=OpenAPIType.STRING, max_length=LONGEST),
                "reason": Schema(type=OpenAPIType.STRING, max_length=LONGEST_REASON),
            }
        ),
        responses=may_answer(400, 401, 403, 404, 413, 422, 503),
        summary="Make a decision table the conditions of the next revision",
    )
    async def draft(self, request: Request[Any, Any, Any], name: FromPath[str]) -> dto.RuleView:
        """`rows` or `csv`. Steps and guards stay; an unchanged table keeps its revision."""
        body = await json_fields(request, may=("rows", "csv", "reason"))
        hub, caller = hub_of(request), caller_of(request)
        reason = text_field(body, "reason")
        rule = await hub.tables.draft(caller.tenant, name, _read(body), caller.id, reason)
        return dto.RuleView.of(rule, hub.fields)


def _read(body: Document) -> Read:
    text = text_field(body, "csv")
    if (text is None) is ("rows" not in body):
        raise Invalid("send rows or csv", code="missing", at="rows")
    if text is not None:
        return lambda fields: read_csv(text, fields)
    return lambda _fields: read_table({"rows": body["rows"]})
