"""Writes docs/reference and the files of docs/operations from the code: `python -m docs.generate`. A test fails when they are stale."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import yaml

from docs.operations import dashboards, rule_files
from docs.operations.expressions import alerts_on
from docs.permissions import permissions
from docs.problem_codes import problem_codes
from docs.steps import steps_and_guards
from docs.tables import Row, code, table
from hub import cli
from hub.adapters.catalog import FolderCatalog
from hub.adapters.metrics import METRICS
from hub.app.access import SCOPES
from hub.app.rules.templates import templates
from hub.domain.deliveries import Final, RetryPolicy, State
from hub.domain.errors import Invalid
from hub.domain.rules.fields import OPERATORS
from hub.domain.rules.operators import MAX_TEXT, MAX_VALUES, test_of
from hub.domain.rules.reading import MAX_CLAUSES, MAX_DEPTH
from hub.domain.rules.regions import MAX_BOXES
from hub.domain.rules.remarks import Oddity, Remark, remark_line
from hub.domain.rules.tree import UNARY, EachMode, GroupMode, Op, RunMode
from hub.domain.rules.wording import predicate
from hub.settings import SETTINGS
from mappings.canonical import events, types
from mappings.engine import functions

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"
HEAD = "<!-- Written from the code by `python -m docs.generate`; change the code, then run it. -->\n"


def pages() -> dict[str, str]:
    """File name -> text of every reference page."""
    zh = yaml.safe_load((REFERENCE / "zh-CN.yaml").read_text(encoding="utf-8"))
    return {
        "settings.md": settings_page(zh["settings"]),
        "metrics.md": metrics_page(zh["metrics"]),
        "scopes.md": scopes_page(zh["scopes"]),
        "permissions.md": page(*permissions()),
        "exit-codes.md": exit_codes_page(zh["exit_codes"]),
        "commands.md": commands_page(),
        "deliveries.md": deliveries_page(zh["states"]),
        "rules.md": rules_page(),
        "mapping-functions.md": mapping_page(),
        "events.md": events_page(),
        "types.md": types_page(),
        "connectors.md": connectors_page(),
        "problems.md": problems_page(),
    }


def settings_page(zh: Mapping[str, str]) -> str:
    rows = [(f"`{s.name}`", code(s.default), s.help, zh[s.name]) for s in SETTINGS]
    return page(
        "Settings / 设置",
        "Read once from the environment at start. A variable that begins with `HIREWIRE_` and is not listed stops the program.",
        "启动时从环境变量读取一次。以 `HIREWIRE_` 开头但不在表中的变量会使程序拒绝启动。",
        table(("setting", "default", "what for", "用途"), rows),
    )


def metrics_page(zh: Mapping[str, str]) -> str:
    def alerted(name: str) -> str:
        return ", ".join(f"[{one}](../operations/runbooks.md#{one.lower()})" for one in alerts_on(name)) or "-"

    rows = [
        (
            f"`{m.name}`",
            m.kind,
            m.unit or "-",
            ", ".join(f"`{one}`" for one in m.labels) or "-",
            m.help,
            zh[m.name],
            alerted(m.name),
        )
        for m in METRICS
    ]
    return page(
        "Metrics / 指标",
        "`GET /metrics` of `serve` (token with `metrics:read`) and, where `HIREWIRE_METRICS_LISTEN` is set, of `work`. "
        "Lanes are counted in the store at each scrape and cover all processes; everything else is of one process.",
        "`serve` 的 `GET /metrics`（令牌需有 `metrics:read`）；设置 `HIREWIRE_METRICS_LISTEN` 后 `work` 也提供。"
        "通道类指标抓取时从库中统计，覆盖所有进程；其余指标只属于本进程。",
        table(("metric", "kind", "unit", "labels", "what it says", "含义", "alerts / 告警"), rows),
    )


def scopes_page(zh: Mapping[str, str]) -> str:
    return page(
        "Scopes of API tokens / 令牌权限",
        "`hirewire token make NAME --scope S`. A call without the scope that it needs answers 403 `missing_scope`.",
        "`hirewire token make NAME --scope S`。缺少所需权限的调用返回 403 `missing_scope`。",
        table(("scope", "allows", "允许"), [(f"`{name}`", text, zh[name]) for name, text in SCOPES.items()]),
    )


def exit_codes() -> dict[str, str]:
    """Exit code -> meaning, as the command line's own words say."""
    text = " ".join((cli.__doc__ or "").split()).partition("Exit codes:")[2]
    return {**dict(re.findall(r"(\d+) ([^;.]+)", text)), "130": "stopped by the person at the keyboard"}


