"""The clauses of a rule in words, by their ids: for tables in which each has a line of its own."""

from __future__ import annotations

from hub.app.fieldbook import Fieldbook
from hub.domain.rules import parse
from hub.domain.rules.tree import Clause, Each, nodes
from hub.domain.rules.wording import Language, predicate
from mappings.documents import Document


def clause_words(stored: Document, fields: Fieldbook, language: Language) -> dict[str, str]:
    """`Communication is at least 80`, `沟通能力≥80`; a condition over a list is named by its list."""
    catalogue = fields(stored)
    words = {}
    for node in nodes(parse(stored).when):
        if not isinstance(node, Clause | Each):
            continue
        field = catalogue.find(node.field)
        name = node.field if field is None else field.label[language]
        said = predicate(node.op, node.value, field, language) if isinstance(node, Clause) else ""
        words[node.id] = f"{name} {said}".strip() if language == "en" else f"{name}{said}"
    return words
