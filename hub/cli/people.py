"""Named accounts and service accounts from the command line: the first people, invitations, roles, rights."""

from __future__ import annotations

import click

from hub.app.hub import Hub
from hub.app.people.first_run import Founder
from hub.app.people.sealing import Profile
from hub.cli.context import actor, settings, with_hub
from hub.cli.providers import providers
from hub.cli.tenants import chosen_tenant, for_tenant
from hub.cli.words import as_json, say
from hub.domain.errors import NotFound
from hub.domain.permissions import ACTIONS, GRANTABLE, ROLES, Role
from hub.ports.accounts import Person

Row = dict[str, object]
_ROLE = click.Choice([str(role) for role in GRANTABLE])
_CLEARANCE = click.IntRange(1, 4)


@click.group()
@for_tenant
def people() -> None:
    """Named accounts: who they are and what they may do. PERSON is a login or an id."""


@people.command("first")
@click.option("--login", help="Make this first person here, instead of by the wizard.")
@click.option("--name", default="", help="The person's name.")
@click.option("--role", "roles", multiple=True, type=_ROLE, help="A role; once security_admin at least.")
@click.option("--clearance", default=2, show_default=True, type=_CLEARANCE, help="The highest class ever to be seen.")
def first(login: str | None, name: str, roles: tuple[str, ...], clearance: int) -> None:
    """Begin: a ticket for the set-up wizard (POST /v1/setup), or the first person right here.

    Works only while there is nobody. The ticket lasts an hour, an invitation 72 hours; each is told once.
    """

    async def act(hub: Hub) -> str:
        ticket = await hub.people.first_run.ticket(chosen_tenant())
        if login is None:
            return f"{settings().public_url}/v1/setup  ticket: {ticket}"
        chosen = tuple(Role(one) for one in roles) or (Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN)
        founder = Founder(Profile(login, name or login), chosen, clearance)
        [(person, invitation)] = await hub.people.first_run(ticket, [founder])
        return f"{person.id}  invitation: {invitation}"

    click.echo(with_hub(act))


@people.command("list")
@as_json
def list_people(json_: bool) -> None:
    """All accounts, with their names (personal data) and roles."""

    async def act(hub: Hub) -> list[Row]:
        rows: list[Row] = []
        async with hub.store.look() as look:
            found = await look.records(Person, chosen_tenant())
        for person in found:
            profile = await hub.people.sealing.profile(person)
            grants = await hub.people.rights.grants(chosen_tenant(), person.id)
            rows.append(
                {
                    "id": person.id, "login": profile.login, "name": profile.name, "state": person.state,
                    "clearance": person.clearance, "roles": " ".join(sorted(one.role for one in grants)),
                    "seen": person.seen_at,
                }
            )  # fmt: skip
        return rows

    say(with_hub(act), ("id", "login", "name", "state", "clearance", "roles", "seen"), "nobody yet", json_)


@people.command("add")
@click.argument("login")
@click.option("--name", required=True)
@click.option("--email")
@click.option("--clearance", default=2, show_default=True, type=_CLEARANCE)
@click.option("--role", "roles", multiple=True, type=_ROLE)
def add(login: str, name: str, email: str | None, clearance: int, roles: tuple[str, ...]) -> None:
    """Make an account and print the invitation, by which the person sets a password."""

    async def act(hub: Hub) -> str:
        people = hub.people
        person = await people.roster.add(chosen_tenant(), Profile(login, name, email), actor(), clearance=clearance)
        for role in roles:
            await people.rights.grant(chosen_tenant(), person.id, Role(role), actor())
        return f"{person.id}  invitation: {await people.roster.invite(person, actor())}"

    click.echo(with_hub(act))


@people.command("invite")
@click.argument("person")
def invite(person: str) -> None:
    """A new invitation, for a forgotten password too."""

    async def act(hub: Hub) -> str:
        return await hub.people.roster.invite(await _find(hub, person), actor())

    click.echo(with_hub(act))


@people.command("disable")
@click.argument("person")
def disable(person: str) -> None:
    """Nothing of this account is accepted from the next request on."""

    async def act(hub: Hub) -> str:
        return (await hub.people.roster.disable(await _find(hub, person), actor())).state

    click.echo(with_hub(act))


