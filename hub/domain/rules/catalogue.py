"""The fields that a rule may speak of: read from the schema of an event, with their names, types and limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from hub.domain.errors import Invalid
from hub.domain.rules.fields import UNSTATED_SENSITIVITY, Field, Fields, FieldType, FreeKeys, Option
from mappings.canonical import UnknownType, event_schema, events
from mappings.documents import Document, Json

LANGUAGES = ("en", "zh-CN")
Label = Mapping[str, str]


@dataclass(frozen=True)
class Catalogue(Fields):
    """The fields of one event type, which `label` names in each language."""

    event: str | None = None
    label: Label = field(default_factory=dict)

    @classmethod
    def of_event(cls, type: str, version: int) -> Catalogue:
        """The catalogue of a canonical event. Raises Invalid (`unknown_event`)."""
        return _of_event(type, version)

    @classmethod
    def newest(cls, type: str) -> Catalogue:
        """The catalogue of the event's newest version. Raises Invalid (`unknown_event`)."""
        return _of_event(type, max((version for name, version in events() if name == type), default=0))

    @classmethod
    def from_schema(cls, schema: Document, event: str | None = None) -> Catalogue:
        """The catalogue of a JSON Schema (2020-12, references resolved) of an object."""
        found = _fields(schema, _Above())
        return cls(found.fields, found.maps, event, _label(schema.get("x-label"), schema.get("title"), event or ""))

    def adding(self, fields: Mapping[str, Json], source: Label) -> Catalogue:
        """This catalogue and the fields (path -> JSON Schema of the value) that `source` adds to the event.

        Only an object with free keys takes fields. What is there already stays as it is; a protected word stays
        protected. Raises Invalid (`unknown_field`).
        """
        more = {path: self._added(path, schema, source) for path, schema in fields.items() if path not in self.fields}
        return replace(self, fields={**self.fields, **more}) if more else self

    def _added(self, path: str, schema: Json, source: Label) -> Field:
        free = self.find(path)
        if free is None or not isinstance(schema, dict):
            raise Invalid(f"{path} is no place where {self.event} takes fields", code="unknown_field", at=path)
        own = _label(schema.get("x-label"), schema.get("title"), path.rpartition(".")[2])
        label = {language: _nested((source[language], own[language]), language) for language in LANGUAGES}
        above = _Above((label,), free.sensitivity).down({**schema, "x-label": dict(label)}, path)
        return self.guarded(_field(schema, path, above), *own.values())


@cache
def _of_event(type: str, version: int) -> Catalogue:
    try:
        return Catalogue.from_schema(event_schema(type, version), type)
    except UnknownType as error:
        said = f"there is no event {type}" + (f" in version {version}" if version else "")
        raise Invalid(said, code="unknown_event") from error


@dataclass(frozen=True, slots=True)
class _Above:
    """What a field has from the objects around it: labels from the outside in, sensitivity, usability."""

    labels: tuple[Label, ...] = ()
    sensitivity: int | None = None
    usable: bool = True

    def down(self, schema: Document, name: str) -> _Above:
        sensitivity = schema.get("x-sensitivity")
        return _Above(
            (*self.labels, _label(schema.get("x-label"), schema.get("title"), name)),
            sensitivity if isinstance(sensitivity, int) else self.sensitivity,
            self.usable and schema.get("x-usable-in-rules") is not False,
        )


class _Reader:
    """Collects the fields of a schema."""

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.maps: dict[str, FreeKeys] = {}
        self.labels: dict[str, tuple[Label, ...]] = {}

    def object(self, schema: Document, steps: tuple[str, ...], above: _Above) -> None:
        properties = schema.get("properties")
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            if isinstance(inner, dict):
                self.property(inner, (*steps, name), above.down(inner, name))
        free = schema.get("additionalProperties")
        if isinstance(free, dict) and steps and _type(free) is not FieldType.OBJECTS and "properties" not in free:
            names = schema.get("propertyNames")
            pattern = names.get("pattern") if isinstance(names, dict) else None
            path = ".".join(steps)
            value = _field(free, f"{path}.*", above.down(free, steps[-1]))
            self.maps[path] = FreeKeys(value, {}, pattern if isinstance(pattern, str) else None)
            self.labels[path] = above.labels

    def property(self, schema: Document, steps: tuple[str, ...], above: _Above) -> None:
        if _kinds(schema) == {"object"}:
            self.object(schema, steps, above)
            return
        path = ".".join(steps)
        self.fields[path] = _field(schema, path, above)
        self.labels[path] = above.labels


