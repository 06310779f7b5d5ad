"""The table as Python source: every path read once, simple functions written out.

The source holds only names that we number (`v3`, `k7`, `f2`) and whole numbers; everything that comes from the mapping
document is a constant, handed over as a default argument. So no text of a document is ever part of the source.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import cast

from mappings.documents import Document, Json, Missing
from mappings.engine.closures import calls, gate
from mappings.engine.functions.numbers import LARGEST, MS, line, places_of
from mappings.engine.functions.scalars import capped, copied, template_pieces, text_of
from mappings.engine.shape import Field
from mappings.engine.sources import MAX_ITEMS, Find, Steps, index

Run = Callable[[Document], Document]


def compiled(fields: tuple[Field, ...]) -> Run:
    """A fast function from document to document. It raises whatever a function raises: the caller finds out which field."""
    writer = _Writer()
    source = writer.function(fields)
    namespace: dict[str, object] = {f"d{number}": value for number, value in enumerate(writer.constants)}
    exec(compile(source, "<mapping>", "exec"), namespace)  # noqa: S102 - our own numbered names only, see above
    return cast("Run", namespace["run"])


def source_of(fields: tuple[Field, ...]) -> str:
    """The Python source that `compiled` runs, for tests and the curious."""
    return _Writer().function(fields)


class _Required(ValueError):
    """A required field has no value."""


class _Writer:
    def __init__(self) -> None:
        self.constants: list[object] = []
        self.names: dict[object, str] = {}
        self.reads: dict[object, str] = {}
        self.lines: list[str] = []
        self.objects: dict[tuple[str, ...], str] = {(): "o0"}
        self.surely = {"v0"}  # names that always hold an object
        self.numbered = 0

    def function(self, fields: tuple[Field, ...]) -> str:
        for field in fields:
            self.field(field)
        close: list[str] = []
        for path in sorted(self.objects, key=len, reverse=True):
            if path:
                name, parent = self.objects[path], self.objects[path[:-1]]
                close.append(f" if {name}: {parent}[{self.constant(path[-1])}]={name}")
        start = [f" {name}={{}}" for name in self.objects.values()]
        arguments = "".join(f",k{number}=d{number}" for number in range(len(self.constants)))
        return "\n".join([f"def run(v0{arguments}):", *start, *self.lines, *close, " return o0", ""])

    def constant(self, value: object) -> str:
        key = (value.__class__, value) if isinstance(value, str | int | type) else id(value)
        if key not in self.names:
            self.names[key] = f"k{len(self.constants)}"
            self.constants.append(value)
        return self.names[key]

    def new(self, letter: str) -> str:
        self.numbered += 1
        return f"{letter}{self.numbered}"

    def object_at(self, path: tuple[str, ...]) -> str:
        if path not in self.objects:
            self.object_at(path[:-1])
            self.objects[path] = self.new("o")
        return self.objects[path]

    def read(self, steps: tuple[str | int | Find, ...]) -> str:
        """The name that holds the value at the steps, read where it is first wanted; None is nothing."""
        name = "v0"
        for number, step in enumerate(steps):
            if isinstance(step, Find):
                name = self.once((name, step.by, "index"), self.indexed(name, step.by))
                key = self.constant(step.equals)
                if number + 1 < len(steps) and isinstance(steps[number + 1], str):
                    found = f"{name}.get({key},{self.constant(_NOTHING)})"  # an index holds only objects
                    name = self.once((name, key, dict), found)
                    self.surely.add(name)
                else:
                    name = self.once((name, key), f"{name}.get({key})")
            elif isinstance(step, int):
                is_list = f"{name}.__class__ is {self.constant(list)}"
                name = self.once((name, int, step), f"{name}[{step}] if {is_list} and len({name})>{step} else None")
            else:
                name = self.once((name, str, step), f"{self.as_object(name)}.get({self.constant(step)})")
        return name

    def as_object(self, name: str) -> str:
        """The name of the value where it is an object, else of an empty one; the document itself always is one."""
        if name in self.surely:
            return name
        expression = f"{name} if {name}.__class__ is {self.constant(dict)} else {self.constant(_NOTHING)}"
        return self.once((name, dict), expression)

    def indexed(self, name: str, by: Steps) -> str:
        key = ("index", by)
        if key not in self.names:
            self.names[key] = self.constant(index(by))
        return f"{self.names[key]}({name})"

    def once(self, key: object, expression: str) -> str:
        if key not in self.reads:
            self.reads[key] = self.new("v")
            self.lines.append(f" {self.reads[key]}={expression}")
        return self.reads[key]

    def field(self, field: Field) -> None:
        names = [self.read(source.steps) for source in field.sources]
        indent = " "
        guard = gate(field)
        if guard is not None and field.when is not None:
            seen = self.read(field.when.source.steps)
            self.lines.append(f" if {self.constant(guard)}({seen}):")
            indent = "  "
        slot = f"{self.object_at(field.to[:-1])}[{self.constant(field.to[-1])}]"
        self.lines.extend(indent + line for line in self.assign(field, names, slot))

    def assign(self, field: Field, names: list[str], slot: str) -> list[str]:
        if field.fn == "copy" and self.is_bare(field) and isinstance(field.default, Missing) and not field.required:
            name, made = names[0], self.expression(field, names)
            return [f"if {name} is not None: {slot}={made}"]
        made = self.expression(field, names)
        if field.fn == "const" and (field.then is None or field.params["value"] is None):
            return [f"{slot}={made}"]
        lines, result = ([], made) if made.isidentifier() else ([f"r={made}"], "r")
        if not isinstance(field.default, Missing):
            other = self.given(field.default)
            return [*lines, f"{slot}={result} if {result} is not None else {other}"]
        lines.append(f"if {result} is not None: {slot}={result}")
        if field.required:
            lines.append(f"else: raise {self.constant(_Required)}")
        return lines

    def is_bare(self, field: Field) -> bool:
        """Nothing around the function: no conversion after it, no leniency."""
        return field.then is None and not field.lenient

    def given(self, value: Json) -> str:
        """A constant, copied each time where it could be changed."""
        if isinstance(value, dict | list):
            return f"{self.constant(lambda: copied(value))}()"
        return "None" if value is None else self.constant(value)

    def expression(self, field: Field, names: list[str]) -> str:
        if field.fn == "const" and field.then is None and not field.lenient:
            return self.given(field.params["value"])
        function = self.constant(calls(field, compiled))
        call = f"{function}({','.join(names)})"
        if not names or not self.is_bare(field):
            return call
        return self.written_out(field, names, call) or call

    def written_out(self, field: Field, names: list[str], call: str) -> str | None:
        """The common case of a simple function as an expression; all other cases go to the function itself."""
        name = names[0]
        is_text = f"{name}.__class__ is {self.constant(str)}"
        match field.fn:
            case "copy":
                return f"{name} if {is_text} or {name}.__class__ in {self.constant(_SINGLE)} else {call}"
            case "count" if not {"by", "take", "limit"} & field.params.keys():
                is_list = f"{name}.__class__ is {self.constant(list)}"
                return f"len({name})-{name}.count(None) if {is_list} and len({name})<={MAX_ITEMS} else {call}"
            case "text":
                return f"{name} if {is_text} else {call}"
            case "ext_id":
                return f"{name} if {is_text} and 0<len({name})<256 else {call}"
            case "coalesce":
                return f"{name} if {name}.__class__ in {self.constant(_VALUED)} else {call}"
            case "localized":
                wanted = names[1]
                return f"{wanted} if {wanted}.__class__ is {self.constant(str)} else {call}"
            case "template":
                return self.put_together(field, names, call)
            case "lower" | "upper":
                return f"{name}.{'lower' if field.fn == 'lower' else 'upper'}() if {is_text} else {call}"
            case "enum":
                return self.looked_up(field, name, is_text, call)
            case "flag":
                return self.compared(field, name, is_text, call)
            case "number" | "integer" | "duration":
                return self.scaled(field, name, call)
            case _:
                return None

    def looked_up(self, field: Field, name: str, is_text: str, call: str) -> str | None:
        table = field.params["table"]
        assert isinstance(table, dict)
        held = self.constant(table)
        match field.params.get("unknown", "error"):
            case "error":
                return f"{held}[{name}] if {is_text} else {call}"
            case "keep":
                return f"{held}.get({name},{self.constant('other')}) if {is_text} else {call}"
            case _:
                return f"{held}.get({name}) if {is_text} else {call}"

    def put_together(self, field: Field, names: list[str], call: str) -> str:
        pieces, said = template_pieces(str(field.params["template"])), self.constant(text_of)
        parts: list[str] = []
        given = iter(names)
        for literal, path, _ in pieces:
            if literal:
                parts.append(self.constant(literal))
            if path is not None:
                name = next(given)
                parts.append(f"({name} if {name}.__class__ is {self.constant(str)} else {said}({name}))")
        there = " and ".join(f"{name} is not None" for name in names)
        return f"{self.constant(capped)}({'+'.join(parts)}) if {there} else {call}"

    def compared(self, field: Field, name: str, is_text: str, call: str) -> str | None:
        if field.params.get("present"):
            return f"{name} is not None"
        wanted = field.params.get("equals")
        if isinstance(wanted, str) and not {"in", "at_least", "at_most", "present"} & field.params.keys():
            return f"{name}=={self.constant(wanted)} if {is_text} else {call}"
        return None

    def scaled(self, field: Field, name: str, call: str) -> str | None:
        """Whole numbers from 0 on, rounded half up in whole-number arithmetic: (2an + b) // 2b."""
        slope, offset = line({} if field.fn == "integer" else field.params)
        places = 0 if field.fn == "integer" else places_of(field.params)
        if field.fn == "duration":
            output = str(field.params.get("output", "s"))
            slope = Fraction(MS[str(field.params.get("unit", "ms"))], MS.get(output, 1))
            places = places if output in MS else None
        if places is None or slope < 0 or offset < 0 or {"min", "max"} & field.params.keys():
            return None
        if slope * LARGEST + offset > LARGEST**2:
            return None
        bottom = Fraction(1, slope.denominator * offset.denominator)
        by, plus = int(slope / bottom) * 2 * 10**places, int(offset / bottom) * 2 * 10**places
        half = bottom.denominator
        tail = f"/{10**places}" if places else ""
        whole = f"({name}*{by}+{plus + half})//{2 * half}{tail}"
        return f"{whole} if {name}.__class__ is {self.constant(int)} and 0<={name}<={LARGEST} else {call}"


_NOTHING: dict[str, Json] = {}  # only ever read
_VALUED = frozenset({str, int, float, bool})
_SINGLE = frozenset({str, int, float, bool, type(None)})