def exit_codes_page(zh: Mapping[str, str]) -> str:
    rows = [(f"`{number}`", text, zh[number]) for number, text in exit_codes().items()]
    return page(
        "Exit codes / 退出码", "Of every `hirewire` command.", "适用于所有 `hirewire` 命令。",
        table(("code", "meaning", "含义"), rows),
    )  # fmt: skip


def commands_page() -> str:
    """Every command's own help."""
    parts = [f"## `{name}`\n\n```text\n{text}\n```\n" for name, text in _helps(cli.cli.load_all(), "hirewire")]
    return page(
        "Commands / 命令", "What `--help` says.", "即各命令的 `--help` 内容。", "\n".join(parts),
    )  # fmt: skip


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    settings = {**cli.cli.context_settings, "terminal_width": 110}  # as on the command line, whatever ran before
    context = click.Context(command, info_name=name, **settings)
    yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from _helps(command.commands[child], f"{name} {child}")


def deliveries_page(zh: Mapping[str, str]) -> str:
    names = [*(s.name.lower() for s in State), *(str(f) for f in Final)]
    states = [(f"`{name}`", zh[name].partition(" | ")[0], zh[name].partition(" | ")[2]) for name in names]
    policy, total, rows = RetryPolicy(), 0.0, []
    for number, delay in enumerate(policy.delays_s, 1):
        total += delay
        rows.append((number, span(delay), span(total)))
    bounds = [
        ("jitter / 抖动", f"±{policy.jitter:.0%}"),
        (
            "tries for an answer that only a change of configuration can mend / 只有改配置才能解决的答复",
            policy.refused_tries,
        ),
        ("longest `Retry-After` that is honoured / 采纳的最长 `Retry-After`", span(policy.max_after_s)),
        ("`Retry-After` answers before a try is charged / 开始计次前允许的 `Retry-After` 次数", policy.max_deferrals),
    ]
    return page(
        "Deliveries: states and retries / 投递：状态与重试",
        f"One failure after the last wait is `dead`, {span(total)} after the first try. `HIREWIRE_RETRY_DELAYS` sets the waits.",
        f"最后一次等待之后再失败即为 `dead`，距首次尝试约 {span(total)}。等待时间由 `HIREWIRE_RETRY_DELAYS` 设置。",
        table(("state", "meaning", "含义"), states),
        table(("failed try / 第几次失败", "wait / 等待", "since the first / 累计"), rows),
        table(("bound / 限制", "value / 值"), bounds),
    )


def rules_page() -> str:
    rows = []
    for op in Op:
        shown = None if op in UNARY else [1, 2] if op is Op.BETWEEN else ["…", "…"] if "list" in wants(op) else "…"
        english, chinese = (predicate(op, shown, None, tongue) for tongue in ("en", "zh-CN"))
        fields = ", ".join(sorted(str(kind) for kind, ops in OPERATORS.items() if op in ops))
        rows.append((f"`{op}`", english, chinese, wants(op), fields))
    groups = [
        (f"`{mode}`", kind)
        for kind, modes in (("group", GroupMode), ("each", EachMode), ("guards.mode", RunMode))
        for mode in modes
    ]
    return page(
        "Rules: operators, steps, guards / 规则：运算符、步骤、限制",
        "A value that is absent, null or of another type is *unknown*; a rule fires only where it is certain.",
        "缺失、为空或类型不符的值为“未知”；只有确定成立时规则才触发。",
        table(("operator", "reads", "读作", "value", "fields"), rows),
        table(("word", "where"), groups),
        steps_and_guards(),
        "## Limits at save / 保存时的限制\n",
        table(
            ("what", "内容", "at most"),
            [
                ("groups and lists inside one another", "条件组与列表条件的嵌套层数", MAX_DEPTH),
                ("clauses", "条件数", MAX_CLAUSES),
                ("values of a list", "列表中的取值数", MAX_VALUES),
                ("characters of a text", "文本字符数", MAX_TEXT),
                (
                    "boxes of the overlap check; past them an overlap is taken as possible",
                    "重叠检查的区域数；超出时视为可能重叠",
                    MAX_BOXES,
                ),
            ],
        ),
        "## Remarks / 提示\n",
        table(
            ("code", "says", "含义"),
            [(f"`{one}`", *(remark_line(Remark(one, "…"), tongue) for tongue in ("en", "zh-CN"))) for one in Oddity],
        ),
        "## Templates / 模板\n",
        "`hirewire rules templates` lists, shows and fills them. / 用 `hirewire rules templates` 列出、查看与填写。\n",
        table(
            ("template", "for", "用途", "to be filled in / 需填写"),
            [
                (f"`{one.id}`", one.name["en"], one.name["zh-CN"], ", ".join(f"`{hole.name}`" for hole in one.holes))
                for one in templates().values()
            ],
        ),
    )


