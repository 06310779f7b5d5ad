"""The fields that rules may speak of here: those of the canonical events, and what the connectors add to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue, parse, sentence
from hub.domain.rules.catalogue import LANGUAGES
from hub.ports.connector import Catalog, Connector
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Fieldbook:
    """Whoever names a field, asks here: so a field has one name wherever it is shown."""

    catalog: Catalog
    _known: dict[str, Catalogue] = field(default_factory=dict, repr=False)

    def __call__(self, stored: Document) -> Catalogue:
        """The fields of a stored rule's event. Raises Invalid where the trigger names no event."""
        return self.on(trigger_of(stored))

    def on(self, event: str) -> Catalogue:
        """The fields of an event type. Raises Invalid (`unknown_type`)."""
        if event not in self._known:
            self._known[event] = catalogue_on(event, [self.catalog.get(name) for name in self.catalog.names()])
        return self._known[event]

    def sentence(self, stored: Document, language: str) -> str:
        """A stored rule as a sentence."""
        return sentence(parse(stored), self(stored), language, self.on)

    def sentences(self, stored: Document) -> dict[str, str]:
        """The same in every language."""
        return {language: self.sentence(stored, language) for language in LANGUAGES}


def trigger_of(stored: Document) -> str:
    """The event that a stored rule waits for. Raises Invalid (`missing`)."""
    trigger = stored.get("trigger")
    name = trigger.get("event") if isinstance(trigger, dict) else None
    if not isinstance(name, str):
        raise Invalid("a rule names the event it waits for", code="missing", at="trigger.event")
    return name


def catalogue_on(event: str, connectors: Iterable[Connector]) -> Catalogue:
    """The field catalogue of an event type with what these connectors' reports add. Raises Invalid (`unknown_type`)."""
    try:
        catalogue = Catalogue.newest(event)
    except Invalid as error:
        raise Invalid(str(error), code="unknown_type", at="trigger.event") from error
    for connector in {connector.name: connector for connector in connectors}.values():
        catalogue = catalogue.adding(connector.adds.get(event, {}), connector.label)
    return catalogue
