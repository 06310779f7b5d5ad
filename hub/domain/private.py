"""Values that must never be shown by accident: they print as `***` wherever they end up."""

from __future__ import annotations

from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class _Private(Generic[T]):
    """Holds a value that only `reveal` gives back. No dataclass: serialisers walk into those."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The value itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and bool(other._value == self._value)

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} values are not serialised")


class Secret(_Private[T]):
    """A credential or a key."""

    __slots__ = ()


class Personal(_Private[T]):
    """Personal data of a candidate or an employee."""

    __slots__ = ()
