"""Who may do what to which thing: ten roles, one matrix, labels that no role lifts, and one function that decides."""

from hub.domain.permissions.deciding import Context, Decision, Grant, Kind, Object, Reason, Subject, decide
from hub.domain.permissions.masks import HIDDEN, masked
from hub.domain.permissions.matrix import ACTIONS, Action, Cell, action_of_scope
from hub.domain.permissions.roles import GRANTABLE, POWERS, ROLES, Power, Role, RoleAbout, role_of

__all__ = [
    "ACTIONS",
    "GRANTABLE",
    "HIDDEN",
    "POWERS",
    "ROLES",
    "Action",
    "Cell",
    "Context",
    "Decision",
    "Grant",
    "Kind",
    "Object",
    "Power",
    "Reason",
    "Role",
    "RoleAbout",
    "Subject",
    "action_of_scope",
    "decide",
    "masked",
    "role_of",
]
