"""The matrix: what each role may do, action by action, and what it costs. Data, read once.

A cell is `-` (no) or letters: `y` yes; `k` as far as its scopes go; `a` only of assigned requisitions; `m` personal
values hidden; `o` only the outcome (a score, a status); `s` after a recent second factor; `p` with a purpose;
`2` together with a second person; `q` likewise, without approving others'; `v` may only approve it; `4` only where class 4 is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.permissions.roles import Role


@dataclass(frozen=True, slots=True)
class Cell:
    """What one role may do of one action."""

    letters: frozenset[str]

    @property
    def approves(self) -> bool:
        """Whether somebody else's request may be approved."""
        return bool(self.letters & {"2", "v"})

    @property
    def asks(self) -> bool:
        """Whether it is done only after a second person approved exactly that."""
        return bool(self.letters & {"2", "q"})


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done. `scope`: what a token needs for it. `reviewed`: the thing itself carries the approval."""

    name: str
    data_class: int
    scope: str | None
    cells: Mapping[Role, Cell]
    en: str
    zh: str
    reviewed: bool = False


# action, class, scope | integrator ops hr_admin hr_manager recruiter interviewer auditor client_system system_admin
# security_admin | English | 中文
_MATRIX = """
connection.read      2 connections:read  | y  y  y  -   -  -  y  k  -  y  | read connection settings | 查看连接设置
connection.change    2 -                 | y  -  -  -   -  -  -  -  -  -  | change connection settings | 修改连接设置
secret.write         2 -                 | y  -  -  -   -  -  -  -  -  -  | set a connection's credential | 写入连接凭据
secret.revoke        2 -                 | -  -  -  -   -  -  -  -  -  y  | revoke a connection's credential | 吊销连接凭据
rule.read            2 rules:read        | y  y  y  -   -  -  y  k  -  y  | read rules and why they acted | 查看规则及其判断原因
rule.draft           2 rules:write       | y  -  y  -   -  -  -  k  -  -  | draft rules and ask for their review | 起草规则并提交审核
rule.backtest        2 rules:write       | y  -  y  -   -  -  -  k  -  -  | try rules on past events | 用历史事件回测规则
rule.approve         2 rules:approve     | -  -  y  -   -  -  -  k  -  4  | approve or return somebody's rule | 批准或退回他人的规则
rule.publish         2 rules:write       | -  -  2  -   -  -  -  k  -  -  | put rules in force | 使规则生效
rule.stop            2 rules:write       | -  y  y  -   -  -  -  k  -  -  | stop all rules, let them act again | 停止或恢复所有规则
event.send           3 events:write      | -  -  -  -   -  -  -  k  -  -  | send events | 发送事件
event.read           2 events:read       | y  y  y  a   a  -  y  k  -  -  | read events without their data | 查看事件（不含数据）
event.payload        3 events:read       | m  m  y  a   am -  -  k  -  -  | read the data of events | 查看事件数据
delivery.read        2 deliveries:read   | y  y  y  a   a  -  y  k  -  -  | read deliveries | 查看投递
delivery.talk        3 deliveries:read   | m  m  y  a   am -  -  k  -  -  | read what was said to vendors | 查看与供应商的通信内容
delivery.replay      2 deliveries:replay | y  y  y  -   -  -  -  k  -  -  | send deliveries again | 重发投递
delivery.edit        3 deliveries:replay | -  -  y  -   -  -  -  k  -  -  | send a delivery with other data | 修改数据后重发
run.read             2 runs:read         | y  y  y  a   a  -  y  k  -  -  | read runs of rules | 查看规则的运行
run.decide           2 runs:decide       | -  -  y  a   -  -  -  k  -  -  | approve, reject, release runs | 批准、拒绝、放行运行
candidate.identify   3 events:write      | -  -  y  -   -  -  -  k  -  -  | find a candidate by e-mail address | 按邮箱查找候选人
candidate.find       3 events:read       | -  -  y  -   -  -  -  k  -  -  | find candidates by e-mail, phone, id number | 按邮箱、电话、证件号查找候选人
candidate.timeline   2 events:read       | y  y  y  a   a  -  y  k  -  -  | read a candidate's story (ids only) | 查看候选人时间线（仅编号）
candidate.read       3 events:read       | m  -  y  a   a  am -  k  -  -  | read a candidate's profile | 查看候选人资料
candidate.change     3 -                 | -  -  y  -   -  -  -  -  -  -  | change a candidate's profile | 修改候选人资料
consent.read         2 consents:read     | -  -  y  a   a  -  y  k  -  -  | read what candidates agreed to | 查看候选人的授权记录
consent.record       2 consents:write    | -  -  y  a   a  -  -  k  -  -  | record consents and withdrawals | 登记授权与撤回
resume.read          3 events:read       | -  -  y  a   a  a  -  k  -  -  | read resumes | 查看简历
report.read          3 events:read       | -  -  y  a   ao -  -  k  -  -  | read AI interview reports | 查看AI面试报告
video.play           4 media:read        | -  -  -  asp -  -  -  -  -  -  | ask for a link that plays an interview | 获取面试视频的播放链接
video.stream         4 media:read        | -  -  -  as  -  -  -  -  -  -  | watch an interview by such a link | 通过播放链接观看面试视频
video.watch          4 media:read        | -  -  -  a   -  -  -  -  -  -  | say how far one has watched | 报告观看进度
video.keep           4 media:write       | -  -  -  -   -  -  -  k  -  -  | send recordings, remove them | 上传或删除录像
video.about          2 -                 | -  -  -  a   -  -  y  -  -  -  | see that there is a video, and who saw it | 查看视频的元数据与观看记录
check.read           4 events:read       | -  -  s  as  -  -  -  k  -  -  | read background checks | 查看背景调查报告
check.status         3 events:read       | -  -  yo ao  ao -  -  k  -  -  | see where a background check stands | 查看背景调查状态
bulk.export          3 -                 | -  -  2s -   -  -  -  -  -  -  | export many candidates | 批量导出
bulk.log             2 -                 | -  -  -  -   -  -  y  -  -  -  | see what was exported | 查看导出记录
subject.export       4 -                 | -  -  s  -   -  -  -  -  -  -  | export all that is held on a candidate | 导出某候选人的全部数据
erasure.ask          3 subjects:write    | -  -  y  -   -  -  -  k  -  -  | ask for a candidate's erasure | 申请删除候选人数据
erasure.approve      2 -                 | -  -  -  -   -  -  -  -  -  y  | approve or refuse an erasure | 批准或拒绝删除
erasure.tell         2 subjects:write    | -  -  y  -   -  -  -  k  -  -  | note that a vendor erased | 登记供应商已删除
hold.ask             3 subjects:write    | -  -  y  -   -  -  -  k  -  -  | ask to put or lift a legal hold | 申请设置或解除法律保留
hold.approve         2 -                 | -  -  -  -   -  -  -  -  -  y  | decide on a legal hold | 审批法律保留
erasure.read         2 subjects:read     | -  -  y  -   -  -  y  k  -  y  | read erasures and legal holds | 查看删除与法律保留
break_glass.open     2 -                 | -  -  2s -   -  -  -  -  -  v  | open a candidate's file in an emergency | 紧急访问候选人资料
account.read         2 people:read       | -  -  y  -   -  -  y  k  y  y  | read accounts and their rights | 查看账号及其权限
account.change       2 people:write      | -  -  -  -   -  -  -  k  y  -  | make, change, disable accounts | 新建、修改、停用账号
grant.business       2 -                 | -  -  y  -   -  -  -  -  -  y  | grant HR managers, recruiters, interviewers | 授予业务角色
grant.any            2 -                 | -  -  -  -   -  -  -  -  -  y  | grant any role and clearance | 授予任意角色与密级
organisation.read    1 people:read       | y  y  y  y   y  y  y  k  y  y  | read the organisation | 查看组织架构
organisation.change  2 people:write      | -  -  y  -   -  -  -  k  y  -  | change the organisation | 修改组织架构
requisition.assign   2 people:write      | -  -  y  -   -  -  -  k  -  -  | assign people to requisitions | 将人员分配到招聘需求
service.read         2 -                 | y  y  -  -   -  -  y  -  y  y  | read service accounts and tokens | 查看服务账号与令牌
service.change       2 -                 | -  -  -  -   -  -  -  -  -  y  | make and revoke service accounts | 新建与吊销服务账号
sign_in.change       2 -                 | -  -  -  -   -  -  -  -  -  y  | change how people sign in | 修改登录方式
directory.sync       3 scim:write        | -  -  -  -   -  -  -  k  -  -  | keep accounts by SCIM | 通过 SCIM 同步账号
key.read             2 -                 | -  y  -  -   -  -  y  -  y  y  | see the state of keys | 查看密钥状态
key.rotate           2 -                 | -  y  -  -   -  -  -  -  y  -  | start a key rotation | 启动密钥轮换
key.destroy          2 -                 | -  q  -  -   -  -  -  -  q  2  | destroy a key | 销毁密钥
audit.read           2 audit:read        | -  -  -  -   -  -  y  k  -  -  | read and verify the audit trail | 查看并校验审计记录
evidence.read        2 audit:read        | -  -  -  -   -  -  y  k  -  y  | read how each control is met | 查看各项控制的符合情况
audit.settings       2 -                 | -  -  -  -   -  -  2  -  -  -  | change how long the audit trail is kept | 修改审计设置
video.views          2 audit:read        | -  -  -  -   -  -  y  k  -  -  | see who watched a recording | 查看录像的观看记录
border.read          2 border:read       | y  y  y  -   -  -  y  k  -  y  | see who was sent abroad, as counts | 查看跨境传输人数
backup.read          2 -                 | -  y  -  -   -  -  y  -  y  y  | see backups | 查看备份
backup.run           2 -                 | -  y  -  -   -  -  -  -  y  -  | make a backup | 执行备份
backup.restore       2 -                 | -  2  -  -   -  -  -  -  2  v  | restore a backup | 恢复备份
retention.read       2 retention:read    | -  y  y  -   -  -  y  k  y  -  | see what is kept how long | 查看保留期限
metrics.read         1 metrics:read      | y  y  -  -   -  -  -  k  y  -  | read metrics | 查看指标
self.use             1 -                 | y  y  y  y   y  y  y  -  y  y  | see and keep one's own account | 使用本人账号
self.enrol           1 -                 | y  y  y  y   y  y  y  -  y  y  | enrol one's own second factor | 登记本人的第二因素
"""

REVIEWED = frozenset({"rule.publish"})
_LETTERS = frozenset("ykamosp2qv4")


def _read(text: str) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for line in text.strip().splitlines():
        head, cells, en, zh = (part.strip() for part in line.split("|"))
        name, data_class, scope = head.split()
        read = [Cell(frozenset(cell.replace("-", ""))) for cell in cells.split()]
        assert all(cell.letters <= _LETTERS for cell in read), line
        found[name] = Action(
            name,
            int(data_class),
            None if scope == "-" else scope,
            dict(zip(Role, read, strict=True)),
            en,
            zh,
            name in REVIEWED,
        )
    return found


ACTIONS: Mapping[str, Action] = _read(_MATRIX)


def action_of_scope(scope: str) -> str | None:
    """The action that a route with this scope stands for where it names none: the first one of the scope."""
    return next((action.name for action in ACTIONS.values() if action.scope == scope), None)
