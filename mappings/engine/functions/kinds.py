"""The one shape of all functions: built from its parameters, called with the values of its sources."""

from __future__ import annotations

from collections.abc import Callable

from mappings.documents import Document, Json

Call = Callable[..., Json]  # one argument per source, None = absent; returns None = absent; raises Unmappable
Build = Callable[[Document], Call]
