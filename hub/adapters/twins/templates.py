"""Templates of a twin: `{path}` placeholders and one choice, over the documents in scope."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from mappings.documents import Json, Missing, lookup

_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.\-]*)(\??)\}")


def render(template: Json, scope: Mapping[str, Json]) -> Json:
    """`template` filled from `scope`.

    A text that is one placeholder becomes the value itself; `{path?}` as the value of a key leaves the key out
    where there is nothing or null. `{"$choose": [{of, like, give}], "else": x}` gives the first `give` whose
    `of` matches the shell pattern `like`; `{"$first": [a, b]}` gives the first that is not null, `{"$digest": x}` 16 hex
    digits that stand for a text that is not to be shown.
    """
    match template:
        case str():
            return _text(template, scope)
        case list():
            return [render(item, scope) for item in template]
        case dict() if "$choose" in template:
            return _choose(template, scope)
        case {"$digest": secret}:
            return hashlib.sha256(text(secret, scope).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        case {"$first": list(options)}:
            return next((value for option in options if (value := render(option, scope)) is not None), None)
        case dict():
            done: dict[str, Json] = {}
            for key, value in template.items():
                filled = render(value, scope)
                if filled is None and isinstance(value, str) and value.endswith("?}"):
                    continue
                done[key] = filled
            return done
        case _:
            return template


def text(template: Json, scope: Mapping[str, Json]) -> str:
    """`template` filled, as text; nothing is the empty text."""
    return as_text(render(template, scope))


def as_text(value: Json) -> str:
    """A scalar as it stands in a URL or header."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _text(template: str, scope: Mapping[str, Json]) -> Json:
    whole = _HOLE.fullmatch(template)
    if whole:
        value = lookup(scope, whole[1])
        return None if isinstance(value, Missing) else value
    return _HOLE.sub(lambda hole: as_text(_known(lookup(scope, hole[1]))), template)


def _known(value: Json | Missing) -> Json:
    return None if isinstance(value, Missing) else value


def _choose(template: Mapping[str, Json], scope: Mapping[str, Json]) -> Json:
    cases = template["$choose"]
    for case in cases if isinstance(cases, list) else []:
        if isinstance(case, dict) and fnmatchcase(text(case.get("of"), scope), text(case.get("like"), scope)):
            return render(case.get("give"), scope)
    return render(template.get("else"), scope)


def values_at(document: Json, path: str) -> list[Json]:
    """All values at `path`, where a step `*` means every item of a list."""
    found: list[Json] = [document]
    for step in path.split("."):
        below: list[Json] = []
        for value in found:
            if step == "*" and isinstance(value, list):
                below.extend(value)
            elif isinstance(value, dict) and step in value:
                below.append(value[step])
        found = below
    return found
