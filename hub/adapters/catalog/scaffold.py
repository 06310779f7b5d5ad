"""Makes the folder of a new connector: small, complete, and already green."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from hub.domain.errors import Conflict, Invalid

_NAME = re.compile(r"^[a-z][a-z0-9_]{1,62}$")
_MODEL = files("hub.adapters.catalog").joinpath("model")
_MODEL_ID = "new_connector"


def scaffold(name: str, where: Path) -> tuple[Path, ...]:
    """Write `where/name/` and return its files. Raises Invalid (`bad_name`), Conflict (`folder_exists`).

    The folder passes `hirewire check` as it is; its address, paths and mapping are there to be replaced.
    """
    if not _NAME.match(name):
        raise Invalid("a connector's name is a-z, 0-9 and _, and begins with a letter", code="bad_name", at="name")
    root = where / name
    if root.exists():
        raise Conflict(f"{name} is there already", code="folder_exists")
    written = []
    for model, target in _PLACES.items():
        path = root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        text = _MODEL.joinpath(model).read_text("utf-8").replace(_MODEL_ID, name)
        path.write_text(text.replace("New Connector", _title(name)), "utf-8")
        written.append(path)
    return tuple(written)


def _title(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("_") if part)


_PLACES = {
    "manifest.yaml": "manifest.yaml",
    "candidate_out.yaml": "mapping/candidate_out.yaml",
    "candidate_in.yaml": "mapping/candidate_in.yaml",
    "candidate_create.yaml": "samples/candidate_create.yaml",
    "hooks.yaml": "samples/hooks.yaml",
    "test_connection.yaml": "samples/test_connection.yaml",
    "README.md": "README.md",
}
