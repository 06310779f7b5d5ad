"""What to do about a dead letter, by the class of its last error, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

FIXES: Mapping[str, tuple[str, str]] = {
    "dns_failed": (
        "The vendor's host name cannot be found: check the address.",
        "找不到供应商的主机名：请检查地址。",
    ),
    "timeout": (
        "The vendor does not answer in time: ask them, or raise the lane's timeout_s.",
        "供应商未在时限内应答：请联系对方，或调高通道的 timeout_s。",
    ),
    "needs_reauth": (
        "The vendor refuses our credentials: set new ones.",
        "供应商拒绝了凭据：请更新凭据。",
    ),
    "http_400": (
        "The vendor cannot read what we send: compare the mapping with their API.",
        "供应商无法理解所发内容：请对照其接口检查映射。",
    ),
    "http_401": (
        "The vendor refuses our credentials: set new ones.",
        "供应商拒绝了凭据：请更新凭据。",
    ),
    "http_403": (
        "Our credentials may not do this: ask the vendor for the permission.",
        "当前凭据无此权限：请向供应商申请。",
    ),
    "http_404": (
        "The vendor does not know the record: check ids and the base address.",
        "供应商没有该记录：请检查编号与基础地址。",
    ),
    "http_409": (
        "The vendor has something in the way: look at the record there.",
        "供应商处存在冲突：请到对方系统查看该记录。",
    ),
    "http_413": (
        "What we send is too big for the vendor: leave fields or files out.",
        "内容超出供应商限制：请减少字段或附件。",
    ),
    "http_422": (
        "The vendor refuses a value: correct the mapping, then release.",
        "供应商拒绝了某个值：请修正映射后放行。",
    ),
    "unknown_operation": (
        "The connector no longer has this operation: change the rule.",
        "连接器已无此操作：请修改规则。",
    ),
    "crashed_worker": (
        "Three workers in a row died over it: read their last log lines, mend the connector or the data, then release.",
        "连续三个工作进程在处理它时中断：请查看其最后日志，修正连接器或数据后放行。",
    ),
    "deadline": (
        "It was not delivered before its deadline: decide whether it still matters.",
        "已过期限未送达：请判断是否仍需发送。",
    ),
}
UNKNOWN_FIX = ("Look at one of them: `hirewire deliveries show`.", "请查看其中一条：`hirewire deliveries show`。")
SERVER_FIX = ("The vendor itself failed: ask them, then release.", "供应商自身故障：请联系对方，恢复后放行。")
MAPPING_FIX = ("The mapping does not fit the data: correct it, then release.", "映射与数据不符：请修正后放行。")


def suggested_fix(error: str | None, language: str) -> str:
    """What to do about dead letters of this cause, in `en` or `zh-CN`."""
    kind, _, code = (error or "").partition(":")
    if kind.startswith("mapping "):
        found = MAPPING_FIX
    elif (code or kind).startswith(("http_5", "smtp_4")):
        found = SERVER_FIX
    else:
        found = FIXES.get(code) or FIXES.get(kind) or UNKNOWN_FIX
    return found[1 if language == "zh-CN" else 0]
