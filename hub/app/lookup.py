"""Find candidates by e-mail address, phone, id number or an id elsewhere: exactly, by blind indexes, never by anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.app.consents import About
from hub.app.library import Library
from hub.domain.errors import Invalid, NotFound
from hub.domain.identifiers import Identifier, normal_form
from hub.domain.ids import TenantId
from hub.ports.lookup import Found
from hub.ports.store import Store
from hub.ports.vault import Place, Vault
from mappings.documents import Document, Json

LIMIT = 100
_CONTACTS = ((Identifier.EMAIL, "email", "emails"), (Identifier.PHONE, "phone", "phones"))


def index_place(tenant: TenantId, kind: Identifier, system: str = "") -> Place:
    """What a value's index is made for. `system`: whose external id it is; two systems' equal ids are two."""
    return Place(tenant, "candidate", "", f"{kind}:{system}" if kind is Identifier.EXTERNAL else kind.value)


def told_of(candidate: Document) -> Iterator[tuple[Identifier, str, str]]:
    """(kind, value, system) of everything that a candidate may be found by."""
    for kind, one, many in _CONTACTS:
        if isinstance(value := candidate.get(one), str):
            yield kind, value, ""
        for value in _list(candidate.get(many)):
            if isinstance(value, str):
                yield kind, value, ""
    person = candidate.get("person")
    for document in _list(person.get("identity_documents")) if isinstance(person, dict) else ():
        if isinstance(document, dict) and isinstance(number := document.get("number"), str):
            yield Identifier.ID_NUMBER, number, ""
    for ref in _list(candidate.get("refs")):
        if isinstance(ref, dict) and isinstance(external := ref.get("external_id"), str):
            connection = ref.get("connection")
            yield Identifier.EXTERNAL, external, connection if isinstance(connection, str) else ""


def lookups(event: About, data: Document, vault: Vault) -> tuple[Found, ...]:
    """The rows that an event adds. The tenant's keys are prepared. What is no such value is left out."""
    tenant, subject = event.tenant, event.subject
    candidate = data.get("candidate")
    if subject is None or not isinstance(candidate, dict):
        return ()
    key, found = vault.index_key(tenant), []
    for kind, value, system in told_of(candidate):
        try:
            normal = normal_form(kind, value)
        except Invalid:
            continue
        found.append(Found(tenant, vault.blind(index_place(tenant, kind, system), normal), subject, key))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Find:
    """Who has this value. What was told under a key that is being exchanged is found too."""

    store: Store
    vault: Vault
    library: Library

    async def __call__(
        self, tenant: TenantId, kind: Identifier, value: str, connection: str | None = None
    ) -> list[str]:
        """Candidates' ids, at most 100. `connection`: whose external id it is; None: anybody's.

        Raises Invalid where the value is none of its kind, NotFound where there is no such connection.
        """
        normal = normal_form(kind, value)
        await self.vault.prepare(tenant)
        if kind is not Identifier.EXTERNAL:
            blinds = self.vault.blinds(index_place(tenant, kind), normal)
            async with self.store.look() as look:
                return await look.subjects_by(tenant, blinds, LIMIT)
        there = (await self.library.book(tenant)).by_name
        if connection is not None and connection not in there:
            raise NotFound("there is no such connection")
        names = ["", *there] if connection is None else [connection]
        ids = [there[name].id for name in names if name]
        places = [index_place(tenant, kind, name) for name in names]
        async with self.store.look() as look:
            told = await look.subjects_by(
                tenant, [blind for place in places for blind in self.vault.blinds(place, normal)], LIMIT
            )
            return sorted({*told, *await look.subjects_with_ref(tenant, ids, normal, LIMIT)})[:LIMIT]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
