"""The mapping engine: a table of fields and a closed set of functions, compiled to Python.

A mapping document is `{name, version, source?, target?, fields, rest?}`. A field is `{to, from, fn?, ...}` with the
function's own parameters and, for every function: `as` (text, integer, number, boolean, date, datetime), `default`,
`required`, `invalid: drop`, `when: {path, equals | in | present}`. A source is a path, `@` (the whole document), or
`{list, by, equals, take}`. Null is absent; an absent field is not written. `functions()` lists the functions.
"""

from mappings.engine.closures import FieldTrace
from mappings.engine.faults import MappingFailed, MappingFault
from mappings.engine.mapping import Mapping, compile_mapping
from mappings.engine.shape import functions

__all__ = ["FieldTrace", "Mapping", "MappingFailed", "MappingFault", "compile_mapping", "functions"]
