"""The company's directory by SCIM, as the large identity providers speak it."""

from __future__ import annotations

from typing import Any

from hub.domain.permissions import Role
from tests.support.hubs import TENANT
from tests.support.visitors import employ, seated
from tests.web.conftest import Api

LIN = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "lin@hr.example",
    "externalId": "00u1",
    "name": {"givenName": "悦", "familyName": "林"},
    "emails": [{"value": "lin@hr.example", "type": "work", "primary": True}],
    "active": True,
}


async def scim(api: Api, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    sent = {**api.auth, "content-type": "application/scim+json"} | {k.replace("_", "-"): v for k, v in headers.items()}
    answer = await api.client.request(method, f"/scim/v2/{path}", json=body, headers=sent)
    assert answer.status_code == status, answer.text
    if answer.content:
        assert answer.headers["content-type"].startswith("application/scim+json")
    return answer.json() if answer.content else answer


async def test_a_user_comes_changes_is_found_and_goes(api: Api) -> None:
    made = await scim(api, "POST", "Users", LIN, 201)
    assert (made["userName"], made["externalId"], made["active"]) == ("lin@hr.example", "00u1", True)
    assert made["meta"]["location"].endswith(f"/scim/v2/Users/{made['id']}")
    again = await scim(api, "POST", "Users", {**LIN, "userName": "LIN@hr.example"}, 409)
    assert (again["scimType"], again["status"]) == ("uniqueness", "409")
    found = await scim(api, "GET", 'Users?filter=userName eq "lin@hr.example"')
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, made["id"])
    assert (await scim(api, "GET", 'Users?filter=externalId eq "none"'))["totalResults"] == 0
    path = f"Users/{made['id']}"
    off = {"Operations": [{"op": "Replace", "path": "active", "value": "False"}]}
    assert (await scim(api, "PATCH", path, off))["active"] is False
    assert (await api.bench.hub.people.roster.get(TENANT, made["id"])).state == "disabled"
    renamed = await scim(api, "PUT", path, {**LIN, "userName": "lin2@hr.example"})
    assert (renamed["userName"], renamed["active"]) == ("lin2@hr.example", True)
    await scim(api, "DELETE", path, status=204)
    gone = await scim(api, "GET", path, status=404)
    assert gone["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_versions_guard_against_lost_updates(api: Api) -> None:
    made = await scim(api, "POST", "Users", LIN, 201)
    path, version = f"Users/{made['id']}", made["meta"]["version"]
    assert (await scim(api, "GET", path, status=304, if_none_match=version)).headers["etag"] == version
    await scim(api, "PUT", path, {**LIN, "title": "HR"}, if_match=version)
    late = await scim(api, "PUT", path, LIN, 412, if_match=version)
    assert late["status"] == "412"


async def test_pages_and_their_edges(api: Api) -> None:
    for number in range(5):
        await scim(api, "POST", "Users", {"userName": f"u{number}", "externalId": str(number)}, 201)
    page = await scim(api, "GET", "Users?startIndex=2&count=2")
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (5, 2, 2)
    assert (await scim(api, "GET", "Users?count=0"))["itemsPerPage"] == 0
    assert (await scim(api, "GET", "Users?startIndex=-5&count=-1"))["itemsPerPage"] == 0
    assert (await scim(api, "GET", "Users?count=x", status=400))["scimType"] == "invalidValue"
    assert (await scim(api, "GET", "Users?filter=userName", status=400))["scimType"] == "invalidFilter"


async def test_a_group_gives_its_members_a_role_and_takes_it_again(api: Api) -> None:
    lin = await scim(api, "POST", "Users", LIN, 201)
    wang = await scim(api, "POST", "Users", {"userName": "wang"}, 201)
    made = await scim(api, "POST", "Groups", {"displayName": "店长", "members": [{"value": lin["id"]}]}, 201)
    security = await seated(api.client, api.bench, "security", Role.SECURITY_ADMIN)
    await security.json("PUT", f"/v1/directory-groups/{made['id']}", {"role": "recruiter"})
    rights = api.bench.hub.people.rights

    async def roles(person: str) -> list[str]:
        return [one.role for one in await rights.grants(TENANT, person)]

    assert (await roles(lin["id"]), await roles(wang["id"])) == (["recruiter"], [])
    path = f"Groups/{made['id']}"
    swap = [
        {"op": "remove", "path": f'members[value eq "{lin["id"]}"]'},
        {"op": "add", "path": "members", "value": [{"value": wang["id"]}]},
    ]
    changed = await scim(api, "PATCH", path, {"Operations": swap})
    assert [one["value"] for one in changed["members"]] == [wang["id"]]
    assert (await roles(lin["id"]), await roles(wang["id"])) == ([], ["recruiter"])
    assert (await scim(api, "GET", 'Groups?filter=displayName eq "店长"'))["totalResults"] == 1
    await scim(api, "DELETE", f"Users/{wang['id']}", status=204)
    assert (await scim(api, "GET", path))["members"] == []
    await scim(api, "DELETE", path, status=204)


async def test_the_directory_does_not_see_accounts_that_were_made_here(api: Api) -> None:
    """A token of the directory cannot rename or disable an administrator."""
    ada = await employ(api.bench, "ada", Role.SECURITY_ADMIN)
    assert (await scim(api, "GET", "Users"))["totalResults"] == 0
    for method, body in (("GET", None), ("PUT", LIN), ("PATCH", {"Operations": []}), ("DELETE", None)):
        await scim(api, method, f"Users/{ada.id}", body, 404)
    await scim(api, "POST", "Groups", {"displayName": "x", "members": [{"value": ada.id}]}, 404)


async def test_the_directory_is_guarded_and_describes_itself(api: Api) -> None:
    assert (await api.client.get("/scim/v2/Users")).status_code == 401
    _, narrow = await api.bench.hub.access.make(TENANT, "narrow", ["people:write"], "test")
    refused = await api.client.get("/scim/v2/Users", headers={"authorization": f"Bearer {narrow}"})
    assert refused.status_code == 403
    assert (await scim(api, "GET", "ServiceProviderConfig"))["patch"]["supported"] is True
    assert (await scim(api, "GET", "ResourceTypes"))["totalResults"] == 2


BAD: list[Any] = [{}, {"userName": ""}, {"userName": 7}, {"userName": "a b"}, {"userName": "x", "active": "maybe"}, []]


async def test_what_is_no_user_is_refused(api: Api) -> None:
    for body in (*BAD, {"userName": "x", "title": "y" * 20_000}):
        await scim(api, "POST", "Users", body, 400)
