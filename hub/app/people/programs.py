"""Service accounts: programs that sign in with client credentials (RFC 6749, 4.4) and get a token for five minutes."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.access import SCOPES, digest
from hub.app.people.sealing import note
from hub.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from hub.domain.ids import TenantId
from hub.domain.permissions import ACTIONS, Role
from hub.ports.accounts import ServiceAccount
from hub.ports.clock import Clock, Ids
from hub.ports.people import ApiToken
from hub.ports.store import Store

LIFE = timedelta(minutes=5)
SECRET_PREFIX = "hcs_"  # noqa: S105 - how a secret begins, so that scanners find a leaked one
FOR_PROGRAMS = frozenset(
    about.scope for about in ACTIONS.values() if about.scope and "k" in about.cells[Role.CLIENT_SYSTEM].letters
)


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token, told once."""

    token: str
    scopes: tuple[str, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class Programs:
    """The service accounts of a tenant. `audience`: what tokens are for, this deployment's address."""

    store: Store
    clock: Clock
    ids: Ids
    audience: str

    async def add(
        self, tenant: TenantId, name: str, scopes: Iterable[str], by: str, clearance: int = 3
    ) -> tuple[ServiceAccount, str]:
        """The account and its secret, told once. Raises Invalid (`unknown_scope`), Conflict (`name_taken`)."""
        wanted = tuple(sorted(set(scopes)))
        unknown = [one for one in wanted if one not in SCOPES or one not in FOR_PROGRAMS]
        if unknown or not wanted:
            raise Invalid(f"scopes are some of {', '.join(sorted(FOR_PROGRAMS))}", code="unknown_scope", at="scopes")
        if not 1 <= clearance <= 4:
            raise Invalid("a clearance is 1 to 4", code="bad_clearance", at="clearance")
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise Invalid("a name has 1 to 100 characters", code="bad_name", at="name")
        secret = SECRET_PREFIX + self.ids.token(32)
        account = ServiceAccount(
            f"svc_{self.ids.token(8)}", tenant, name.strip(), digest(secret), wanted, clearance, self.clock.now(), by
        )
        try:
            async with self.store.work() as work:
                await work.add_record(account)
                await note(work, self.clock, tenant, by, "service.add", account.id, {"scopes": [*wanted]})
        except Conflict as error:
            raise Conflict("there is a service account of this name", code="name_taken") from error
        return replace(account, version=1), secret

    async def every(self, tenant: TenantId) -> list[ServiceAccount]:
        """By id."""
        async with self.store.look() as look:
            return await look.records(ServiceAccount, tenant)

    async def renew_secret(self, tenant: TenantId, id: str, by: str) -> str:
        """A new secret, told once; the old one and its tokens end."""
        secret = SECRET_PREFIX + self.ids.token(32)
        async with self.store.work() as work:
            account = await work.record(ServiceAccount, tenant, id)
            if account is None or account.revoked_at is not None:
                raise NotFound("there is no such service account")
            await work.change_record(replace(account, hash=digest(secret)))
            await work.drop_tokens_of(tenant, id)
            await note(work, self.clock, tenant, by, "service.renew", id)
        return secret

    async def revoke(self, tenant: TenantId, id: str, by: str) -> None:
        """The account and every token of it end; other processes see it within a second."""
        async with self.store.work() as work:
            account = await work.record(ServiceAccount, tenant, id)
            if account is None:
                raise NotFound("there is no such service account")
            if account.revoked_at is None:
                await work.change_record(replace(account, revoked_at=self.clock.now()))
            await work.drop_tokens_of(tenant, id)
            await note(work, self.clock, tenant, by, "service.revoke", id)

    async def issue(self, id: str, secret: str, scopes: Iterable[str], audience: str | None) -> Issued:
        """A token for these scopes (none: all of the account's).

        Raises Unauthorized (`invalid_client`), Invalid (`invalid_scope`, `invalid_target`): the codes are RFC 6749's.
        """
        async with self.store.look() as look:
            account = await look.bearer(ServiceAccount, id)
        fits = hmac.compare_digest(digest(secret), account.hash if account else bytes(32))
        if account is None or not fits or account.revoked_at is not None:
            raise Unauthorized("the client is not known or its secret is wrong", code="invalid_client")
        wanted = tuple(sorted(set(scopes))) or account.scopes
        if not set(wanted) <= set(account.scopes):
            raise Invalid("a scope that this client does not have", code="invalid_scope", at="scope")
        if audience not in (None, "", self.audience):
            raise Invalid("tokens are for this deployment alone", code="invalid_target", at="resource")
        return await self._token(account, wanted)

    async def _token(self, account: ServiceAccount, scopes: tuple[str, ...]) -> Issued:
        secret, now = f"hw_{self.ids.token(20)}", self.clock.now()
        token = ApiToken(
            f"tok_{self.ids.token(8)}", account.tenant, account.name, digest(secret), frozenset(scopes), now, now + LIFE,
            account=account.id, audience=self.audience, clearance=account.clearance,
        )  # fmt: skip
        async with self.store.work() as work:
            await work.drop_tokens_of(account.tenant, account.id, before=now)
            await work.add_token(token)
            await note(work, self.clock, account.tenant, account.id, "token.issue", token.id, {"scopes": [*scopes]})
        return Issued(secret, scopes, int(LIFE.total_seconds()))
