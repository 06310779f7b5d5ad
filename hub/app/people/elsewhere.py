"""Signing in elsewhere: begun by this browser, ended by it once, and only for who is known or may become known.

Whose people come in is settled by the provider's name, which one tenant alone has, never by what the provider tells.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from hub.app.people.rights import Rights
from hub.app.people.roster import Roster
from hub.app.people.sealing import Profile, Sealing, hashed, linked, note
from hub.app.people.sign_in import Asked, SignedIn, SignIn
from hub.app.people.tickets import Tickets
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from hub.domain.ids import TenantId
from hub.domain.permissions import Role, role_of
from hub.ports.accounts import Identity, Person, Provider, RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.identity import Elsewhere, SignInProvider
from hub.ports.store import Store, Work
from mappings.documents import Document, Json

PURPOSE = "elsewhere"
_TEXTS = (
    "issuer", "client_id", "client_auth", "scope", "groups_claim", "tenant_key", "corp_id", "agent_id", "label",
    "second_factor",
)  # fmt: skip
_NULLS = frozenset({*_TEXTS, "client_secret", "clearance"})  # null is as good as not there
_SWITCHES = ("enabled", "create", "link", "userinfo")
OPTIONS = frozenset({*_TEXTS, *_SWITCHES, "groups", "clearance"} - {"enabled"})
LONGEST = 500
SECOND_FACTORS = ("ours", "provider")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what it keeps so that nobody else can end this."""

    url: str
    keep: str


