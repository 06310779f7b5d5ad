"""Erasures and legal holds, as they stand on the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from hub.domain.subjects import HOLDS, MANUAL
from hub.ports.accounts import Erasure, LegalHold, Notice
from hub.ports.connector import Erases


class NoticeView(msgspec.Struct):
    """One system that was told. `operation` null: a person has to do it, as `instruction` says in each language."""

    id: str
    connection: str
    connector: str
    operation: str | None
    instruction: dict[str, str] | None
    state: str
    told_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    reference: str | None

    @classmethod
    def of(cls, one: Notice, erases: Erases | None) -> NoticeView:
        """From the record; `erases`: what the connector says of it."""
        return cls(
            one.id, one.name, one.connector, one.operation, None if one.operation else instruction(erases), one.state,
            one.created_at, one.acknowledged_at, one.acknowledged_by, one.reference,
        )  # fmt: skip


def instruction(erases: Erases | None) -> dict[str, str]:
    """What a person has to do where the hub cannot, by language."""
    return {**MANUAL, **({} if erases is None else erases.manual)}


class ErasureView(msgspec.Struct):
    """`state`: asked, stopping, destroying, clearing, telling, done, refused. `digest`: what an approval names.
    `reason` only where one erasure is asked for. `closed`: nothing is accepted about the candidate."""

    id: str
    candidate: str
    state: str
    digest: str
    asked_by: str
    asked_at: datetime
    approved_by: list[str]
    approved_at: datetime | None
    closed: bool
    destroyed_at: datetime | None
    keys: int
    removed: dict[str, object]
    cleared_at: datetime | None
    done_at: datetime | None
    reopened_at: datetime | None
    reason: str | None = None
    notices: list[NoticeView] | None = None

    @classmethod
    def of(cls, one: Erasure, reason: str | None = None, notices: Sequence[NoticeView] | None = None) -> ErasureView:
        """From the record."""
        return cls(
            one.id, one.subject, one.state, one.digest, one.asked_by, one.asked_at, [*one.approved_by], one.approved_at,
            one.closed, one.destroyed_at, len(one.keys), {**one.counts}, one.cleared_at, one.done_at, one.reopened_at,
            reason, None if notices is None else [*notices],
        )  # fmt: skip


class ErasurePage(msgspec.Struct):
    """All of them, oldest first."""

    items: list[ErasureView]


class HoldView(msgspec.Struct):
    """`holds`: whether anything is kept because of it now. The reasons only where one hold is asked for."""

    id: str
    candidate: str
    state: str
    holds: bool
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    lift_asked_by: str | None
    lifted_by: str | None
    lifted_at: datetime | None
    reason: str | None = None
    lift_reason: str | None = None

    @classmethod
    def of(cls, one: LegalHold, reasons: Mapping[str, object] | None = None) -> HoldView:
        """From the record."""
        told = reasons or {}
        why, lift = told.get("reason"), told.get("lift")
        return cls(
            one.id, one.subject, one.state, one.state in HOLDS, one.asked_by, one.asked_at, one.decided_by,
            one.decided_at, one.lift_asked_by, one.lifted_by, one.lifted_at,
            why if isinstance(why, str) else None, lift if isinstance(lift, str) else None,
        )  # fmt: skip


class HoldPage(msgspec.Struct):
    """All of them, oldest first."""

    items: list[HoldView]


class RightsView(msgspec.Struct):
    """What stands about a candidate: whether something holds it, and the erasures."""

    candidate: str
    held: bool
    erased: bool
    legal_holds: list[HoldView]
    erasures: list[ErasureView]
