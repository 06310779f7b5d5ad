"""A rule as a decision table, and a decision table as the next draft of a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hub.app.fieldbook import Fieldbook
from hub.app.rules.lifecycle import Lifecycle
from hub.domain.errors import Invalid
from hub.domain.ids import TenantId
from hub.domain.rules import Catalogue, Table, dump, from_table, grid, parse, to_table, told_like
from hub.domain.rules.tree import Condition
from hub.domain.rules.wording import Language
from hub.ports.rules import Rule, RuleRevision

Read = Callable[[Catalogue], Table]


@dataclass(frozen=True, slots=True)
class TableView:
    """A revision as a table."""

    revision: RuleRevision
    table: Table
    catalogue: Catalogue

    def grid(self, language: Language) -> list[list[str]]:
        """In words: a line of heads, then one for each row."""
        return grid(self.table, self.catalogue, language)


@dataclass(frozen=True, slots=True)
class RuleTables:
    """Both ways. The table is a view on the condition tree: nothing else of the rule is in it, and nothing else changes."""

    lifecycle: Lifecycle
    fields: Fieldbook

    async def view(self, tenant: TenantId, name: str, number: int | None = None) -> TableView:
        """The latest revision without a number. Raises NotFound, Invalid (`not_a_table`) naming what does not fit."""
        _, revision = await self.lifecycle.numbered(tenant, name, number)
        return TableView(revision, to_table(parse(revision.body).when), self.fields(revision.body))

    async def draft(self, tenant: TenantId, name: str, read: Read, by: str, reason: str | None = None) -> Rule:
        """The table as the conditions of the next revision; an unchanged table keeps the revision.

        Raises NotFound, Invalid with the row or line that is wrong.
        """
        stored = (await self.lifecycle.rule(tenant, name)).latest.body
        body = parse(stored)
        old = _table_or_none(body.when)
        new = told_like(read(self.fields(stored)), old or Table(()))
        if new != old:
            stored = {**stored, "when": dump(replace(body, when=from_table(new)))["when"]}
        return await self.lifecycle.draft(tenant, name, stored, by, reason)


def _table_or_none(when: Condition | None) -> Table | None:
    try:
        return to_table(when)
    except Invalid:
        return None