def wants(op: Op) -> str:
    """What value an operator takes, in its own words."""
    try:
        test_of(op, {})
    except Invalid as error:
        return str(error).partition(" wants ")[2]
    return "anything"


def mapping_page() -> str:
    rows = []
    for name, about in _objects(functions()):
        own = ", ".join(f"`{p}`" + ("" if p in about["required"] else "?") for p in about["properties"]) or "-"
        rows.append((f"`{name}`", about["label"]["en"], about["label"]["zh-CN"], about["from"], own))
    return page(
        "Mapping functions / 映射函数",
        "`from`: how many sources the function takes. A parameter with `?` may be left out. Every field may also have "
        "`as`, `default`, `required`, `invalid: drop`, `when`, `note`.",
        "`from` 表示取几个来源；带 `?` 的参数可省略。每个字段还可使用 `as`、`default`、`required`、`invalid: drop`、`when`、`note`。",
        table(("function", "does", "作用", "from", "parameters"), rows),
    )


def events_page() -> str:
    parts = []
    for name, version in events():
        schema = _schema(f"events/{name}.{version}.json")
        needed = schema.get("required", [])
        rows = [
            (f"`{field}`" + (" *" if field in needed else ""), _type(body), *_labels(body))
            for field, body in schema["properties"].items()
        ]
        label = schema["x-label"]
        parts += [
            f"## `{name}` version {version}\n\n{label['en']} / {label['zh-CN']}. {schema['description']}\n",
            table(("data", "type", "name", "名称"), rows),
        ]
    return page(
        "Event types / 事件类型",
        "Sent to `POST /v1/events` as CloudEvents 1.0 (`hook.received` is the hub's own and cannot be sent). A field with * must be there.",
        "以 CloudEvents 1.0 发送到 `POST /v1/events`（`hook.received` 由系统内部使用，不能发送）。带 * 的字段必填。",
        *parts,
    )  # fmt: skip


def types_page() -> str:
    parts = []
    for name, version in types():
        schema = _schema(f"{name}.{version}.json")
        parts += [f"## {name}\n\n{' / '.join(_labels(schema))}\n"]
        rows = list(_fields(schema, ""))
        parts += [table(("field", "type", "name", "名称", "sensitivity"), rows)] if rows else ["One value.\n"]
    return page(
        "Canonical types / 标准类型",
        "Nothing is open but `custom`; absent is absent, null is not a value. Sensitivity: 1 organisational, 2 internal, "
        "3 personal, 4 sensitive personal. A field with * must be there; a field with † cannot be used in rules.",
        "除 `custom` 外不接受未列出的字段；缺失即不存在，null 不是值。敏感级别：1 组织信息，2 内部信息，3 个人信息，4 敏感个人信息。"
        "带 * 的字段必填；带 † 的字段不能用于规则。",
        *parts,
    )  # fmt: skip


def _fields(schema: Mapping[str, Any], at: str) -> Iterator[Row]:
    for name, body in schema.get("properties", {}).items():
        marks = (" *" if name in schema.get("required", []) else "") + (
            "" if body.get("x-usable-in-rules", True) else " †"
        )
        yield f"`{at}{name}`{marks}", _type(body), *_labels(body), body.get("x-sensitivity", "-")
        inner = body.get("items", {}) if body.get("type") == "array" else body
        yield from _fields(inner, f"{at}{name}{'[]' if inner is not body else ''}.")


