"""Reads a connector's folder into values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from typing import Any, cast

import yaml

from hub.domain.errors import Invalid
from hub.sdk.folder import Folder
from mappings.documents import Document

_LARGEST = 1_000_000  # bytes of one file
_NO_DATES = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # in C, where the wheel has it
    """YAML as JSON values: dates stay texts, and a key that is said twice is an error."""

    yaml_implicit_resolvers = _NO_DATES

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{repeated} is there twice", node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def read_folder(root: Traversable) -> Folder:
    """The folder's values. Raises Invalid (`no_manifest`, `bad_yaml`, `bad_file`) that names the file."""
    name = root.name
    manifest = root / "manifest.yaml"
    if not manifest.is_file():
        raise Invalid(f"{name} has no manifest.yaml", code="no_manifest", at=f"{name}/manifest.yaml")
    readme = root / "README.md"
    return Folder(
        name=name,
        manifest=one_document(manifest, f"{name}/manifest.yaml"),
        mappings=dict(_mapping(file, f"{name}/mapping/{file.name}") for file in _files(root / "mapping", ".yaml")),
        templates={
            file.name.removesuffix(".yaml"): _languages(one_document(file, f"{name}/templates/{file.name}"))
            for file in _files(root / "templates", ".yaml")
        },
        samples=tuple(_samples(root)),
        readme=readme.read_text("utf-8") if readme.is_file() else "",
        code=(root / "connector.py").is_file(),
    )


def one_document(file: Traversable, where: str) -> Document:
    """The single object in a YAML file. Raises Invalid."""
    documents = _documents(file, where)
    if len(documents) != 1:
        raise Invalid(f"{where} wants one document", code="bad_yaml", at=where)
    return documents[0]


def _documents(file: Traversable, where: str) -> list[Document]:
    raw = file.read_bytes()
    if len(raw) > _LARGEST:
        raise Invalid(f"{where} is too large", code="bad_file", at=where)
    try:
        found = list(yaml.load_all(raw, Loader=_Loader))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = where if line is None else f"{where}:{line + 1}"
        reason = str(getattr(error, "problem", None) or type(error).__name__)
        raise Invalid(f"{place} is not YAML: {reason}", code="bad_yaml", at=place) from error
    if not all(isinstance(one, dict) for one in found):
        raise Invalid(f"{where} must hold an object", code="bad_yaml", at=where)
    return cast("list[Document]", found)


def _mapping(file: Traversable, where: str) -> tuple[str, Document]:
    document = one_document(file, where)
    name = f"{document.get('name')}@{document.get('version')}"
    stem = file.name.removesuffix(".yaml")
    if stem not in (document.get("name"), name, re.sub("@", ".", name)):
        raise Invalid(f"{where} holds the mapping {name}", code="wrong_name", at=where)
    return name, document


def _languages(document: Document) -> dict[str, Document]:
    return {language: texts for language, texts in document.items() if isinstance(texts, dict)}


def _samples(root: Traversable) -> Iterator[tuple[str, Document]]:
    for file in _files(root / "samples", ".yaml"):
        cases = _documents(file, f"{root.name}/samples/{file.name}")
        for number, case in enumerate(cases, 1):
            yield f"{file.name}#{number}", case


def _files(folder: Traversable, ending: str) -> list[Traversable]:
    if not folder.is_dir():
        return []
    return sorted((f for f in folder.iterdir() if f.is_file() and f.name.endswith(ending)), key=lambda f: f.name)
