"""Everything that can be done with people and programs, put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.app.media.media import Media
from hub.app.people.approvals import Approvals
from hub.app.people.break_glass import BreakGlass
from hub.app.people.directory import Directory
from hub.app.people.elsewhere import SignInElsewhere
from hub.app.people.factors import Factors
from hub.app.people.first_run import FirstRun
from hub.app.people.organisation import Organisation
from hub.app.people.programs import Programs
from hub.app.people.reach import Reach
from hub.app.people.rights import Rights
from hub.app.people.roster import Roster
from hub.app.people.sealing import Sealing
from hub.app.people.sessions import SessionPolicy, Sessions
from hub.app.people.sign_in import SignIn
from hub.app.people.throttles import Throttles
from hub.app.people.tickets import Tickets
from hub.app.people.unused import Unused
from hub.ports.accounts import Session, Throttle, Ticket
from hub.ports.clock import Clock, Ids
from hub.ports.identity import Authenticators, Passwords, SignInProvider
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class PeoplePolicy:
    """How strict this deployment is. `site`: the origin of the console, which is also what tokens are for."""

    site: str = "http://127.0.0.1:8080"
    sessions: SessionPolicy = field(default_factory=SessionPolicy)
    apart: bool = False
    password_days: int = 0
    unused_days: int = 90


@dataclass(frozen=True, slots=True)
class People:
    """The use cases."""

    policy: PeoplePolicy
    sealing: Sealing
    roster: Roster
    sessions: Sessions
    factors: Factors
    tickets: Tickets
    sign_in: SignIn
    elsewhere: SignInElsewhere
    rights: Rights
    organisation: Organisation
    approvals: Approvals
    programs: Programs
    first_run: FirstRun
    break_glass: BreakGlass
    reach: Reach
    directory: Directory
    unused: Unused
    clock: Clock
    store: Store

    async def sweep(self) -> None:
        """Drop sessions, tickets and counters that are over."""
        now = self.clock.now()
        async with self.store.work() as work:
            await work.sweep_records(Session, now)
            await work.sweep_records(Ticket, now)
            await work.sweep_records(Throttle, now)


def people(
    store: Store,
    vault: Vault,
    clock: Clock,
    ids: Ids,
    meter: Meter,
    passwords: Passwords,
    authenticators: Authenticators,
    policy: PeoplePolicy,
    providers: Mapping[str, SignInProvider],
    media: Media | None = None,
) -> People:
    """The use cases over the ports."""
    sealing = Sealing(vault)
    tickets = Tickets(store, sealing, clock, ids)
    sessions = Sessions(store, clock, ids, policy.sessions)
    roster = Roster(store, sealing, sessions, tickets, clock, ids, meter)
    factors = Factors(store, sealing, clock, ids, authenticators)
    rights = Rights(store, roster, sessions, clock, ids, policy.apart)
    throttles = Throttles(store, clock)
    sign_in = SignIn(
        store, sealing, roster, sessions, factors, tickets, throttles, passwords, clock, meter, policy.password_days
    )
    return People(
        policy=policy,
        sealing=sealing,
        roster=roster,
        sessions=sessions,
        factors=factors,
        tickets=tickets,
        sign_in=sign_in,
        elsewhere=SignInElsewhere(
            store, sealing, roster, rights, sign_in, tickets, clock, ids, policy.site, providers
        ),
        rights=rights,
        organisation=Organisation(store, clock, ids),
        approvals=Approvals(store, sealing, rights, clock, ids),
        programs=Programs(store, clock, ids, policy.site),
        first_run=FirstRun(store, roster, rights, tickets, clock, ids),
        break_glass=BreakGlass(store, roster, rights, clock, ids, meter),
        reach=Reach(store, vault, media),
        directory=Directory(store, sealing, roster, rights, clock, ids),
        unused=Unused(store, roster, clock, meter, policy.unused_days),
        clock=clock,
        store=store,
    )  # fmt: skip
