"""The Catalog port over folders: the package `connectors`, and packages that name themselves as entry points."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import cast

from hub.adapters.catalog.reading import read_folder
from hub.domain.errors import Invalid, NotFound
from hub.ports.connector import Connector
from hub.sdk.declarative import Declarative
from hub.sdk.faults import faults
from hub.sdk.folder import Finding, Folder
from hub.sdk.manifest import read_manifest
from hub.sdk.quality import claims_against_evidence, tier
from hub.sdk.samples import replay

GROUP = "hirewire.connectors"  # entry points: name of the connector = its package
_SHIPPED = "connectors"


@dataclass(slots=True)
class FolderCatalog:
    """Finds connectors once, loads each on first use. `extra`: further packages (name -> package) beside entry points."""

    extra: dict[str, str] = field(default_factory=dict)
    _found: dict[str, str] | None = None
    _loaded: dict[str, Connector | Finding] = field(default_factory=dict)

    def names(self) -> tuple[str, ...]:
        """Those that load."""
        return tuple(name for name in sorted(self._packages()) if not isinstance(self._load(name), Finding))

    def get(self, name: str) -> Connector:
        """Raises NotFound; for a broken folder with the reason."""
        if name not in self._packages():
            raise NotFound(f"there is no connector {name}")
        loaded = self._load(name)
        if isinstance(loaded, Finding):
            raise NotFound(f"connector {name} is broken: {loaded}", code="broken_connector")
        return loaded

    def problems(self) -> list[Finding]:
        """Why the skipped ones are skipped: the first fault of each."""
        return [found for name in sorted(self._packages()) if isinstance(found := self._load(name), Finding)]

    def check_all(self) -> list[Finding]:
        """Every finding on every connector: faults, samples that do not replay, quality that is claimed and not shown."""
        return [finding for name in sorted(self._packages()) for finding in self.check(name)]

    def check(self, name: str) -> list[Finding]:
        """Every finding on one connector. Raises NotFound."""
        if name not in self._packages():
            raise NotFound(f"there is no connector {name}")
        try:
            folder = self.folder(name)
        except Invalid as error:
            return [Finding(error.at or name, error.code, str(error))]
        return check_folder(folder, lambda: self._code(name))

    def tier(self, name: str) -> str:
        """What the folder's evidence amounts to: none, bronze, silver or gold."""
        return tier(self.folder(name))

    def folder(self, name: str) -> Folder:
        """The folder's values, with its samples. Raises NotFound, Invalid."""
        return read_folder(self._root(name))

    def _root(self, name: str) -> Traversable:
        package = self._packages().get(name)
        if package is None:
            raise NotFound(f"there is no connector {name}")
        if package.startswith(f"{_SHIPPED}."):
            return files(_SHIPPED).joinpath(name)
        return files(package)

    def _packages(self) -> dict[str, str]:
        if self._found is None:
            shipped = {f.name: f"{_SHIPPED}.{f.name}" for f in files(_SHIPPED).iterdir() if _is_connector(f)}
            outside = {point.name: point.value for point in entry_points(group=GROUP)}
            self._found = {**outside, **self.extra, **shipped}
        return self._found

    def _load(self, name: str) -> Connector | Finding:
        if name not in self._loaded:
            try:
                folder = self.folder(name)
                found = faults(folder)
                self._loaded[name] = found[0] if found else assembled(folder, lambda: self._code(name))
            except Invalid as error:
                self._loaded[name] = Finding(error.at or name, error.code, str(error))
            except Exception as error:  # a connector's code may fail in any way at import: it alone is skipped
                self._loaded[name] = Finding(f"{name}/connector.py", "broken_code", type(error).__name__)
        return self._loaded[name]

    def _code(self, name: str) -> Callable[[Declarative], Connector]:
        module = importlib.import_module(f"{self._packages()[name]}.connector")
        return cast("Callable[[Declarative], Connector]", module.connector)


def assembled(folder: Folder, code: Callable[[], Callable[[Declarative], Connector]]) -> Connector:
    """The connector of a folder without faults; `connector.py` may put its conditions around the generic one."""
    generic = Declarative(read_manifest(folder.manifest), folder.mappings, folder.templates)
    return code()(generic) if folder.code else generic


def check_folder(folder: Folder, code: Callable[[], Callable[[Declarative], Connector]]) -> list[Finding]:
    """Every finding on a folder: faults first, then samples, then claims."""
    found = faults(folder)
    if found:
        return found
    try:
        connector = assembled(folder, code)
    except Exception as error:  # whatever a connector's code raises is a finding on it
        return [Finding(f"{folder.name}/connector.py", "broken_code", type(error).__name__)]
    found += [finding for file, sample in folder.samples for finding in _replayed(connector, folder, file, sample)]
    found += claims_against_evidence(folder)
    return found


def _replayed(connector: Connector, folder: Folder, file: str, sample: object) -> Iterator[Finding]:
    where = f"{folder.name}/samples/{file}"
    try:
        for difference in replay(connector, sample if isinstance(sample, dict) else {}):
            yield Finding(f"{where}:{difference.at}", "sample_differs", str(difference))
    except Exception as error:  # a sample may be wrong in any way
        yield Finding(where, getattr(error, "code", "bad_sample"), f"{type(error).__name__}: {error}")


def _is_connector(folder: Traversable) -> bool:
    return folder.is_dir() and folder.name[:1].isalpha() and (folder / "manifest.yaml").is_file()
