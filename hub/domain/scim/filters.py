"""Filters of RFC 7644, 3.4.2.2: read once into a test over a resource."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.domain.errors import Invalid
from mappings.documents import Json

Resource = Mapping[str, Json]
Test = Callable[[Resource], bool]
LONGEST, DEEPEST = 1000, 20
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[A-Za-z0-9$_.:/+-]+))""", re.VERBOSE
)
_URN = re.compile(r"^urn:ietf:params:scim:schemas:[A-Za-z0-9:.]+:(?=[A-Za-z]+(?:\.|$))", re.IGNORECASE)
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")


def parse_filter(text: str) -> Test:
    """Raises Invalid (`invalidFilter`, the word of RFC 7644)."""
    if len(text) > LONGEST:
        raise _bad()
    reader = _Reader(_tokens(text))
    found = reader.either(0)
    if reader.peek() is not None:
        raise _bad()
    return found


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _bad()
        found.append(match.group("text") or match.group("mark") or match.group("word"))
        at = match.end()
    return found


@dataclass(slots=True)
class _Reader:
    """Recursive descent: or, and, not, parentheses, `attribute[...]`, comparisons."""

    tokens: list[str]
    at: int = 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise _bad()
        self.at += 1
        return token

    def is_word(self, word: str) -> bool:
        return (self.peek() or "").lower() == word

    def expect(self, mark: str) -> None:
        if self.take() != mark:
            raise _bad()

    def either(self, depth: int) -> Test:
        """`a or b`"""
        found = self.both(depth)
        while self.is_word("or"):
            self.take()
            found = _any(found, self.both(depth))
        return found

    def both(self, depth: int) -> Test:
        """`a and b`"""
        found = self.one(depth)
        while self.is_word("and"):
            self.take()
            found = _all(found, self.one(depth))
        return found

    def one(self, depth: int) -> Test:
        """What can stand between `and` and `or`."""
        if depth > DEEPEST:
            raise _bad()
        if self.is_word("not"):
            self.take()
            self.expect("(")
            inner = self.either(depth + 1)
            self.expect(")")
            return lambda resource: not inner(resource)
        if self.peek() == "(":
            self.take()
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        return self.attribute(depth)

    def attribute(self, depth: int) -> Test:
        """`userName eq "x"`, `emails[type eq "work"]`, `title pr`"""
        name = attribute_of(self.take())
        if self.peek() == "[":
            self.take()
            inner = self.either(depth + 1)
            self.expect("]")
            return lambda resource: any(
                isinstance(one, dict) and inner(one) for one in _values(resource, name, whole=True)
            )
        operator = self.take().lower()
        if operator == "pr":
            return lambda resource: any(one not in (None, "", [], {}) for one in _values(resource, name, whole=True))
        if operator not in OPERATORS:
            raise _bad()
        wanted = _literal(self.take())
        if operator == "ne":
            return lambda resource: not any(_compare("eq", one, wanted) for one in _values(resource, name))
        return lambda resource: any(_compare(operator, one, wanted) for one in _values(resource, name))


def attribute_of(text: str) -> str:
    """An attribute's path without the name of its schema. Raises Invalid."""
    name = _URN.sub("", text)
    if not re.fullmatch(r"[A-Za-z$][A-Za-z0-9$_-]*(\.[A-Za-z$][A-Za-z0-9$_-]*)?", name):
        raise _bad()
    return name


def find(resource: Resource, name: str) -> str | None:
    """The key that is meant: attribute names do not know upper and lower case."""
    return next((key for key in resource if key.lower() == name.lower()), None)


def _values(resource: Resource, path: str, *, whole: bool = False) -> list[Json]:
    """What stands at a path; of lists each item, of an item without further path its `value`."""
    head, _, rest = path.partition(".")
    key = find(resource, head)
    found = None if key is None else resource[key]
    items = found if isinstance(found, list) else [] if found is None else [found]
    if rest:
        return [value for one in items if isinstance(one, dict) for value in _values(one, rest, whole=whole)]
    if whole:
        return list(items)
    return [one.get("value") if isinstance(one, dict) else one for one in items]


def _literal(token: str) -> Json:
    try:
        value = json.loads(token if token.startswith('"') else token.lower())
    except ValueError as error:
        raise _bad() from error
    if isinstance(value, list | dict):
        raise _bad()
    return value  # type: ignore[no-any-return]


def _compare(operator: str, found: Json, wanted: Json) -> bool:
    if isinstance(found, bool) or isinstance(wanted, bool) or wanted is None:
        return operator == "eq" and found is wanted
    if isinstance(found, str) and isinstance(wanted, str):
        return _text(operator, found.casefold(), wanted.casefold())
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return _order(operator, found - wanted)
    return False


def _text(operator: str, found: str, wanted: str) -> bool:
    match operator:
        case "co":
            return wanted in found
        case "sw":
            return found.startswith(wanted)
        case "ew":
            return found.endswith(wanted)
    return _order(operator, (found > wanted) - (found < wanted))


def _order(operator: str, difference: float) -> bool:
    return {
        "eq": difference == 0, "gt": difference > 0, "ge": difference >= 0, "lt": difference < 0, "le": difference <= 0,
    }.get(operator, False)  # fmt: skip


def _any(one: Test, other: Test) -> Test:
    return lambda resource: one(resource) or other(resource)


def _all(one: Test, other: Test) -> Test:
    return lambda resource: one(resource) and other(resource)


def _bad() -> Invalid:
    return Invalid("the filter cannot be read", code="invalidFilter", at="filter")
