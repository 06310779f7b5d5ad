"""The company's directory: people and groups that come by SCIM. Accounts made here by hand are none of its business."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.app.people.rights import Rights
from hub.app.people.roster import Roster
from hub.app.people.sealing import Profile, Sealing, note
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import TenantId
from hub.domain.permissions import Role
from hub.domain.scim.filters import find
from hub.ports.accounts import Group, Person, RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store
from mappings.documents import Document, Json

LARGEST = 16_000  # bytes of one resource
KEPT = ("name", "displayName", "nickName", "title", "emails", "phoneNumbers", "preferredLanguage", "locale", "timezone")


@dataclass(frozen=True, slots=True)
class Directory:
    """Users and groups as resources of RFC 7643, in and out."""

    store: Store
    sealing: Sealing
    roster: Roster
    rights: Rights
    clock: Clock
    ids: Ids

    async def users(self, tenant: TenantId) -> list[tuple[Person, Document]]:
        """Everybody whom the directory brought."""
        async with self.store.look() as look:
            people = await look.records(Person, tenant)
        return [(one, await self.resource(one)) for one in people if one.external is not None]

    async def user(self, tenant: TenantId, id: str) -> tuple[Person, Document]:
        """Raises NotFound, also for who was not brought by the directory."""
        person = await self.roster.get(tenant, id)
        if person.external is None:
            raise NotFound("there is no such user")
        return person, await self.resource(person)

    async def resource(self, person: Person) -> Document:
        """A person as a SCIM user, without `meta`."""
        profile = await self.sealing.profile(person)
        found: Document = {"id": person.id, "userName": profile.login, **profile.more}
        if profile.external is not None:
            found["externalId"] = profile.external
        return {**found, "active": person.state == "active"}

    async def add_user(self, tenant: TenantId, body: Document, by: str) -> tuple[Person, Document]:
        """Raises Conflict (`login_taken`), Invalid. Signs in elsewhere, or by an invitation."""
        profile = profile_of(body)
        person = await self.roster.add(
            tenant, profile, by, external=profile.external or profile.login, state=_state(body)
        )
        return person, await self.resource(person)

    async def put_user(self, person: Person, body: Document, by: str) -> tuple[Person, Document]:
        """The user as it is sent. Raises Conflict, Invalid."""
        profile, state = profile_of(body), _state(body)
        before = await self.sealing.profile(person)
        if profile != before:
            external = profile.external or profile.login
            person = await self.roster.change(person, by, profile=profile, external=external)
        if state == "disabled" and person.state != "disabled":
            person = await self.roster.disable(person, by)
        elif state == "active" and person.state == "disabled":
            person = await self.roster.enable(person, by)
        return person, await self.resource(person)

    async def drop_user(self, person: Person, by: str) -> None:
        """The account is gone, and with it what let it in."""
        async with self.store.look() as look:
            groups = await look.records(Group, person.tenant)
        for group in groups:
            if person.id in group.members:
                await self._members(group, [one for one in group.members if one != person.id], by)
        await self.roster.remove(await self.roster.get(person.tenant, person.id), by)

    async def groups(self, tenant: TenantId) -> list[Group]:
        """By id."""
        async with self.store.look() as look:
            return await look.records(Group, tenant)

    async def group(self, tenant: TenantId, id: str) -> Group:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.record(Group, tenant, id)
        if found is None:
            raise NotFound("there is no such group")
        return found

    async def add_group(self, tenant: TenantId, body: Document, by: str) -> Group:
        """Raises Conflict (`name_taken`), Invalid, NotFound for a member."""
        name, external, members = group_of(body)
        group = Group(f"grp_{self.ids.token(8)}", tenant, name, self.clock.now(), external)
        try:
            async with self.store.work() as work:
                await work.add_record(group)
                await note(work, self.clock, tenant, by, "group.add", group.id)
        except Conflict as error:
            raise Conflict("there is a group of this name", code="name_taken") from error
        return await self._members(replace(group, version=1), members, by)

    async def put_group(self, group: Group, body: Document, by: str) -> Group:
        """The group as it is sent. Raises Conflict, Invalid, NotFound for a member."""
        name, external, members = group_of(body)
        if (name, external) != (group.name, group.external):
            async with self.store.work() as work:
                group = await work.change_record(replace(group, name=name, external=external))
        return await self._members(group, members, by)

    async def drop_group(self, group: Group, by: str) -> None:
        """The roles that it gave are gone too."""
        group = await self._members(group, [], by)
        async with self.store.work() as work:
            await work.drop_record(group)
            await note(work, self.clock, group.tenant, by, "group.remove", group.id)

    async def give_role(self, group: Group, role: Role | None, path: str, by: str) -> Group:
        """What members of the group may do from now on. Raises NotFound for the place."""
        async with self.store.work() as work:
            await self.rights.must_be_a_place(work, group.tenant, path)
            changed = await work.change_record(replace(group, role=role, path=path))
            await note(work, self.clock, group.tenant, by, "group.role", group.id, {"role": role, "path": path})
        await self._grants(changed, by)
        return changed

    async def _members(self, group: Group, members: Sequence[str], by: str) -> Group:
        wanted = tuple(sorted(set(members)))
        for one in wanted:
            await self.user(group.tenant, one)
        if wanted != group.members:
            async with self.store.work() as work:
                group = await work.change_record(replace(group, members=wanted))
                detail: Document = {"members": [*wanted]}
                await note(work, self.clock, group.tenant, by, "group.members", group.id, detail)
            await self._grants(group, by)
        return group

    async def _grants(self, group: Group, by: str) -> None:
        """Grants of this origin are exactly the members' at the group's role and place."""
        async with self.store.look() as look:
            has = await look.records(RoleGrant, group.tenant, origin=group.id)
        wanted = set(group.members) if group.role is not None else set()
        for one in has:
            if one.person not in wanted or (one.role, one.path) != (group.role, group.path):
                await self.rights.take(one, by)
        there = {one.person for one in has if (one.role, one.path) == (group.role, group.path)}
        for person in sorted(wanted - there):
            assert group.role is not None
            await self.rights.grant(group.tenant, person, Role(group.role), by, path=group.path, origin=group.id)


def profile_of(body: Document) -> Profile:
    """Who a SCIM user is. Raises Invalid (`invalidValue`)."""
    if len(json.dumps(body)) > LARGEST:
        raise Invalid(f"a resource has at most {LARGEST} bytes", code="invalidValue")
    login = _text(body, "userName")
    if not login:
        raise Invalid("userName is missing", code="invalidValue", at="userName")
    more: Document = {}
    for name in KEPT:
        key = find(body, name)
        if key is not None and body[key] is not None:
            more[name] = body[key]
    shown = more.get("displayName") or _formatted(more.get("name")) or login
    email, phone = _first(more.get("emails")), _first(more.get("phoneNumbers"))
    locale = more.get("locale") or more.get("preferredLanguage") or "zh-CN"
    return Profile(login, str(shown), email, phone, str(locale), _text(body, "externalId") or None, more)


def group_of(body: Document) -> tuple[str, str | None, list[str]]:
    """Name, external id and members of a SCIM group. Raises Invalid (`invalidValue`)."""
    name = _text(body, "displayName")
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise Invalid("displayName has 1 to 200 characters", code="invalidValue", at="displayName")
    key = find(body, "members")
    listed = [] if key is None or body[key] is None else body[key]
    if not isinstance(listed, list) or len(listed) > 10_000:
        raise Invalid("members is a list", code="invalidValue", at="members")
    members = [one.get("value") if isinstance(one, dict) else one for one in listed]
    if not all(isinstance(one, str) for one in members):
        raise Invalid("a member has a value", code="invalidValue", at="members")
    return name.strip(), _text(body, "externalId") or None, [str(one) for one in members]


def _state(body: Document) -> str:
    key = find(body, "active")
    value = True if key is None else body[key]
    if isinstance(value, str) and value.lower() in ("true", "false"):  # as one large provider writes it
        value = value.lower() == "true"
    if not isinstance(value, bool):
        raise Invalid("active is true or false", code="invalidValue", at="active")
    return "active" if value else "disabled"


def _text(body: Document, name: str) -> str:
    key = find(body, name)
    value = None if key is None else body[key]
    if value is not None and not isinstance(value, str):
        raise Invalid(f"{name} is a text", code="invalidValue", at=name)
    return value or ""


def _formatted(name: Json) -> str:
    if not isinstance(name, dict):
        return ""
    parts = [name.get("givenName"), name.get("familyName")]
    return str(name.get("formatted") or " ".join(str(one) for one in parts if one))


def _first(values: Json) -> str | None:
    items = [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
    chosen = next((one for one in items if one.get("primary") is True), items[0] if items else {})
    value = chosen.get("value")
    return value if isinstance(value, str) and value else None
