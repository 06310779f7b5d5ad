"""A connector's folder as values, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a connector. `where` is folder, file and place; `code` is stable."""

    where: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Folder:
    """What a connector's folder holds. Mappings are by `name@version`, templates by name and language."""

    name: str
    manifest: Document
    mappings: Mapping[str, Document] = field(default_factory=dict)
    templates: Mapping[str, Mapping[str, Document]] = field(default_factory=dict)
    samples: tuple[tuple[str, Document], ...] = ()  # file name with the number of the case -> the case
    readme: str = ""
    code: bool = False  # there is a connector.py
