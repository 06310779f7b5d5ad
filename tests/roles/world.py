"""Two tenants with one of everything that has an id, each value marked with where it may be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.adapters.vault import FieldVault
from hub.app.access import SCOPES
from hub.app.incoming import Incoming
from hub.domain.ids import TenantId
from hub.domain.permissions import Role
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, Bench, report
from tests.support.visitors import Visitor, seated

OTHER = TenantId(2)
OWN, OUTSIDE, FOREIGN = "own", "outside", "foreign"
PERSONAL = "personal7261"  # in what is personal, with the place
NAMED = "named7261"  # in what only its tenant may read
GATED: dict[str, Any] = {
    "rule": {
        "schema": 1,
        "trigger": {"event": "interview.report.completed"},
        "then": [{"kind": "gate", "id": "g", "approvers": "hr_owner", "timeout": "P3D"}],
    }
}
CHECK: dict[str, Any] = {"status": "completed", "outcome": "clear"}


def personal(place: str) -> str:
    return f"{place}{PERSONAL}"


def named(place: str) -> str:
    return f"{place}{NAMED}"


@dataclass
class Place:
    """What there is in one place: for each name that a path or a filter can have, ids."""

    name: str
    tenant: TenantId
    ids: dict[str, list[str]] = field(default_factory=dict)

    def has(self, name: str, *ids: object) -> None:
        self.ids.setdefault(name, []).extend(str(one) for one in ids)


def told(place: str, number: int) -> Incoming:
    """A report about somebody of this place."""
    made = report(key=f"{place}-{number}", candidate=f"cand_{place}_{number}")
    data: Any = made.data
    data["candidate"]["name"] = {"full": f"Ada {personal(place)}", "given": "Ada", "family": personal(place)}
    data["candidate"]["email"] = f"{personal(place)}{number}@example.com"
    data["report"]["summary"] = {"en": personal(place), "zh-CN": personal(place)}
    data["report"]["text"] = {"en": f"About {personal(place)}.", "zh-CN": personal(place)}
    data["job"]["id"] = f"job_{place}"
    return made


async def furnished(b: Bench, client: Any, staff: list[str]) -> dict[str, Place]:
    """Both tenants, and in the first one a requisition that `staff` works on and one that nobody does."""
    assert isinstance(b.hub.vault, FieldVault)
    await b.hub.vault.prepare(OTHER)
    first, second = Place(OWN, TENANT), Place(OUTSIDE, TENANT)
    foreign = Place(FOREIGN, OTHER)
    await _organised(b, first, staff)
    await _organised(b, second, [])
    await _organised(b, foreign, [])
    for tenant, places in ((TENANT, (first, second)), (OTHER, (foreign,))):
        document: Any = {
            "hirewire": 1,
            "connections": {f"{named(p.name)}-con": REFERRALS for p in places},
            "rules": {f"{named(places[0].name)}-rule": GATED},
        }
        score = {**HIGH_SCORE, "rule": {**HIGH_SCORE["rule"]}} if "rule" in HIGH_SCORE else HIGH_SCORE
        score = _to(score, f"{named(places[0].name)}-con")
        document["rules"][f"{named(places[0].name)}-score"] = score
        await b.hub.configure.apply(tenant, document, "test")
        for place in places:
            for number in range(3):
                [receipt] = await b.hub.ingest(tenant, [told(place.name, number)])
                place.has("event_id", receipt.id)
                place.has("candidate_id", f"cand_{place.name}_{number}")
        await b.advance()
        _, secret = await b.hub.access.make(tenant, "furnisher", [*SCOPES, "role:hr_owner"], "test")
        for place in places:
            await _by_http(client, place, {"authorization": f"Bearer {secret}"})
        await _of_people(b, client, places[0])
    return {one.name: one for one in (first, second, foreign)}


def _to(document: Any, connection: str) -> Any:
    if isinstance(document, dict):
        return {k: connection if k == "connection" else _to(v, connection) for k, v in document.items()}
    return [_to(one, connection) for one in document] if isinstance(document, list) else document


async def _organised(b: Bench, place: Place, staff: list[str]) -> None:
    organisation = b.hub.people.organisation
    node = await organisation.add(place.tenant, "company", named(place.name), "test", code=place.name)
    leaf = await organisation.add(place.tenant, "department", f"{named(place.name)} leaf", "test", parent=node.id)
    place.has("node_id", leaf.id, node.id)
    place.has("node_path", node.path)
    await organisation.assign(place.tenant, f"job_{place.name}", "test", path=node.path, members=staff)
    place.has("job_id", f"job_{place.name}")


async def _by_http(client: Any, place: Place, auth: dict[str, str]) -> None:
    """What has an id only once somebody asked for it."""

    async def sent(method: str, path: str, body: Any = None) -> Any:
        answer = await client.request(method, path, json=body, headers=auth)
        assert answer.status_code < 300, (method, path, answer.text)
        return answer.json()

    subject = place.ids["candidate_id"][0]
    for kept, other in zip(place.ids["event_id"], place.ids["candidate_id"], strict=True):
        found = await sent("GET", f"/v1/deliveries?event={kept}")
        place.has("delivery_id", *[one["id"] for one in found["items"]])
        found = await sent("GET", f"/v1/runs?candidate={other}")
        place.has("run_id", *[one["id"] for one in found["items"]])
    for _ in range(3):
        begun = await sent("POST", "/v1/media", {"content_type": "video/webm", "subject": subject})
        media = f"/v1/media/{begun['id']}"
        data = personal(place.name).encode() * 9
        assert (await client.put(f"{media}/parts/1", content=data, headers=auth)).status_code == 200
        await sent("POST", f"{media}/complete", {"parts": 1})
        place.has("media_id", begun["id"])
    media = f"/v1/media/{place.ids['media_id'][0]}"
    answer = await client.post(f"{media}/links", headers={**auth, "x-purpose": "quality_review"})
    place.has("view_id", answer.json()["view"])
    place.has("erasure_id", (await sent("POST", f"/v1/candidates/{subject}/erasure", {"reason": "asks"}))["id"])
    other = place.ids["candidate_id"][1]
    place.has("hold_id", (await sent("POST", f"/v1/candidates/{other}/legal-hold", {"reason": "court"}))["id"])
    if place.name == OUTSIDE:
        return
    rule = f"{named(place.name)}-rule"
    place.has("name", rule, f"{named(place.name)}-score")
    place.has("backtest_id", (await sent("POST", f"/v1/rules/{rule}/backtests"))["id"])
    user = {"userName": f"{named(place.name)}@example.com", "displayName": named(place.name)}
    for number in range(2):
        made = await sent("POST", "/scim/v2/Users", {**user, "userName": f"{number}{user['userName']}"})
        place.has("user_id", made["id"])
        made = await sent("POST", "/scim/v2/Groups", {"displayName": f"{named(place.name)} {number}"})
        place.has("group_id", made["id"])


async def _of_people(b: Bench, client: Any, place: Place) -> None:
    """Accounts that nobody speaks for, so that whatever is done to them stops no role."""
    people = b.hub.people
    for number in range(2):
        spare: Visitor = await seated(
            client, b, f"{named(place.name)}-spare-{number}", Role.RECRUITER, tenant=place.tenant
        )
        place.has("person_id", spare.person)
        place.has("grant_id", *[grant.id for grant in await people.rights.grants(place.tenant, spare.person)])
        account, _ = await people.programs.add(place.tenant, f"{named(place.name)} {number}", ["events:read"], "test")
        place.has("service_id", account.id)
