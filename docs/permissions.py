"""The matrix of permissions as a reference page."""

from __future__ import annotations

from docs.tables import code, table
from hub.domain.permissions import ACTIONS, ROLES, Role
from hub.domain.permissions.deciding import PURPOSES


def permissions() -> tuple[str, ...]:
    """The matrix as it is in force."""
    roles = [(f"`{role}`", about.en, about.zh, about.does, about.does_zh) for role, about in ROLES.items()]
    cells = [
        (
            f"`{one.name}`",
            one.en,
            one.zh,
            one.data_class,
            code(one.scope or ""),
            *("".join(sorted(one.cells[role].letters)) or "-" for role in Role),
        )
        for one in ACTIONS.values()
    ]
    letters = [
        ("y", "yes", "允许"),
        ("k", "as far as the program's scopes go", "按程序的权限范围"),
        ("a", "only candidates of assigned requisitions", "仅限所负责招聘需求的候选人"),
        ("m", "personal values hidden", "隐藏个人信息"),
        ("o", "only the outcome: a score, a status", "仅结果：分数或状态"),
        ("s", "within five minutes of a second factor", "须在五分钟内验证过第二因素"),
        ("p", "with a purpose in `X-Purpose`", "须在 `X-Purpose` 中说明目的"),
        (
            "2",
            "after a second person approved exactly that; approves others' too",
            "须另一人批准完全相同的请求；也可批准他人",
        ),
        ("q", "after a second person approved exactly that", "须另一人批准完全相同的请求"),
        ("v", "approves only", "只能批准"),
        ("4", "only where class 4 is touched", "仅在涉及四级数据时"),
        ("-", "no", "不允许"),
    ]
    return (
        "Permissions / 权限",
        "What is not allowed here is denied. Over all of it stands the clearance of each account: fields of a higher sensitivity are hidden "
        "and objects of a higher class are closed, whatever the roles. A person without a second factor may only enrol one.",
        "未列为允许的一律拒绝。每个账号的密级高于一切角色：敏感级别更高的字段被隐藏，级别更高的对象不可访问。尚无第二因素的人只能登记第二因素。",
        table(("role", "name", "名称", "does", "作用"), roles),
        table(("letter", "meaning", "含义"), letters),
        table(("action", "what", "内容", "class", "scope", *(str(role) for role in Role)), cells),
        table(
            ("purpose / 目的", "meaning", "含义"), [(f"`{name}`", en, zh) for name, (en, zh) in PURPOSES.items()]
        ),
    )  # fmt: skip