def _type(body: Mapping[str, Any]) -> str:
    if "$ref" in body:
        name = body["$ref"].split(".")[0]
        return f"[{name}](types.md#{name})"
    if "enum" in body:
        return ", ".join(f"`{one}`" for one in body["enum"])
    if body.get("type") == "array":
        return f"list of {_type(body.get('items', {}))}"
    return str(body.get("format") or body.get("type") or "any") + (f", {body['x-unit']}" if "x-unit" in body else "")


def _labels(body: Mapping[str, Any]) -> tuple[str, str]:
    label = body.get("x-label", {})
    if "$ref" in body and not label:
        label = _schema(body["$ref"]).get("x-label", {})
    return label.get("en", body.get("title", "")), label.get("zh-CN", "")


def _schema(name: str) -> dict[str, Any]:
    folder = files("mappings.canonical")
    loaded: dict[str, Any] = json.loads(folder.joinpath(*name.split("/")).read_text(encoding="utf-8"))
    return loaded


def connectors_page() -> str:
    catalog, parts = FolderCatalog(), []
    for name in catalog.names():
        one = catalog.get(name)
        settings = _object(one.config_schema.get("properties"))
        needed = one.config_schema.get("required")
        parts += [
            f"## {name}\n\n{one.label['en']} / {one.label['zh-CN']}, version {one.version}, tier {catalog.tier(name)}. "
            f"Guide: [connectors/{name}/README.md](../../connectors/{name}/README.md).\n",
            table(
                ("operation", "does", "作用", "safety", "idempotency", "consent", "mapping"),
                [
                    (f"`{o.name}`", o.label.get("en", "-"), o.label.get("zh-CN", "-"), o.safety, o.idempotency or "-",
                     o.consent or "-", code(o.mapping or ""))
                    for o in one.operations.values()
                ],
            ),
            table(
                ("setting", "name", "名称", "under", "needed"),
                [
                    (f"`{field}`", *_labels(body), "secrets" if body.get("x-secret") else "config",
                     "made for you" if body.get("x-generate") else "yes" if isinstance(needed, list) and field in needed else "no")
                    for field, body in _objects(settings)
                ],
            ),
        ]  # fmt: skip
    return page(
        "Connectors and their operations / 连接器与操作",
        "A rule's step names a connection and one of its writing operations.",
        "规则的步骤指定一个连接及其一项写操作。",
        *parts,
    )  # fmt: skip


def problems_page() -> str:
    rows = [(f"`{code_}`", status, says) for code_, status, says in problem_codes()]
    return page(
        "Problem codes / 错误代码",
        "Errors over HTTP are RFC 9457 problem details: `type`, `title`, `status`, `code`, `detail`, `at`. `code` is stable; "
        "`at` is the place in the input that is wrong. `-`: raised on the command line or at start, never over HTTP. "
        "Inside `data` the codes of the schema are used. … stands for a name.",
        "HTTP 错误采用 RFC 9457：`type`、`title`、`status`、`code`、`detail`、`at`。`code` 稳定不变，`at` 指出输入中的错误位置。"
        "`-` 表示只出现在命令行或启动时。… 代表具体名称。",
        table(("code", "HTTP status", "says"), rows),
    )


def page(title: str, english: str, chinese: str, *parts: str) -> str:
    """A page with an introduction in both languages."""
    return f"{HEAD}# {title}\n\n{english}\n\n{chinese}\n\n" + "\n".join(parts)


def span(seconds: float) -> str:
    """Seconds as a person says them."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:g} s"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, body) for name, body in value.items() if isinstance(body, dict))


def written() -> dict[Path, str]:
    """Every file that is written from the code, with its text."""
    operations = {
        "prometheus/hirewire.rules.yaml": rule_files.rules(),
        "prometheus/hirewire.tests.yaml": rule_files.tests("1m"),
        "prometheus/hirewire.slow.tests.yaml": rule_files.tests("1h"),
        **{f"grafana/{one.uid}.json": dashboards.rendered(one) for one in dashboards.DASHBOARDS},
    }
    return {
        **{REFERENCE / name: text for name, text in pages().items()},
        **{DOCS / "operations" / name: text for name, text in operations.items()},
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
