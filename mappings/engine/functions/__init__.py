"""The closed set of functions that a field may use; nothing can be added from outside."""

from __future__ import annotations

from typing import Final

from mappings.engine.functions.dates import DATES
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.functions.lists import LISTS
from mappings.engine.functions.numbers import NUMBERS
from mappings.engine.functions.people import PEOPLE
from mappings.engine.functions.scalars import SCALARS

FUNCTIONS: Final[dict[str, Build]] = {**SCALARS, **NUMBERS, **DATES, **LISTS, **PEOPLE}  # `map` is built by the engine

__all__ = ["FUNCTIONS", "Build", "Call"]
