"""The connectors that are there: read from folders, loaded on first use, a broken one skipped and reported."""

from hub.adapters.catalog.catalog import FolderCatalog
from hub.adapters.catalog.scaffold import scaffold

__all__ = ["FolderCatalog", "scaffold"]