@dataclass(frozen=True, slots=True)
class SignInElsewhere:
    """Providers as they are configured, by kind. `site`: where answers come back to."""

    store: Store
    sealing: Sealing
    roster: Roster
    rights: Rights
    sign_in: SignIn
    tickets: Tickets
    clock: Clock
    ids: Ids
    site: str
    kinds: Mapping[str, SignInProvider]

    async def put(self, tenant: TenantId, id: str, body: Document, by: str) -> Provider:
        """Configure a provider. Its secret is sealed; without one the stored secret stays.

        Raises Invalid, Conflict (`name_taken`): a name is one tenant's alone.
        """
        kind, secret, config = self._read(id, body)
        async with self.store.look() as look:
            there = await look.record(Provider, tenant, id)
        if secret is None and there is None:
            raise Invalid("client_secret is missing", code="missing", at="client_secret")
        sealed = there.sealed if there else b""
        if secret is not None:
            sealed = await self.sealing.seal(tenant, "provider", id, "sealed", {"secret": secret}, secret=True)
        wanted = Provider(id, tenant, kind, config, sealed, body.get("enabled") is not False)
        async with self.store.work() as work:
            if there is None:
                await _add(work, wanted)
            else:
                await work.change_record(replace(wanted, version=there.version))
            await note(work, self.clock, tenant, by, "provider.put", id, {"kind": kind, "enabled": wanted.enabled})
        return wanted

    def _read(self, id: str, body: Document) -> tuple[str, str | None, Document]:
        kind, secret = body.get("kind"), body.get("client_secret")
        if not id or len(id) > 40 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in id):
            raise Invalid("a provider's name has 1 to 40 letters, digits, - and _", code="bad_name", at="id")
        if not isinstance(kind, str) or kind not in self.kinds:
            raise Invalid(f"kind is one of {', '.join(self.kinds)}", code="enum", at="kind")
        body = {name: value for name, value in body.items() if value is not None or name not in _NULLS}
        config = {name: value for name, value in body.items() if name not in ("kind", "client_secret", "enabled")}
        for name in config:
            if name not in OPTIONS:
                raise Invalid(f"a provider has {', '.join(sorted(OPTIONS))}", code="unknown_field", at=name)
        for name in self.kinds[kind].needs:
            if name != "client_secret" and not isinstance(config.get(name), str):
                raise Invalid(f"{name} is missing", code="missing", at=name)
        _must_fit(body)
        _groups(config)
        return kind, secret if isinstance(secret, str) else None, config

    async def every(self, tenant: TenantId) -> list[Provider]:
        """By name."""
        async with self.store.look() as look:
            return await look.records(Provider, tenant)

    async def remove(self, tenant: TenantId, id: str, by: str) -> None:
        """Nobody signs in by it any more. Raises NotFound."""
        async with self.store.work() as work:
            found = await work.record(Provider, tenant, id)
            if found is None:
                raise NotFound("there is no such provider")
            for one in await work.records(Identity, tenant, provider=id):
                await work.drop_record(one)
            await work.drop_record(found)
            await note(work, self.clock, tenant, by, "provider.remove", id)

    async def begin(self, id: str) -> Begun:
        """Raises NotFound, Unavailable (`provider_away`), Invalid (`bad_provider`)."""
        provider = await self._enabled(id)
        keep, nonce, verifier = self.ids.token(32), self.ids.token(16), self.ids.token(32)
        state = self.ids.token(16)
        way = self.kinds[provider.kind]
        handover = await way.begin(provider.config, self._back(id), state, nonce, verifier)
        content: Document = {"provider": id, "keep": hashed(keep), "state": state, "begun": handover.state}
        ticket = await self.tickets.open(provider.tenant, PURPOSE, content)
        return Begun(handover.url, f"{ticket}.{keep}")

    async def end(self, id: str, kept: str, answer: Mapping[str, str]) -> Asked | SignedIn:
        """Who came back, signed in. Raises Unauthorized (`bad_ticket`, `sign_in_refused`), Forbidden (`not_known`)."""
        ticket, _, keep = kept.partition(".")
        seen, content = await self.tickets.look(ticket, PURPOSE)
        provider = await self._enabled(id)
        fits = content["provider"] == id and seen.tenant == provider.tenant  # a name may have changed hands meanwhile
        same = hmac.compare_digest(str(content["keep"]), hashed(keep))
        if not fits or not same or not hmac.compare_digest(str(content["state"]), answer.get("state", "")):
            raise Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
        await self.tickets.close(seen)
        opened = await self.sealing.open(provider.tenant, "provider", id, "sealed", provider.sealed, secret=True)
        begun = content["begun"]
        assert isinstance(begun, dict)
        who = await self.kinds[provider.kind].end(provider.config, str(opened["secret"]), self._back(id), begun, answer)
        person = await self._person(provider, who)
        await self._take_over_groups(provider, person, who)
        return await self._admit(provider, person, who)

    def _back(self, id: str) -> str:
        return f"{self.site}/v1/auth/elsewhere/{id}/callback"

    async def _enabled(self, id: str) -> Provider:
        async with self.store.look() as look:
            found = await look.bearer(Provider, id)
        if found is None or not found.enabled:
            raise NotFound("there is no such provider")
        return found

    async def _person(self, provider: Provider, who: Elsewhere) -> Person:
        """The account of an identity; linked or made at the first time where the provider is trusted with that."""
        tenant = provider.tenant
        known = await self._known(provider, who)
        if known is not None:
            person = await self.roster.get(tenant, known.person)
        else:
            person = await self._first_time(provider, who)
            link = await linked(self.sealing, tenant, provider.id, who.subject, person.id)
            async with self.store.work() as work:
                await work.add_record(link)
                await note(work, self.clock, tenant, person.id, "identity.link", person.id, {"provider": provider.id})
        if person.state == "invited" and known is None:
            async with self.store.work() as work:  # who the provider vouches for needs no password of ours
                person = await work.change_record(replace(person, state="active"))
        if person.state != "active":
            raise Forbidden("this account is not in force", code="not_known")
        return person

    async def _known(self, provider: Provider, who: Elsewhere) -> Identity | None:
        """The link, by the index key of today; one of before is made anew."""
        tenant = provider.tenant
        newest, *older = await self.sealing.blinds(tenant, "identity", f"{provider.id}\n{who.subject}")
        found: Identity | None = None
        async with self.store.look() as look:
            for index in (newest, *older):
                found = found or await look.record(Identity, tenant, index)
        if found is not None and (found.id != newest or found.sealed is None):
            fresh = await linked(self.sealing, tenant, provider.id, who.subject, found.person)
            async with self.store.work() as work:
                await work.drop_record(found)
                await work.add_record(fresh)
            return fresh
        return found

    async def _first_time(self, provider: Provider, who: Elsewhere) -> Person:
        if provider.config.get("link") is True:
            found = await self.roster.by_login(provider.tenant, who.login)
            if found is not None:
                return found
        if provider.config.get("create") is not True:
            raise Forbidden("nobody here knows this account; ask for one", code="not_known")
        clearance = provider.config.get("clearance", 2)
        try:
            return await self.roster.add(
                provider.tenant,
                Profile(who.login, who.name or who.login, who.email),
                f"provider:{provider.id}",
                clearance=clearance if isinstance(clearance, int) else 2,
                state="active",
            )
        except Conflict as error:  # somebody has this login and the provider may not speak for it
            raise Forbidden("nobody here knows this account; ask for one", code="not_known") from error

    async def _take_over_groups(self, provider: Provider, person: Person, who: Elsewhere) -> None:
        """Roles by the provider's groups: given, and taken away when the group is gone."""
        wanted = {(role, path) for name, (role, path) in _groups(provider.config).items() if name in who.groups}
        origin = f"provider:{provider.id}"
        async with self.store.look() as look:
            has = await look.records(RoleGrant, person.tenant, person=person.id, origin=origin)
        for one in has:
            if (Role(one.role), one.path) not in wanted:
                await self.rights.take(one, origin)
        for role, path in wanted - {(Role(one.role), one.path) for one in has}:
            await self.rights.grant(person.tenant, person.id, role, origin, path=path, origin=origin)

    async def _admit(self, provider: Provider, person: Person, who: Elsewhere) -> Asked | SignedIn:
        if provider.config.get("second_factor") != "provider" or not who.two_factors:
            return await self.sign_in.admit(person, provider.kind)
        async with self.store.work() as work:
            there = await work.record(Person, person.tenant, person.id)
            assert there is not None
            await self.roster.seen(work, there)
            session, token = await self.sign_in.sessions.open(work, person, (provider.kind, "provider"), full=True)
            await note(work, self.clock, person.tenant, person.id, "session.open", person.id, {"by": provider.id})
        return SignedIn(session, token)


