"""Rules to start from: each with holes for a connection or a figure, filled when it is used."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

import yaml

from hub.domain.errors import Invalid, NotFound
from hub.ports.connector import Connector
from mappings.documents import Document, Json


@dataclass(frozen=True, slots=True)
class Hole:
    """What a person fills in. `operations`: it is a connection that must offer these; else `default` is its value."""

    name: str
    label: Dict[str, str]
    operations: tuple[str, ...] = ()
    default: Json = None

    def fitting(self, connectors: Dict[str, Connector]) -> list[str]:
        """The connections (name -> connector) that could stand here."""
        return [
            name for name, one in connectors.items() if self.operations and one.operations.keys() >= {*self.operations}
        ]


@dataclass(frozen=True, slots=True)
class Template:
    """A rule with holes, in both languages."""

    id: str
    name: Dict[str, str]
    about: Dict[str, str]
    holes: tuple[Hole, ...]
    rule: Document

    def fill(self, given: Dict[str, Json]) -> Document:
        """The stored form of the rule. A connection that is not given keeps the hole's name, a figure its default.

        Raises Invalid (`unknown_hole`); whether the rule is right, `parse` says.
        """
        values = {hole.name: hole.name if hole.operations else hole.default for hole in self.holes}
        for name in given:
            if name not in values:
                raise Invalid(f"{self.id} has no {name}; it has {', '.join(values)}", code="unknown_hole", at=name)
        filled = _filled(self.rule, {**values, **given})
        return cast("Document", filled)


def _filled(value: Json, values: Dict[str, Json]) -> Json:
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    hole = value.get("hole")
    if len(value) == 1 and isinstance(hole, str):
        return values[hole]
    return {key: _filled(inner, values) for key, inner in value.items()}


@cache
def templates() -> Dict[str, Template]:
    """All templates by id."""
    folder = files("hub") / "templates"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return {file.name[:-5]: _read(file.name[:-5], yaml.safe_load(file.read_text("utf-8"))) for file in found}


def template(id: str) -> Template:
    """One template. Raises NotFound."""
    found = templates().get(id)
    if found is None:
        raise NotFound(f"there is no template {id}; `hirewire rules templates list` shows those there are")
    return found


def _read(id: str, body: Document) -> Template:
    holes = cast("dict[str, Document]", body["holes"])
    return Template(
        id=id,
        name=cast("dict[str, str]", body["name"]),
        about=cast("dict[str, str]", body["about"]),
        holes=tuple(
            Hole(
                name,
                cast("dict[str, str]", hole["label"]),
                tuple(cast("list[str]", hole.get("connection", []))),
                hole.get("default"),
            )
            for name, hole in holes.items()
        ),
        rule=cast("Document", body["rule"]),
    )
