"""The table as plain functions, one field at a time: what preview shows and the compiled code must agree with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mappings.documents import MISSING, Document, Json, Missing
from mappings.engine.faults import MappingFailed, Unmappable
from mappings.engine.functions import FUNCTIONS, Call
from mappings.engine.functions.lists import mapped
from mappings.engine.functions.scalars import copied
from mappings.engine.shape import Field, Table
from mappings.engine.sources import Find, Source, read

Items = Callable[[tuple[Field, ...]], Callable[[Document], Document]]


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """What became of one field. `value` is MISSING where nothing is written; `note` says why:
    absent, skipped (its gate is shut), default, or failed:<code>."""

    to: str
    value: Json | Missing
    sources: tuple[str, ...]
    fn: str
    note: str | None = None


def calls(field: Field, items: Items) -> Call:
    """The field's function with its conversion; `items` makes the function for nested tables."""
    call = mapped(field.params, items(field.nested)) if field.fn == "map" else FUNCTIONS[field.fn](field.params)
    if field.then is not None:
        call = _after(call, FUNCTIONS[field.then]({}))
    return _lenient(call) if field.lenient else call


def gate(field: Field) -> Call | None:
    """The field's gate: True lets it through."""
    return None if field.when is None else FUNCTIONS["flag"](field.when.flag)


def stepper(field: Field) -> Callable[[object], FieldTrace]:
    """A function that makes the field alone and says how it went; never raises for a bad document."""
    call, guard = calls(field, plain), gate(field)
    sources = tuple(source.text for source in field.sources)

    def trace(document: object) -> FieldTrace:
        def said(value: Json | Missing, note: str | None) -> FieldTrace:
            return FieldTrace(field.target, value, sources, field.fn, note)

        try:
            if guard is not None and field.when is not None and not guard(_value(document, field.when.source.steps)):
                return said(MISSING, "skipped")
            made = call(*(_value(document, source.steps) for source in field.sources))
        except (Unmappable, MappingFailed) as error:  # the second from a table inside this field
            return said(MISSING, f"failed:{error.code}")
        except (ValueError, TypeError, ArithmeticError, RecursionError, LookupError):
            return said(MISSING, "failed:bad_value")
        # null is what a constant may say; null out of a conversion that dropped the constant is nothing
        if made is not None or (field.fn == "const" and (field.then is None or field.params["value"] is None)):
            return said(made, None)
        if not isinstance(field.default, Missing):
            return said(copied(field.default), "default")
        return said(MISSING, "failed:required" if field.required else "absent")

    return trace


def plain(fields: tuple[Field, ...]) -> Callable[[Document], Document]:
    """The fields as one function from document to document, by closures. Raises MappingFailed."""
    steps = [(field.to, stepper(field)) for field in fields]

    return lambda document: assembled([(to, step(document)) for to, step in steps])


def assembled(traces: list[tuple[tuple[str, ...], FieldTrace]]) -> Document:
    """The document that the traces say. Raises MappingFailed for the first that failed."""
    made: Document = {}
    for to, trace in traces:
        if trace.note is not None and trace.note.startswith("failed:"):
            raise MappingFailed(trace.to, trace.note.removeprefix("failed:"))
        if not isinstance(trace.value, Missing):
            put(made, to, trace.value)
    return made


def put(document: Document, to: tuple[str, ...], value: Json) -> None:
    """Set `value` at the target, making the objects on the way."""
    inside = document
    for name in to[:-1]:
        below = inside.setdefault(name, {})
        assert isinstance(below, dict)
        inside = below
    inside[to[-1]] = value


def left_over(table: Table) -> Callable[[Document], Document]:
    """The top-level fields of a source document that no field reads."""
    read_names = {source.steps[0] if source.steps else None for source in all_sources(table.fields)}
    if None in read_names:  # a field reads the document as a whole
        return lambda document: {}
    return lambda document: {name: value for name, value in document.items() if name not in read_names}


def all_sources(fields: tuple[Field, ...]) -> list[Source]:
    """Every source of the fields, gates included."""
    gates = [field.when.source for field in fields if field.when is not None]
    return [*(source for field in fields for source in field.sources), *gates]


def _value(document: object, steps: tuple[str | int | Find, ...]) -> Json:
    value = read(document, steps)
    return None if isinstance(value, Missing) else value


def _after(call: Call, then: Call) -> Call:
    return lambda *values: then(call(*values))


def _lenient(call: Call) -> Call:
    def lenient(*values: Json) -> Json:
        try:
            return call(*values)
        except (ValueError, TypeError, ArithmeticError, RecursionError, LookupError):
            return None

    return lenient
