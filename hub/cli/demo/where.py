"""Where the folders of the shipped connectors are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def folder_of(vendor: str) -> Path:
    """The connector's folder, with the `twin.yaml` in it."""
    return Path(str(files("connectors").joinpath(vendor)))
