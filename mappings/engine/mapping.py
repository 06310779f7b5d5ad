"""A compiled mapping: documents in, documents out, and for each field where it came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings.documents import Document
from mappings.engine.closures import FieldTrace, assembled, left_over, stepper
from mappings.engine.codegen import Run, compiled
from mappings.engine.sensitivity import Schema, of_table
from mappings.engine.shape import Table, table


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping document made ready to run. `source` and `target` are what the document says it maps, for people."""

    name: str
    version: int
    source: str | None
    target: str | None
    _table: Table
    _run: Run
    _steps: tuple[Callable[[object], FieldTrace], ...]
    _rest: Callable[[Document], Document]

    def apply(self, document: Document) -> Document:
        """The target document. Copied objects and lists are shared with the source. Raises MappingFailed."""
        made = self._fast(document)
        if made is None:  # field by field is slower, and says which one
            made = assembled([(f.to, step(document)) for f, step in zip(self._table.fields, self._steps, strict=True)])
        if self._table.rest is not None and (rest := self._rest(document)):
            made[self._table.rest] = rest
        return made

    def _fast(self, document: Document) -> Document | None:
        try:
            return self._run(document)
        except Exception:  # it ends here: it may quote a value, and must not be the context of what is raised
            return None

    def trace(self, document: Document) -> list[FieldTrace]:
        """What becomes of each field, one by one, failures included: the preview. Agrees with `apply`."""
        traces = [step(document) for step in self._steps]
        if self._table.rest is not None and (rest := self._rest(document)):
            traces.append(FieldTrace(self._table.rest, rest, ("@",), "rest"))
        return traces

    def sensitivity(self, document: Document, schema: Schema) -> int:
        """The highest class of what `apply` takes from this document, by the document's schema; 0: nothing."""
        return of_table(self._table, document, schema, self._rest)

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Target path -> the source paths it is made from (none for constants)."""
        return {field.target: tuple(source.text for source in field.sources) for field in self._table.fields}


def compile_mapping(document: object) -> Mapping:
    """Check a mapping document and make it ready to run. Raises MappingFault."""
    checked = table(document)
    steps = tuple(stepper(field) for field in checked.fields)
    run, rest = compiled(checked.fields), left_over(checked)
    return Mapping(checked.name, checked.version, checked.source, checked.target, checked, run, steps, rest)
