"""W3C Trace Context: the `traceparent` header, and the places in a trace that follow from an event's id.

https://www.w3.org/TR/trace-context/ An event's trace is that of its sender, if it told one that is recorded; else it has
the event's own 32 hex digits for its id. The spans that others hang theirs on have ids made of the event's. So every
process finds its place from the event alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from hub.domain.ids import EventId, RevisionId

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_RANDOM_BITS = 48  # of the id's end, where UUID version 7 is surely random


@dataclass(frozen=True, slots=True)
class SpanPlace:
    """One span of one trace, as others refer to it."""

    trace: int
    span: int
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace:032x}-{self.span:016x}-{'01' if self.sampled else '00'}"


def read(text: str | None) -> SpanPlace | None:
    """What a `traceparent` says; None for none and for one that is not valid, as the specification wants it."""
    found = _FORM.fullmatch(text) if text is not None and len(text) <= 512 else None
    if found is None or (text is not None and text.startswith("00-") and found[4]):
        return None
    trace, span = int(found[1], 16), int(found[2], 16)
    return SpanPlace(trace, span, bool(int(found[3], 16) & 1)) if trace and span else None


def place_of(event: EventId, revision: RevisionId | None = None, sender: SpanPlace | None = None) -> SpanPlace:
    """The span of an event's acceptance; with a revision, that of the rule which fired on it. `sender`: its own place."""
    name = f"{event}\n{'' if revision is None else revision}"
    span = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") or 1
    own = sender is None or not sender.sampled
    return SpanPlace(_number(event) if own or sender is None else sender.trace, span)


def chosen(event: EventId, ratio: float) -> bool:
    """Whether an event is among the share of events that is traced; all processes say the same."""
    return (_number(event) % (1 << _RANDOM_BITS)) < ratio * (1 << _RANDOM_BITS)


def _number(event: EventId) -> int:
    return int(event.removeprefix("evt_"), 16)
