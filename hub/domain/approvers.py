"""Who may answer a gate: the roles and persons that it names, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.rules.tree import Gate

ROLE, USER = "role:", "user:"


@dataclass(frozen=True, slots=True)
class Approver:
    """Who acts. `id` goes into the audit trail; `operator`: somebody at the hub's own machine, who may do everything."""

    id: str
    roles: frozenset[str] = frozenset()
    operator: bool = False


def may_approve(subject: Approver, gate: Gate) -> bool:
    """`user:tok_1` is one person, `role:hr_owner` or `hr_owner` everybody with that role."""
    return subject.operator or any(_is(subject, name) for name in gate.approvers)


def _is(subject: Approver, name: str) -> bool:
    if name.startswith(USER):
        return subject.id == name.removeprefix(USER)
    return name.removeprefix(ROLE) in subject.roles
