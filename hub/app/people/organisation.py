"""The organisation: groups, companies, departments, regions, stores, and which requisitions belong where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.app.people.sealing import note
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import TenantId
from hub.ports.accounts import Node, Person, Requisition, RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store
from mappings.documents import Document

KINDS = ("group", "company", "department", "region", "store")
DEEPEST, LONGEST_NAME = 12, 200


@dataclass(frozen=True, slots=True)
class Organisation:
    """The tree of a tenant. A role at a node holds for all below it."""

    store: Store
    clock: Clock
    ids: Ids

    async def tree(self, tenant: TenantId) -> list[Node]:
        """Parents before children."""
        async with self.store.look() as look:
            return sorted(await look.records(Node, tenant), key=lambda one: one.path)

    async def add(
        self, tenant: TenantId, kind: str, name: str, by: str, *, parent: str | None = None, code: str | None = None
    ) -> Node:
        """Raises Invalid (`enum`, `bad_name`, `too_deep`), NotFound for the parent."""
        if kind not in KINDS:
            raise Invalid(f"kind is one of {', '.join(KINDS)}", code="enum", at="kind")
        _must_be_name(name)
        id_ = f"org_{self.ids.token(8)}"
        async with self.store.work() as work:
            above = None if parent is None else await work.record(Node, tenant, parent)
            if parent is not None and above is None:
                raise NotFound("there is no such parent")
            path = f"{'/' if above is None else above.path}{id_}/"
            if path.count("/") - 1 > DEEPEST:
                raise Invalid(f"at most {DEEPEST} levels", code="too_many_levels", at="parent")
            node = Node(id_, tenant, parent, kind, name.strip(), path, code)
            await work.add_record(node)
            await note(work, self.clock, tenant, by, "organisation.add", id_, {"kind": kind})
        return replace(node, version=1)

    async def rename(self, tenant: TenantId, id: str, name: str, by: str) -> Node:
        """Raises NotFound, Invalid (`bad_name`)."""
        _must_be_name(name)
        async with self.store.work() as work:
            node = await work.record(Node, tenant, id)
            if node is None:
                raise NotFound("there is no such place")
            changed = await work.change_record(replace(node, name=name.strip()))
            await note(work, self.clock, tenant, by, "organisation.rename", id)
        return changed

    async def remove(self, tenant: TenantId, id: str, by: str) -> None:
        """Raises NotFound, Conflict (`not_empty`) while anything is below it or granted at it."""
        async with self.store.work() as work:
            node = await work.record(Node, tenant, id)
            if node is None:
                raise NotFound("there is no such place")
            here = [
                *await work.records(Node, tenant, parent=id),
                *await work.records(RoleGrant, tenant, path=node.path),
                *await work.records(Requisition, tenant, path=node.path),
            ]
            if here:
                raise Conflict("something is still there", code="not_empty")
            await work.drop_record(node)
            await note(work, self.clock, tenant, by, "organisation.remove", id)

    async def requisitions(self, tenant: TenantId) -> list[Requisition]:
        """By job id."""
        async with self.store.look() as look:
            return await look.records(Requisition, tenant)

    async def assign(
        self, tenant: TenantId, job: str, by: str, *, path: str = "/", members: Sequence[str] = ()
    ) -> Requisition:
        """Where a requisition belongs and who works on it; what was there before is replaced. Raises NotFound."""
        if not job or len(job) > 128 or not job.isprintable():
            raise Invalid("a job id has 1 to 128 characters", code="bad_id", at="job")
        async with self.store.work() as work:
            for member in members:
                if await work.record(Person, tenant, member) is None:
                    raise NotFound("there is no such person")
            if path != "/" and not any(one.path == path for one in await work.records(Node, tenant)):
                raise NotFound("there is no such place in the organisation")
            wanted = Requisition(job, tenant, path, tuple(sorted(set(members))))
            there = await work.record(Requisition, tenant, job)
            if there is None:
                await work.add_record(wanted)
            else:
                await work.change_record(replace(wanted, version=there.version))
            detail: Document = {"path": path, "members": [*wanted.members]}
            await note(work, self.clock, tenant, by, "requisition.assign", job, detail)
        return wanted


def _must_be_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(f"a name has 1 to {LONGEST_NAME} characters", code="bad_name", at="name")
