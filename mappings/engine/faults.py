"""How a mapping can be wrong, and how a document can fail it; never with a value in the words."""

from __future__ import annotations


class MappingFault(ValueError):
    """A mapping document that cannot be compiled. `at` is the place (`mapping.fields.3.table`), `code` is stable.

    Codes are those of `mappings.canonical.Unfit`, and: bad_path, bad_template, bad_format, unknown_zone,
    unknown_function, repeated_target, clashing_target, too_nested.
    """

    def __init__(self, at: str, code: str, message: str) -> None:
        super().__init__(f"{at}: {message}")
        self.at = at
        self.code = code


class MappingFailed(ValueError):
    """A document that a mapping could not carry over. `field` is the target, `code` is stable.

    Codes: required, unknown_value, type, format, range, too_large, too_deep, bad_value.
    """

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"field {field!r} could not be made: {code}")
        self.field = field
        self.code = code


class Unmappable(ValueError):
    """Raised inside a function; the engine adds the field. `code` as in MappingFailed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
