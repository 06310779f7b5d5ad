"""The schema files: found by name and version, with references resolved."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import cast

from mappings.canonical.faults import UnknownType
from mappings.documents import Document, Json


@cache
def events() -> tuple[tuple[str, int], ...]:
    """All event types with their versions, sorted."""
    return _listed(_folder() / "events")


@cache
def types() -> tuple[tuple[str, int], ...]:
    """All canonical types (candidate, job, money...) with their versions, sorted."""
    return _listed(_folder())


def schema(name: str, version: int = 1) -> Document:
    """The schema of a canonical type, references resolved; a fresh copy. Raises UnknownType."""
    if (name, version) not in _types():
        raise UnknownType("no such canonical type or version")
    return deepcopy(_resolved("", name, version))


def event_schema(type: str, version: int) -> Document:
    """The schema of an event's data, references resolved; a fresh copy. Raises UnknownType."""
    return deepcopy(shared_event_schema(type, version))


def shared_event_schema(type: str, version: int) -> Document:
    """`event_schema` without the copy: for readers that change nothing."""
    if (type, version) not in _events():
        raise UnknownType("no such event type or version")
    return _resolved("events", type, version)


@cache
def _types() -> frozenset[tuple[str, int]]:
    return frozenset(types())


@cache
def _events() -> frozenset[tuple[str, int]]:
    return frozenset(events())


def _folder() -> Traversable:
    return files("mappings.canonical")


def _listed(folder: Traversable) -> tuple[tuple[str, int], ...]:
    stems = (entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
    return tuple(sorted((stem.rpartition(".")[0], int(stem.rpartition(".")[2])) for stem in stems))


@cache
def _resolved(folder: str, name: str, version: int) -> Document:
    source = _folder() / folder / f"{name}.{version}.json" if folder else _folder() / f"{name}.{version}.json"
    document = cast("Document", json.loads(source.read_text(encoding="utf-8")))
    return {key: _inlined(value) for key, value in document.items() if key not in ("$schema", "$id")}


def _inlined(value: Json) -> Json:
    """`value` with each `$ref` replaced by what it names; words beside the `$ref` win over those inside."""
    if isinstance(value, list):
        return [_inlined(item) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return {key: _inlined(item) for key, item in value.items()}
    name, _, version = reference.removesuffix(".json").rpartition(".")
    own = {key: _inlined(item) for key, item in value.items() if key != "$ref"}
    return {**_resolved("", name, int(version)), **own}
