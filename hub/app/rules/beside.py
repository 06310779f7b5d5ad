"""What speaks for caution before a rule comes into force: the rules beside it, and what is odd about its own condition."""

from __future__ import annotations

from typing import Literal, TypeAlias

from hub.app.checks import once_only
from hub.app.fieldbook import Fieldbook
from hub.domain.errors import Conflict
from hub.domain.ids import TenantId
from hub.domain.rules import Overlap, compile_rule, overlap_line, overlaps, parse, remark_line, remarks
from hub.ports.connector import Catalog, Connector
from hub.ports.store import Work
from mappings.documents import Document

Language: TypeAlias = Literal["en", "zh-CN"]


async def beside(work: Work, catalog: Catalog, tenant: TenantId, name: str, stored: Document) -> list[Overlap]:
    """The rules in force that may fire on the same event as this one, with what both would do."""
    others = {
        rule.name: compile_rule(parse(rule.live.body))
        for rule in await work.rules(tenant)
        if rule.live is not None and rule.name != name
    }
    return overlaps(compile_rule(parse(stored)), others, once_only(await _connected(work, catalog, tenant)))


async def must_not_overlap(work: Work, catalog: Catalog, tenant: TenantId, name: str, stored: Document) -> None:
    """Raises Conflict (`overlap`) where this rule and one in force would both do what nobody can tell was done before."""
    unsafe = once_only(await _connected(work, catalog, tenant), modes=("none_manual_review",))
    if not unsafe:
        return
    against = [one for one in await beside(work, catalog, tenant, name, stored) if not unsafe.isdisjoint(one.twice)]
    if against:
        raise Conflict(" ".join(overlap_line(one, "en") for one in against), code="overlap")


async def cautions(
    work: Work, catalog: Catalog, tenant: TenantId, name: str, stored: Document, language: Language = "en"
) -> list[str]:
    """Sentences for whoever saves the rule: what may be done twice, and conditions that can never hold or say nothing."""
    found = await beside(work, catalog, tenant, name, stored)
    lines = [overlap_line(one, language) for one in found if one.shared]
    return lines + [remark_line(one, language) for one in remarks(parse(stored).when, Fieldbook(catalog)(stored))]


async def _connected(work: Work, catalog: Catalog, tenant: TenantId) -> dict[str, Connector]:
    """The connector behind each connection, by the connection's name."""
    return {one.name: catalog.get(one.connector) for one in await work.connections(tenant)}
