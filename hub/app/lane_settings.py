"""A lane as people write it in configuration."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Dict

from hub.app.purposes import purposes
from hub.domain.border import is_region
from hub.domain.connections import Lane, Ordering, Stuck
from hub.domain.errors import Invalid
from mappings.documents import Document, Json

KEYS = frozenset(
    {
        *("concurrency", "rate", "ordering", "timeout_s", "on_failure", "park_after", "deadline_s", "retry"),
        *("needs_consent", "region", "class_4"),
    }
)
MOST_TRIES = 50
LONGEST_WAIT_S = 30 * 86400.0
LONGEST_DEADLINE_S = 365 * 86400.0


def lane_of(given: Document, at: str, operations: Iterable[str] | None = None) -> Lane:
    """The lane that `given` describes; `operations` are those that `retry` may name. Raises Invalid with the place."""
    for key in given:
        if key not in KEYS:
            raise Invalid(f"a lane has {', '.join(sorted(KEYS))}", code="unknown_field", at=f"{at}.{key}")
    concurrency = given.get("concurrency", 16)
    if not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= 1000:
        raise Invalid("concurrency is a whole number from 1 to 1000", code="range", at=f"{at}.concurrency")
    park_after = given.get("park_after", 3)
    if not isinstance(park_after, int) or isinstance(park_after, bool) or not 1 <= park_after <= MOST_TRIES:
        raise Invalid(f"park_after is a whole number from 1 to {MOST_TRIES}", code="range", at=f"{at}.park_after")
    rate, deadline = given.get("rate"), given.get("deadline_s")
    ordering, stuck = given.get("ordering", "none"), given.get("on_failure")
    if ordering not in tuple(Ordering):
        raise Invalid(f"ordering is one of {', '.join(Ordering)}", code="enum", at=f"{at}.ordering")
    if stuck is not None and stuck not in tuple(Stuck):
        raise Invalid(f"on_failure is one of {', '.join(Stuck)}", code="enum", at=f"{at}.on_failure")
    purpose = given.get("needs_consent")
    if purpose is not None and purpose not in purposes():
        raise Invalid(f"needs_consent is one of {', '.join(purposes())}", code="enum", at=f"{at}.needs_consent")
    return Lane(
        concurrency=concurrency,
        rate=None if rate is None else _number(rate, 0.001, 100_000, "rate is requests a second", f"{at}.rate"),
        ordering=Ordering(str(ordering)),
        timeout_s=_number(given.get("timeout_s", 20.0), 0.1, 120, "timeout_s is seconds", f"{at}.timeout_s"),
        stuck=None if stuck is None else Stuck(str(stuck)),
        park_after=park_after,
        deadline_s=None
        if deadline is None
        else _number(deadline, 1, LONGEST_DEADLINE_S, "deadline_s is seconds", f"{at}.deadline_s"),
        retry=_retry(given.get("retry", {}), operations, f"{at}.retry"),
        needs_consent=None if purpose is None else str(purpose),
        region=None if given.get("region") is None else region_of(given["region"], f"{at}.region"),
        class_4=_flag(given.get("class_4", False), f"{at}.class_4"),
    )


def lane_document(lane: Lane) -> Document:
    """A lane as `lane_of` reads it; what nobody set is left out beyond the four basic limits."""
    document: Document = {
        "concurrency": lane.concurrency,
        "rate": lane.rate,
        "ordering": str(lane.ordering),
        "timeout_s": lane.timeout_s,
    }
    if lane.stuck is not None:
        document["on_failure"] = str(lane.stuck)
    if lane.park_after != Lane().park_after:
        document["park_after"] = lane.park_after
    if lane.deadline_s is not None:
        document["deadline_s"] = lane.deadline_s
    if lane.needs_consent is not None:
        document["needs_consent"] = lane.needs_consent
    if lane.region is not None:
        document["region"] = lane.region
    if lane.class_4:
        document["class_4"] = True
    if lane.retry:
        document["retry"] = {name: list(waits) for name, waits in lane.retry.items()}
    return document


def _retry(given: Json, operations: Iterable[str] | None, at: str) -> Dict[str, tuple[float, ...]]:
    if not isinstance(given, dict):
        raise Invalid("retry is an object: operation or `default` -> waits in seconds", code="type", at=at)
    found = {}
    for name, waits in given.items():
        if name != "default" and operations is not None and name not in operations:
            raise Invalid("retry names an operation of the connector, or `default`", code="enum", at=f"{at}.{name}")
        if not isinstance(waits, list) or len(waits) > MOST_TRIES:
            raise Invalid(f"waits are a list of at most {MOST_TRIES} numbers", code="type", at=f"{at}.{name}")
        found[name] = tuple(
            _number(wait, 0, LONGEST_WAIT_S, "a wait is seconds", f"{at}.{name}.{index}")
            for index, wait in enumerate(waits)
        )
    return found


def region_of(value: Json, at: str) -> str:
    """A region's label. Raises Invalid."""
    if not isinstance(value, str) or not is_region(value):
        raise Invalid("a region is a label such as cn, us or eu: 2 to 20 of a-z, 0-9 and -", code="format", at=at)
    return value


def _flag(value: Json, at: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid("this is true or false", code="type", at=at)
    return value


def _number(value: Json, low: float, high: float, what: str, at: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise Invalid(f"{what}, from {low:g} to {high:g}", code="range", at=at)
    return float(value)
