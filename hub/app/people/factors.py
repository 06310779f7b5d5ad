"""Second factors: one-time passwords, authenticators, recovery codes - enrolled, proved, taken away."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.app.people.sealing import Sealing, note
from hub.domain import rfc6238
from hub.domain.errors import Invalid, NotFound, Unauthorized
from hub.domain.ids import TenantId
from hub.ports.accounts import Factor
from hub.ports.clock import Clock, Ids
from hub.ports.identity import Authenticators, Ceremony, Credential
from hub.ports.store import Store
from mappings.documents import Document

RECOVERY_CODES = 10
SECRET_BYTES = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody brings: one of these."""

    code: str | None = None
    assertion: Document | None = None
    recovery: str | None = None


@dataclass(frozen=True, slots=True)
class Factors:
    """Of one person at a time."""

    store: Store
    sealing: Sealing
    clock: Clock
    ids: Ids
    authenticators: Authenticators

    async def of(self, tenant: TenantId, person: str) -> list[Factor]:
        """All that are enrolled."""
        async with self.store.look() as look:
            return await look.records(Factor, tenant, person=person)

    async def kinds(self, tenant: TenantId, person: str) -> list[str]:
        """What can be asked for; recovery codes only stand in for the others."""
        found = {one.kind for one in await self.of(tenant, person) if not one.used}
        return sorted(found) if found - {"recovery"} else []

    def new_secret(self) -> bytes:
        """The secret of a one-time password, not enrolled yet."""
        return bytes.fromhex(self.ids.token(SECRET_BYTES))

    async def enrol_totp(self, tenant: TenantId, person: str, name: str, secret: bytes, code: str) -> Factor:
        """Raises Unauthorized (`bad_code`) where the app that should know the secret does not."""
        step = rfc6238.accepted_step(secret, code, self.clock.now(), 0)
        if step is None:
            raise _bad_code()
        content: Document = {"secret": base64.b32encode(secret).decode()}
        return await self._add(tenant, person, "totp", name, content, mark=step)

    async def begin_webauthn(self, tenant: TenantId, person: str, label: str) -> Ceremony:
        """What the browser's authenticator is asked for a new credential."""
        known = [credential for _, credential in await self._credentials(tenant, person)]
        return self.authenticators.register(person, label, known, bytes.fromhex(self.ids.token(32)))

    async def enrol_webauthn(
        self, tenant: TenantId, person: str, name: str, state: Document, answer: Document
    ) -> Factor:
        """Raises Invalid (`bad_assertion`)."""
        made = self.authenticators.registered(state, answer)
        return await self._add(tenant, person, "webauthn", name, _content(made), mark=made.count)

    async def make_recovery(self, tenant: TenantId, person: str) -> list[str]:
        """Ten codes, told once; those of before are worth nothing."""
        codes = [self.ids.token(8) for _ in range(RECOVERY_CODES)]
        async with self.store.work() as work:
            for old in await work.records(Factor, tenant, person=person, kind="recovery"):
                await work.drop_record(old)
        for code in codes:
            await self._add(tenant, person, "recovery", "", {"hash": _digest(code)})
        return ["-".join((code[:4], code[4:8], code[8:12], code[12:])) for code in codes]

    async def drop(self, tenant: TenantId, person: str, id: str, by: str) -> None:
        """Raises NotFound, Invalid (`last_factor`)."""
        mine = await self.of(tenant, person)
        found = next((one for one in mine if one.id == id and one.kind != "recovery"), None)
        if found is None:
            raise NotFound("there is no such factor")
        if by == person and sum(one.kind != "recovery" for one in mine) == 1:
            raise Invalid("enrol another factor first", code="last_factor")
        async with self.store.work() as work:
            await work.drop_record(found)
            await note(work, self.clock, tenant, by, "factor.drop", person, {"kind": found.kind})

    async def challenge(self, tenant: TenantId, person: str) -> Ceremony | None:
        """What authenticators of this person are asked to sign, None where there is none."""
        known = [credential for _, credential in await self._credentials(tenant, person)]
        return self.authenticators.authenticate(known, bytes.fromhex(self.ids.token(32))) if known else None

    async def prove(self, tenant: TenantId, person: str, proof: Proof, state: Document | None) -> str:
        """The kind of factor that was proved. Raises Unauthorized (`bad_code`) whatever was wrong."""
        try:
            if proof.code is not None:
                return await self._prove_code(tenant, person, proof.code)
            if proof.assertion is not None and state is not None:
                return await self._prove_assertion(tenant, person, proof.assertion, state)
            if proof.recovery is not None:
                return await self._prove_recovery(tenant, person, proof.recovery)
        except Invalid as error:
            raise _bad_code() from error
        raise _bad_code()

    async def _prove_code(self, tenant: TenantId, person: str, code: str) -> str:
        for factor in await self._kind(tenant, person, "totp"):
            content = await self._open(factor)
            secret = base64.b32decode(str(content["secret"]))
            step = rfc6238.accepted_step(secret, code, self.clock.now(), factor.mark)
            if step is not None:
                await self._used(replace(factor, mark=step))
                return "totp"
        raise _bad_code()

    async def _prove_assertion(self, tenant: TenantId, person: str, answer: Document, state: Document) -> str:
        known = await self._credentials(tenant, person)
        used = self.authenticators.authenticated(state, [credential for _, credential in known], answer)
        factor = next(factor for factor, credential in known if credential.id == used.id)
        await self._used(replace(factor, mark=used.count))
        return "webauthn"

    async def _prove_recovery(self, tenant: TenantId, person: str, code: str) -> str:
        given = _digest(code.replace("-", "").replace(" ", "").casefold())
        for factor in await self._kind(tenant, person, "recovery"):
            if hmac.compare_digest(str((await self._open(factor))["hash"]), given):
                await self._used(replace(factor, used=True))
                return "recovery"
        raise _bad_code()

    async def _used(self, factor: Factor) -> None:
        async with self.store.work() as work:  # whoever comes second with the same code finds another version
            await work.change_record(factor)

    async def _kind(self, tenant: TenantId, person: str, kind: str) -> list[Factor]:
        return [one for one in await self.of(tenant, person) if one.kind == kind and not one.used]

    async def _credentials(self, tenant: TenantId, person: str) -> Sequence[tuple[Factor, Credential]]:
        found = []
        for factor in await self._kind(tenant, person, "webauthn"):
            content = await self._open(factor)
            public = base64.b64decode(str(content["public"]))
            found.append((factor, Credential(str(content["id"]), public, factor.mark)))
        return found

    async def _open(self, factor: Factor) -> Document:
        return await self.sealing.open(factor.tenant, "factor", factor.id, "sealed", factor.sealed, secret=True)

    async def _add(
        self, tenant: TenantId, person: str, kind: str, name: str, content: Document, mark: int = 0
    ) -> Factor:
        id_ = f"fac_{self.ids.token(8)}"
        sealed = await self.sealing.seal(tenant, "factor", id_, "sealed", content, secret=True)
        factor = Factor(id_, tenant, person, kind, name, sealed, self.clock.now(), mark)
        async with self.store.work() as work:
            await work.add_record(factor)
            if kind != "recovery":
                await note(work, self.clock, tenant, person, "factor.enrol", person, {"kind": kind})
        return factor


def _content(made: Credential) -> Document:
    return {"id": made.id, "public": base64.b64encode(made.public).decode()}


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _bad_code() -> Unauthorized:
    return Unauthorized("this proves nothing", code="bad_code")
