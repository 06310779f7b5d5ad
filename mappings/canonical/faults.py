"""How a document can be wrong, in words that never repeat its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_CODES = {
    "required": "missing",
    "type": "type",
    "enum": "enum",
    "const": "enum",
    "minimum": "range",
    "maximum": "range",
    "exclusiveMinimum": "range",
    "exclusiveMaximum": "range",
    "multipleOf": "range",
    "additionalProperties": "unknown_field",
    "unevaluatedProperties": "unknown_field",
    "maxLength": "too_long",
    "maxItems": "too_long",
    "maxProperties": "too_long",
    "minLength": "too_short",
    "minItems": "too_short",
    "minProperties": "too_short",
    "pattern": "format",
    "format": "format",
    "propertyNames": "bad_name",
    "uniqueItems": "repeated",
}
_WORDS = {
    "missing": "is required and not there",
    "type": "has the wrong type",
    "enum": "is not one of the allowed values",
    "range": "is outside the allowed range",
    "unknown_field": "is not a field of this type",
    "too_long": "is larger than allowed",
    "too_short": "is smaller than allowed",
    "format": "does not have the wanted form",
    "bad_name": "has a field whose name is not allowed",
    "repeated": "has repeated items",
    "too_deep": "is nested too deeply",
    "not_json": "holds something that JSON cannot say",
    "unfit": "does not fit the schema",
}

Path = tuple[str | int, ...]
Finding = tuple[Path, str]


class Unfit(ValueError):
    """A document that does not fit its schema.

    `at` is the place (`data.report.overall.score`), `code` is stable: missing, type, enum, range, unknown_field,
    too_long, too_short, format, bad_name, repeated, too_deep, not_json, unfit. The message never repeats a value.
    """

    def __init__(self, at: str, code: str, wanted: str | None = None) -> None:
        super().__init__(f"{at} {_WORDS[code]}" + (f" (wanted: {wanted})" if wanted else ""))
        self.at = at
        self.code = code
        self.wanted = wanted

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unfit) and (self.at, self.code) == (other.at, other.code)

    def __hash__(self) -> int:
        return hash((self.at, self.code))


class UnknownType(LookupError):
    """There is no schema of this name and version."""


def code_of(keyword: str) -> str:
    """The stable code of a JSON Schema keyword that failed."""
    return _CODES.get(keyword, "unfit")


def place(root: str, path: Sequence[str | int]) -> str:
    """`data.answers.0.score`; a step too long to be one of ours, or with odd characters, is shown as `?`."""
    return ".".join((root, *(_shown(step) for step in path)))


def _shown(step: str | int) -> str:
    if isinstance(step, int):
        return str(step)
    plain = len(step) <= 64 and step.isascii() and all(c.isalnum() or c in "_-:" for c in step)
    return step if plain and step else "?"


def first(findings: Iterable[Finding]) -> Finding:
    """The finding that comes first by place, then by code: the same whoever found them."""
    return min(findings, key=lambda found: ([f"{s:09}" if isinstance(s, int) else s for s in found[0]], found[1]))
