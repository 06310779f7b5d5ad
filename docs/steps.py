"""The part of the reference that shows steps and guards as they are stored and as they read."""

from __future__ import annotations

import json
from collections.abc import Sequence

from docs.tables import Row, code, table
from hub.domain.rules import parse
from hub.domain.rules.reading_steps import read_guards
from hub.domain.rules.step_sentences import guards_in_words, steps_in_words
from mappings.documents import Document

_TAG: Document = {"kind": "tag", "id": "late", "tag": "no answer"}
_ASK: Document = {"kind": "clause", "id": "c", "field": "background_check.result", "op": "eq", "value": "clear"}
STEPS: Sequence[Document] = (
    {"kind": "action", "id": "a", "connection": "ats", "operation": "offer.create", "hours": "business"},
    {"kind": "message", "id": "m", "connection": "mail", "to": "hr@example.com", "template": "message"},
    {"kind": "message", "id": "m", "connection": "mail", "to": "candidate", "template": "message"},
    {"kind": "wait", "id": "w", "for": "background_check.completed", "timeout": "P14D", "on_timeout": [_TAG]},
    {
        "kind": "wait",
        "id": "w",
        "for": "background_check.completed",
        "same": "order",
        "timeout": "P14D",
        "on_timeout": "notify",
    },
    {"kind": "delay", "id": "d", "for": "P2D", "until": "business_hours"},
    {"kind": "branch", "id": "b", "when": _ASK, "then": [{**_TAG, "id": "yes"}], "else": [{**_TAG, "id": "no"}]},
    {"kind": "gate", "id": "g", "approvers": "hr_owner", "timeout": "P3D", "rejected": [_TAG]},
    {"kind": "gate", "id": "g", "approvers": ["role:hr_owner", "user:tok_0192f0c1"]},
    {"kind": "tag", "id": "t", "tag": "second round", "remove": True},
    {"kind": "emit", "id": "e", "event": "application.stage_changed", "with": {"application": {"id": "app_1"}}},
)
GUARDS: Sequence[Document] = ({"once_per": ["candidate", "job"]}, {"max_per_hour": 50}, {"hours": "business"})
STEPS_EN = (
    "Steps (`then`) are taken in order. A rule of actions and messages alone owes its deliveries at once; any other keeps a "
    "*run*, a row that survives everything. `on_timeout` (a list of steps, `notify` or `stop`) and `rejected` are taken instead "
    "of all that follows. Mappings and branches read the event that made the rule fire, after a wait the event that ended it; "
    "a branch takes `else` wherever its condition is not certain. `same: order` wants the answer to a delivery of this run. "
    "`to: candidate` looks the address up when the message is sent, in the event or else in the candidate's newest one that has "
    "it; without one, and where `do_not_contact` is set, the delivery is held. A gate names roles (`hr_owner`, `role:hr_owner`) "
    "and persons (`user:tok_…`); nobody else may answer it. A tag is read by conditions as `candidate.tags`, beside what the "
    "event tells."
)
STEPS_ZH = (
    "步骤（`then`）依次执行。只含动作与消息的规则立即产生投递；其他规则保存为一次“运行”，即一行不会丢失的记录。`on_timeout`（步骤列表、"
    "`notify` 或 `stop`）与 `rejected` 取代其后的所有步骤。映射与分支读取触发规则的事件，等待之后读取结束等待的事件；条件不能确定成立时走 "
    "`else`。`same: order` 只接受对本次运行所下投递的答复。`to: candidate` 在发送时查找地址：先看该事件，再看该候选人最近一个含地址的事件；"
    "没有地址或设置了 `do_not_contact` 时，投递会挂起等人处理。审批处指定角色（`hr_owner`、`role:hr_owner`）与个人（`user:tok_…`），"
    "其他人无权答复。标签与事件自带的标签一起，由条件以 `candidate.tags` 读取。"
)
GUARDS_EN = (
    "Guards limit a rule that is otherwise right. What goes beyond `max_per_hour`, and what follows from eight events before it, "
    "is held for a person. `calendar` in the configuration sets `zone`, `opens`, `closes`, `country` (`CN`: public holidays and "
    "make-up working days; null: weekends alone), and the company's own `holidays` and `workdays`, which come first."
)
GUARDS_ZH = (
    "限制条件约束本来成立的规则。超过 `max_per_hour` 的，以及由八个连锁事件引出的，会挂起等人处理。配置中的 `calendar` 设定 `zone`、`opens`、"
    "`closes`、`country`（`CN`：法定节假日与调休工作日；null：只看周末），以及公司自定、优先的 `holidays` 与 `workdays`。"
)


def steps_and_guards() -> str:
    """Both tables with what one has to know."""
    steps = table(("step", "reads", "读作"), [_step(step) for step in STEPS])
    guards = table(("guards", "reads", "读作"), [_guards(one) for one in GUARDS])
    return "\n\n".join((STEPS_EN, STEPS_ZH, steps, GUARDS_EN, GUARDS_ZH, guards)).replace("|\n\n\n", "|\n\n")


def _step(step: Document) -> Row:
    read = parse({"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [step]}).then
    words = [steps_in_words(read, lambda _, __: "…", tongue) for tongue in ("en", "zh-CN")]
    return (code(json.dumps(step, ensure_ascii=False)), *words)


def _guards(guards: Document) -> Row:
    read = read_guards(guards)
    return (code(json.dumps(guards)), guards_in_words(read, "en").strip(), guards_in_words(read, "zh-CN"))