async def _add(work: Work, provider: Provider) -> None:
    try:
        await work.add_record(provider)
    except Conflict as error:
        raise Conflict("another provider has this name; take one of your own", code="name_taken") from error


def _must_fit(body: Document) -> None:
    """Raises Invalid (`type`, `enum`, `bad_clearance`) for an option that would not mean what it seems to say."""
    for name in (*_TEXTS, "client_secret"):
        text = body.get(name, "")
        if not isinstance(text, str) or len(text) > LONGEST:
            raise Invalid(f"{name} is a text of at most {LONGEST} characters", code="type", at=name)
    for name in _SWITCHES:
        if not isinstance(body.get(name, False), bool):
            raise Invalid(f"{name} is true or false", code="type", at=name)
    if body.get("second_factor", "ours") not in SECOND_FACTORS:
        raise Invalid(f"second_factor is {' or '.join(SECOND_FACTORS)}", code="enum", at="second_factor")
    clearance = body.get("clearance", 2)
    if isinstance(clearance, bool) or not isinstance(clearance, int) or not 1 <= clearance <= 4:
        raise Invalid("a clearance is 1 to 4", code="bad_clearance", at="clearance")


def _groups(config: Document) -> dict[str, tuple[Role, str]]:
    """Group -> role and place, as configured. Raises Invalid."""
    found: dict[str, tuple[Role, str]] = {}
    listed: Json = config.get("groups", {})
    if not isinstance(listed, dict):
        raise Invalid("groups maps names to roles", code="type", at="groups")
    for name, value in listed.items():
        role = value.get("role") if isinstance(value, dict) else value
        path = value.get("path", "/") if isinstance(value, dict) else "/"
        if not isinstance(path, str):
            raise Invalid("a path is a text", code="type", at="groups")
        found[name] = (role_of(role, "groups"), path)
    return found
