"""The ten roles: what they are called, and which three may never meet in one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.errors import Invalid


class Role(StrEnum):
    """In the order of the matrix's columns."""

    INTEGRATOR = "integrator"
    OPS = "ops"
    HR_ADMIN = "hr_admin"
    HR_MANAGER = "hr_manager"
    RECRUITER = "recruiter"
    INTERVIEWER = "interviewer"
    AUDITOR = "auditor"
    CLIENT_SYSTEM = "client_system"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"


GRANTABLE = tuple(role for role in Role if role is not Role.CLIENT_SYSTEM)


def role_of(value: object, at: str = "role") -> Role:
    """A role that a person may have. Raises Invalid (`enum`, `role_for_programs`)."""
    if value == Role.CLIENT_SYSTEM:
        raise Invalid("this role is for programs", code="role_for_programs", at=at)
    if value not in GRANTABLE:
        raise Invalid(f"a role is one of {', '.join(GRANTABLE)}", code="enum", at=at)
    return Role(str(value))


class Power(StrEnum):
    """The three administrators of 三权分立: who runs, who grants, who audits."""

    SYSTEM = "system"
    SECURITY = "security"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class RoleAbout:
    """A role in words. `business`: an HR administrator may grant it."""

    en: str
    zh: str
    does: str
    does_zh: str
    business: bool = False


POWERS: Mapping[Role, Power] = {
    Role.SYSTEM_ADMIN: Power.SYSTEM,
    Role.SECURITY_ADMIN: Power.SECURITY,
    Role.AUDITOR: Power.AUDIT,
}

ROLES: Mapping[Role, RoleAbout] = {
    Role.INTEGRATOR: RoleAbout(
        "Integrator", "系统集成人员", "connects vendors, drafts mappings and rules", "接入供应商，起草映射与规则"
    ),
    Role.OPS: RoleAbout(
        "Operations", "运维人员", "watches, replays, backs up; sees no personal values", "监控、重发、备份；看不到个人信息"
    ),
    Role.HR_ADMIN: RoleAbout(
        "HR administrator", "人事管理员", "decides what happens when; does not watch videos",
        "决定何时发生什么；不能观看视频",
    ),
    Role.HR_MANAGER: RoleAbout(
        "HR manager", "人事经理", "reads the whole file of candidates of assigned requisitions, videos included",
        "查看所负责招聘需求中候选人的全部资料，包括视频", business=True,
    ),
    Role.RECRUITER: RoleAbout(
        "Recruiter", "招聘专员", "works on the candidates of assigned requisitions", "处理所负责招聘需求的候选人",
        business=True,
    ),
    Role.INTERVIEWER: RoleAbout(
        "Interviewer", "面试官", "reads the resumes of candidates to be met", "查看待面试候选人的简历", business=True
    ),
    Role.AUDITOR: RoleAbout(
        "Audit administrator", "审计管理员", "reads and verifies the audit trail, changes nothing else",
        "查看并校验审计记录，不改动其他内容",
    ),
    Role.CLIENT_SYSTEM: RoleAbout(
        "Client system", "客户端系统", "a program; does what its scopes say", "程序；只能做其权限范围内的事"
    ),
    Role.SYSTEM_ADMIN: RoleAbout(
        "System administrator", "系统管理员", "keeps accounts and the machine; grants nothing",
        "管理账号与系统运行；不能授权",
    ),
    Role.SECURITY_ADMIN: RoleAbout(
        "Security administrator", "安全管理员", "grants roles, approves what needs two people; reads no personal data",
        "授予角色，批准需双人的操作；不能查看个人信息",
    ),
}  # fmt: skip
