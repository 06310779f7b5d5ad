"""The border as configured: limits by region, where a consent is needed, what counts as sensitive."""

from __future__ import annotations

from hub.app.lane_settings import region_of
from hub.domain.border import ANYWHERE, PERSONAL, SENSITIVE, UNLABELLED, BorderPolicy, Limits
from hub.domain.errors import Invalid
from mappings.documents import Document, Json

KEYS = frozenset({"limits", "regions", "consent", "sensitive_from"})
MAX_REGIONS = 100
LARGEST = 2_000_000_000


def read_border(body: Document, home: str | None) -> BorderPolicy:
    """The policy that this says; what is not said: no limit is set, no consent is needed. Raises Invalid."""
    for key in body.keys() - KEYS:
        raise Invalid(f"a border has {', '.join(sorted(KEYS))}", code="unknown_field", at=key)
    regions = _object(body.get("regions", {}), "regions")
    if len(regions) > MAX_REGIONS:
        raise Invalid(f"there are at most {MAX_REGIONS} regions", code="too_many", at="regions")
    found = {_label(name, f"regions.{name}"): _limits(given, f"regions.{name}") for name, given in regions.items()}
    level = body.get("sensitive_from", SENSITIVE)
    if level not in (PERSONAL, SENSITIVE) or isinstance(level, bool):
        raise Invalid("sensitive_from is 3 (personal) or 4 (sensitive personal)", code="enum", at="sensitive_from")
    consent = body.get("consent", [])
    if not isinstance(consent, list) or len(consent) > MAX_REGIONS:
        raise Invalid("consent is a list of regions, or of * alone", code="type", at="consent")
    return BorderPolicy(
        home,
        {**found, ANYWHERE: _limits(body.get("limits", {}), "limits")},
        frozenset(one if one == ANYWHERE else _label(one, "consent") for one in map(_text, consent)),
        int(str(level)),
    )


def border_in(document: Document) -> Document | None:
    """The border of a configuration. Raises Invalid."""
    body = document.get("border")
    return None if body is None else _object(body, "")


def _limits(given: Json, at: str) -> Limits:
    body = _object(given, at)
    for key in body.keys() - {"persons", "sensitive"}:
        raise Invalid("limits are of persons and sensitive", code="unknown_field", at=f"{at}.{key}")
    return Limits(_count(body, "persons", at), _count(body, "sensitive", at))


def _count(body: Document, name: str, at: str) -> int | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST:
        raise Invalid(f"a limit is a whole number, at most {LARGEST}", code="range", at=f"{at}.{name}")
    return value


def _label(value: str, at: str) -> str:
    return value if value == UNLABELLED else region_of(value, at)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Json, at: str) -> Document:
    if not isinstance(value, dict):
        raise Invalid("this is not an object", code="type", at=at)
    return value
