"""Who asks: each role as a person, programs, tokens, somebody of one place only, another tenant, nobody; and what may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.app.access import SCOPES
from hub.domain.ids import TenantId
from hub.domain.permissions import ACTIONS, Action, Role
from hub.web.auth import COOKIE
from tests.roles.world import FOREIGN, OTHER, OUTSIDE, OWN, Place, furnished
from tests.support.hubs import SITE, TENANT, Bench
from tests.support.visitors import Visitor, seated
from tests.web.company import PEOPLE_ROLES, expected

READS = tuple(sorted(one for one in SCOPES if one.endswith(":read")))
ABOUT_SOMEBODY = frozenset(
    ("candidate_id", "candidate", "subject", "media_id", "run_id", "event_id", "event", "delivery_id")
)
NO_SCOPE = {"-": "no_role", "k": "granted"}


@dataclass
class Identity:
    """`kind`: person, service, token, nobody. `bound`: a place that the rights end at."""

    name: str
    kind: str
    tenant: TenantId
    headers: dict[str, str]
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    bound: str | None = None
    again: Callable[[], Awaitable[dict[str, str]]] | None = None  # a new session, once the last one was ended

    @property
    def blind(self) -> bool:
        """Whether the matrix shows it personal values of no candidate whatever."""
        if self.kind in ("token", "nobody"):
            return not {"events:read", "media:read", "deliveries:read"} & self.scopes
        assert self.role is not None
        cells = [one.cells[self.role].letters for one in ACTIONS.values() if one.data_class >= 3]
        return not any(letters and not letters & set("mov") for letters in cells)

    def wanted(self, opt: Mapping[str, Any], names: Mapping[str, str], place: str | None) -> str:
        """`granted`, or the code of the refusal. `place`: where what is named belongs; None: nobody knows it."""
        action: Action | None = ACTIONS.get(opt.get("action") or "")
        if opt.get("public") is True:
            return "granted"
        assert action is not None
        scope = opt.get("scope")
        if self.kind == "nobody":
            return "bad_token"
        if self.kind in ("token", "service"):
            if scope is None or scope not in self.scopes:
                return "missing_scope"
            fits = self.kind == "token" or "k" in action.cells[Role.CLIENT_SYSTEM].letters
            return "granted" if fits else "no_role"
        assert self.role is not None
        if action.name == "event.send":
            return "bad_token"  # the bare way in knows programs only
        if action.name.startswith("self."):
            return "granted"
        letters = "".join(sorted(action.cells[self.role].letters)) or "-"
        somebody = place if ABOUT_SOMEBODY & names.keys() else None
        if self.bound is not None and letters not in ("-", "4") and action.data_class > 1 and somebody != self.bound:
            return "outside_node"
        mine = OWN if self.tenant == TENANT else FOREIGN
        return expected(letters, action.name, assigned=somebody == mine, purpose=True, fresh=True)


def _as_person(visitor: Visitor) -> dict[str, str]:
    return {
        "cookie": f"{COOKIE}={visitor.cookie}",
        "x-csrf-token": visitor.csrf or "",
        "origin": SITE,
        "sec-fetch-site": "same-origin",
        "x-purpose": "hiring_decision",
    }


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}", "x-purpose": "hiring_decision"}


def _person(name: str, visitor: Visitor, role: Role, bound: str | None = None) -> Identity:
    async def again() -> dict[str, str]:
        await visitor.sit()
        return _as_person(visitor)

    return Identity(name, "person", visitor.tenant, _as_person(visitor), role, bound=bound, again=again)


async def everybody(b: Bench, client: Any) -> tuple[list[Identity], dict[str, Place]]:
    """All that ask, in front of two furnished tenants."""
    people, access = b.hub.people, b.hub.access
    staff = {role: await seated(client, b, str(role), role) for role in PEOPLE_ROLES}
    places = await furnished(b, client, [one.person for one in staff.values()])
    found = [_person(str(role), one, role) for role, one in staff.items()]
    local = await seated(client, b, "local", Role.HR_ADMIN, path=places[OUTSIDE].ids["node_path"][0])
    found.append(_person("hr_admin_elsewhere", local, Role.HR_ADMIN, bound=OUTSIDE))
    for_programs = {a.scope for a in ACTIONS.values() if a.scope and "k" in a.cells[Role.CLIENT_SYSTEM].letters}
    account, secret = await people.programs.add(TENANT, "every", for_programs, "test", clearance=4)
    issued = await people.programs.issue(account.id, secret, [], None)
    scopes = frozenset(issued.scopes)
    found.append(Identity("client_system", "service", TENANT, _bearer(issued.token), Role.CLIENT_SYSTEM, scopes))
    for name, tenant, of in (
        ("token", TENANT, frozenset(SCOPES)),
        ("token_of_metrics", TENANT, frozenset({"metrics:read"})),
        ("token_that_reads", TENANT, frozenset(READS)),
        ("token_of_another_tenant", OTHER, frozenset(SCOPES)),
    ):
        _, secret = await access.make(tenant, name, of, "test")
        found.append(Identity(name, "token", tenant, _bearer(secret), scopes=of))
    stranger = await seated(client, b, "stranger", Role.HR_ADMIN, tenant=OTHER)
    await people.organisation.assign(
        OTHER, "job_foreign", "test", path=places[FOREIGN].ids["node_path"][0], members=[stranger.person]
    )
    found.append(_person("hr_admin_of_another_tenant", stranger, Role.HR_ADMIN))
    found.append(Identity("nobody", "nobody", TenantId(0), {}))
    for asker, place in ((staff[Role.HR_ADMIN], OWN), (stranger, FOREIGN)):
        wanted = {"action": "bulk.export", "method": "POST", "path": "/v1/none", "reason": "to try"}
        asked = await asker.json("POST", "/v1/approvals", wanted, 201)
        places[place].has("approval_id", asked["id"])
    return found, places