@people.command("enable")
@click.argument("person")
def enable(person: str) -> None:
    """Let a disabled account in again."""

    async def act(hub: Hub) -> str:
        return (await hub.people.roster.enable(await _find(hub, person), actor())).state

    click.echo(with_hub(act))


@people.command("grant")
@click.argument("person")
@click.argument("role", type=_ROLE)
@click.option("--path", default="/", show_default=True, help="A place of the organisation, with all below it.")
def grant(person: str, role: str, path: str) -> None:
    """Grant a role."""

    async def act(hub: Hub) -> str:
        found = await _find(hub, person)
        return (await hub.people.rights.grant(chosen_tenant(), found.id, Role(role), actor(), path=path)).id

    click.echo(with_hub(act))


@people.command("take")
@click.argument("person")
@click.argument("grant_id")
def take(person: str, grant_id: str) -> None:
    """Take a grant away, by its id (`people rights` shows it)."""

    async def act(hub: Hub) -> None:
        found = await _find(hub, person)
        await hub.people.rights.take(await hub.people.rights.find(chosen_tenant(), found.id, grant_id), actor())

    with_hub(act)


@people.command("rights")
@click.argument("person")
@as_json
def rights(person: str, json_: bool) -> None:
    """The effective rights of a person: what, by which role, where, on which conditions.

    Conditions: a of assigned requisitions, m personal values hidden, o outcome only, s after a step-up, p with a purpose,
    2 and q with a second person, v approves only, 4 where class 4 is touched.
    """

    async def act(hub: Hub) -> list[Row]:
        found = await _find(hub, person)
        return [
            {
                "action": one.action, "what": ACTIONS[one.action].en, "什么": ACTIONS[one.action].zh, "role": one.role,
                "path": one.path, "conditions": one.letters, "until": one.until,
            }
            for one in await hub.people.rights.effective(chosen_tenant(), found.id)
        ]  # fmt: skip

    say(with_hub(act), ("action", "role", "path", "conditions", "until"), "no rights", json_)


@people.command("roles")
@as_json
def roles(json_: bool) -> None:
    """The ten roles."""
    rows: list[Row] = [
        {"role": str(role), "name": about.en, "名称": about.zh, "does": about.does, "作用": about.does_zh}
        for role, about in ROLES.items()
    ]
    say(rows, ("role", "名称", "does"), "", json_)


@click.group()
def services() -> None:
    """Programs that sign in with client credentials."""


@services.command("list")
@as_json
def list_services(json_: bool) -> None:
    """All service accounts."""

    async def act(hub: Hub) -> list[Row]:
        return [
            {
                "id": one.id, "name": one.name, "scopes": " ".join(one.scopes), "clearance": one.clearance,
                "revoked": one.revoked_at,
            }
            for one in await hub.people.programs.every(chosen_tenant())
        ]  # fmt: skip

    say(with_hub(act), ("id", "name", "scopes", "clearance", "revoked"), "no service accounts", json_)


@services.command("add")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True)
@click.option("--clearance", default=3, show_default=True, type=_CLEARANCE)
def add_service(name: str, scopes: tuple[str, ...], clearance: int) -> None:
    """Make one; its id and secret are printed once. Tokens: POST /oauth/token."""

    async def act(hub: Hub) -> str:
        account, secret = await hub.people.programs.add(chosen_tenant(), name, scopes, actor(), clearance)
        return f"{account.id} {secret}"

    click.echo(with_hub(act))


@services.command("revoke")
@click.argument("service")
def revoke_service(service: str) -> None:
    """The account and all its tokens end."""

    async def act(hub: Hub) -> None:
        await hub.people.programs.revoke(chosen_tenant(), service, actor())

    with_hub(act)


people.add_command(services)
people.add_command(providers)


async def _find(hub: Hub, who: str) -> Person:
    if who.startswith("usr_"):
        return await hub.people.roster.get(chosen_tenant(), who)
    found = await hub.people.roster.by_login(chosen_tenant(), who)
    if found is None:
        raise NotFound("there is no such person")
    return found
