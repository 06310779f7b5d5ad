"""Patches of RFC 7644, 3.5.2, as the large identity providers send them: lenient in form, strict in effect."""

from __future__ import annotations

import re
from copy import deepcopy

from hub.domain.errors import Invalid
from hub.domain.scim.filters import Test, attribute_of, find, parse_filter
from mappings.documents import Document, Json

MOST = 200  # operations of one request
_PATH = re.compile(r"^(?P<name>[^\[\]]+?)(?:\[(?P<filter>.*)\](?:\.(?P<sub>[A-Za-z][A-Za-z0-9_-]*))?)?$", re.DOTALL)


def patched(resource: Document, body: Document) -> Document:
    """The resource after all operations. Raises Invalid (`invalidSyntax`, `invalidPath`, `noTarget`, `invalidFilter`)."""
    key = find(body, "Operations")
    operations = None if key is None else body[key]
    if not isinstance(operations, list) or not operations or len(operations) > MOST:
        raise Invalid(f"Operations is a list of 1 to {MOST}", code="invalidSyntax", at="Operations")
    found = deepcopy(resource)
    for one in operations:
        if not isinstance(one, dict):
            raise Invalid("an operation is an object", code="invalidSyntax", at="Operations")
        _apply(found, one)
    return found


def _apply(resource: Document, operation: Document) -> None:
    op, path, value = str(operation.get("op", "")).lower(), operation.get("path"), operation.get("value")
    if op not in ("add", "replace", "remove"):
        raise Invalid("op is add, replace or remove", code="invalidSyntax", at="op")
    if path is None:
        if op == "remove" or not isinstance(value, dict):
            raise Invalid("without a path the value is an object", code="noTarget", at="path")
        for name, one in value.items():  # some providers write paths as names here
            _at(resource, op, name, one)
        return
    if not isinstance(path, str) or len(path) > 500:
        raise Invalid("a path is a text", code="invalidPath", at="path")
    _at(resource, op, path, value)


def _at(resource: Document, op: str, path: str, value: Json) -> None:
    match = _PATH.match(path)
    if match is None:
        raise Invalid("the path cannot be read", code="invalidPath", at="path")
    name = attribute_of(match["name"])
    if match["filter"] is None:
        head, _, sub = name.partition(".")
        _plain(resource, op, head, sub, value)
    else:
        _among(resource, op, name, parse_filter(match["filter"]), match["sub"], value)


def _plain(resource: Document, op: str, head: str, sub: str, value: Json) -> None:
    key = find(resource, head) or head
    there = resource.get(key)
    if sub:
        inner = there if isinstance(there, dict) else {}
        _plain(inner, op, sub, "", value)
        resource[key] = inner
    elif op == "remove":
        _remove(resource, key, there, value)
    elif op == "add" and isinstance(there, list):
        for one in value if isinstance(value, list) else [value]:
            if one not in there:
                there.append(one)
    elif isinstance(there, dict) and isinstance(value, dict):
        resource[key] = {**there, **value}
    else:
        resource[key] = value


def _remove(resource: Document, key: str, there: Json, value: Json) -> None:
    """Without a value all of it; with one, as some providers take members away, those items."""
    if isinstance(value, list) and isinstance(there, list):
        resource[key] = [one for one in there if not any(_same(one, gone) for gone in value)]
    else:
        resource.pop(key, None)


def _same(one: Json, gone: Json) -> bool:
    if isinstance(one, dict) and isinstance(gone, dict) and "value" in gone:
        return one.get("value") == gone["value"]
    return one == gone


def _among(resource: Document, op: str, name: str, test: Test, sub: str | None, value: Json) -> None:
    key = find(resource, name) or name
    there = resource.get(key)
    items = there if isinstance(there, list) else []
    chosen = [one for one in items if isinstance(one, dict) and test(one)]
    if op == "remove":
        for one in chosen:
            if sub:
                one.pop(find(one, sub) or sub, None)
            else:
                items.remove(one)
        resource[key] = items
        return
    if not chosen:
        if op == "replace" and sub is None:
            raise Invalid("nothing is there to be replaced", code="noTarget", at="path")
        chosen = [_made_for(test)]
        items.append(chosen[0])
    for one in chosen:
        if sub:
            one[find(one, sub) or sub] = value
        elif isinstance(value, dict):
            one.update(value)
    resource[key] = items


def _made_for(test: Test) -> Document:
    """An item that meets the filter, as `emails[type eq "work"].value` asks for one where there is none yet."""
    for kind in ("work", "home", "other", "mobile"):
        made: Document = {"type": kind}
        if test(made):
            return made
    primary: Document = {"primary": True}
    if test(primary):
        return primary
    raise Invalid("nothing is there to be changed", code="noTarget", at="path")
