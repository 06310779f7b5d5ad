"""Any document against any schema: every fault, for the people who author configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]  # it ships no types

from mappings.canonical.faults import code_of
from mappings.documents import Document

Problem = tuple[str, str, str]


def problems(schema: Document, document: object) -> list[Problem]:
    """Every fault as (at, code, message), by place. `$ref` may point inside the schema only.

    For authored files (manifests, settings, rules): messages name fields and the schema's own demands, never a value.
    """
    found: set[Problem] = set()
    for error in Draft202012Validator(cast("dict[str, Any]", schema)).iter_errors(document):
        for leaf in _leaves(error):
            found.update(_told(leaf))
    return sorted(found)


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The faults inside the branch of a choice that the author most likely meant: the one that fails deepest."""
    if error.validator not in ("oneOf", "anyOf") or not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for below in error.context:
        branches.setdefault(below.relative_schema_path[0], []).append(below)
    deepest = max(branches.values(), key=lambda faults: max(len(fault.absolute_path) for fault in faults))
    if all(len(fault.absolute_path) == len(error.absolute_path) for fault in deepest):
        yield error
        return
    for below in deepest:
        yield from _leaves(below)


def _told(error: ValidationError) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    match error.validator:
        case "required":
            for name in error.validator_value:
                if name not in error.instance:
                    yield _at((*path, name)), "missing", f"{name} is required"
        case "additionalProperties":
            known = error.schema.get("properties", {})
            for name in error.instance:
                if name not in known:
                    yield _at((*path, name)), "unknown_field", f"{name} is not a field here"
        case None | "not":
            yield _at(path), "not_allowed", "this field is not allowed here"
        case "type" | "enum" | "const" | "pattern" | "minimum" | "maximum" | "format":
            yield _at(path), code_of(error.validator), f"wanted {error.validator} {error.validator_value}"
        case "oneOf" | "anyOf":
            wanted = [" and ".join(branch.get("required", ["another form"])) for branch in error.validator_value]
            yield _at(path), "choice", f"exactly one is wanted of: {', '.join(wanted)}"
        case keyword:
            yield _at(path), code_of(str(keyword)), f"does not satisfy {keyword}"


def _at(path: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in path)
