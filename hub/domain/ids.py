"""Identifiers: opaque, prefixed, free of personal data."""

from __future__ import annotations

from typing import NewType

from hub.domain.errors import Invalid

TenantId = NewType("TenantId", int)
EventId = NewType("EventId", str)  # evt_ + 32 hex digits of a UUID version 7 (RFC 9562)
DeliveryId = NewType("DeliveryId", int)  # shown as dlv_<number>
ConnectionId = NewType("ConnectionId", int)  # also the number of its lane
RuleId = NewType("RuleId", int)  # shown as rul_<number>
RevisionId = NewType("RevisionId", int)  # one immutable revision of a rule
RunId = NewType("RunId", int)  # shown as run_<number>

DEFAULT_TENANT = TenantId(1)
_LARGEST = 2**63 - 1


def show(prefix: str, number: int) -> str:
    """`show("dlv", 7)` is `dlv_7`."""
    return f"{prefix}_{number}"


def read(prefix: str, text: str) -> int:
    """The number in `dlv_7`. Raises Invalid for anything else."""
    head, _, tail = text.partition("_")
    if head != prefix or not (tail.isascii() and tail.isdigit()) or len(tail) > 19 or int(tail) > _LARGEST:
        raise Invalid(f"not an id of the form {prefix}_<number>", code="bad_id")
    return int(tail)


def event_id(text: str) -> EventId:
    """`text` as an event id. Raises Invalid."""
    digits = text.removeprefix("evt_")
    if len(digits) != 32 or len(text) != 36 or any(c not in "0123456789abcdef" for c in digits):
        raise Invalid("not an event id of the form evt_<32 hex digits>", code="bad_id")
    return EventId(text)