def _fields(schema: Document, above: _Above) -> Fields:
    reader = _Reader()
    reader.object(schema, (), above)
    names = {language: _unique(reader.labels, language) for language in LANGUAGES}
    fields = {
        path: replace(found, label={language: names[language][path] for language in LANGUAGES})
        for path, found in reader.fields.items()
    }
    maps = {
        path: replace(free, label={language: names[language][path] for language in LANGUAGES})
        for path, free in reader.maps.items()
    }
    return Fields(fields, maps)


def _unique(labels: Mapping[str, tuple[Label, ...]], language: str) -> dict[str, str]:
    """Each field's own name; where another has the same, with the names around it: `Score (Resume match)`."""
    chains = {path: tuple(label[language] for label in chain) for path, chain in labels.items()}
    namesakes: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for chain in chains.values():
        namesakes[chain[-1]].append(chain)
    return {path: _shortest(chain, namesakes[chain[-1]], language) for path, chain in chains.items()}


def _shortest(chain: tuple[str, ...], namesakes: list[tuple[str, ...]], language: str) -> str:
    for depth in range(1, len(chain)):
        if sum(other[-depth:] == chain[-depth:] for other in namesakes) == 1:
            return _nested(chain[-depth:], language)
    return _nested(chain, language)


def _nested(chain: tuple[str, ...], language: str) -> str:
    *around, own = chain
    if not around:
        return own
    return f"{own} ({', '.join(around)})" if language == "en" else f"{own}（{'·'.join(around)}）"


def _field(schema: Document, path: str, above: _Above) -> Field:
    type = _type(schema)
    item = schema.get("items")
    of = items = None
    valued, sensitivity, usable = schema, above.sensitivity, above.usable
    if type in (FieldType.LIST, FieldType.OBJECTS) and isinstance(item, dict):
        inner = above.down(item, path)
        sensitivity, usable, valued = inner.sensitivity, inner.usable, item
        if type is FieldType.OBJECTS:
            items = _fields(item, _Above((), sensitivity, usable))
            usable = any(inside.usable for inside in items.fields.values())
            sensitivity = max((inside.sensitivity for inside in items.fields.values()), default=sensitivity)
        else:
            of = _type(item)
    return Field(
        path,
        type,
        above.labels[-1],
        _text(valued.get("x-unit")),
        _options(valued),
        UNSTATED_SENSITIVITY if sensitivity is None else sensitivity,
        usable,
        _number(valued.get("minimum")),
        _number(valued.get("maximum")),
        of,
        items,
    )


def _kinds(schema: Document) -> set[str]:
    kind = schema.get("type")
    kinds = (
        {kind}
        if isinstance(kind, str)
        else {k for k in kind if isinstance(k, str)}
        if isinstance(kind, list)
        else set()
    )
    if not kinds and "properties" in schema:
        return {"object"}
    return kinds - {"null"}


def _type(schema: Document) -> FieldType:
    kinds = _kinds(schema)
    if "enum" in schema:
        return FieldType.OPTION
    if len(kinds) != 1:
        return FieldType.ANY
    match kinds.pop():
        case "array":
            item = schema.get("items")
            return FieldType.OBJECTS if isinstance(item, dict) and _kinds(item) == {"object"} else FieldType.LIST
        case "number":
            return FieldType.NUMBER
        case "integer":
            return FieldType.INTEGER
        case "boolean":
            return FieldType.BOOL
        case "string":
            formats = {"date": FieldType.DATE, "date-time": FieldType.DATETIME, "duration": FieldType.DURATION}
            return formats.get(_text(schema.get("format")) or "", FieldType.TEXT)
        case _:
            return FieldType.ANY


def _options(schema: Document) -> tuple[Option, ...]:
    values = schema.get("enum")
    labels = schema.get("x-options")
    named = labels if isinstance(labels, dict) else {}
    listed = values if isinstance(values, list) else []
    return tuple(
        Option(value, _label(named.get(str(value)), None, str(value))) for value in listed if value is not None
    )


def _label(label: Json, title: Json, name: str) -> dict[str, str]:
    known = label if isinstance(label, dict) else {}
    fallback = title if isinstance(title, str) else name
    return {language: _text(known.get(language)) or fallback for language in LANGUAGES}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Json) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
