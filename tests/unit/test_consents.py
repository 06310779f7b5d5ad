"""When a consent is in force, and what an event tells of consents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.app.consents import told_by
from hub.domain.consents import Awaited, Consent, in_force
from hub.domain.ids import DEFAULT_TENANT, EventId, TenantId
from mappings.documents import Document

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTES = st.integers(-5, 5)


def said(given_: bool, minute: int, ends: int | None = None) -> Consent:
    expires = None if ends is None else NOW + timedelta(minutes=ends)
    at = NOW + timedelta(minutes=minute)
    return Consent(DEFAULT_TENANT, "cand_1", "recording", given_, at, NOW, "evt_1", expires_at=expires)


SAID = st.lists(st.builds(said, st.booleans(), MINUTES, st.none() | MINUTES), max_size=6)


@given(SAID)
def test_the_last_word_counts_in_whatever_order_it_is_read(all_: list[Consent]) -> None:
    past = [one for one in all_ if one.at <= NOW or not one.given]
    assert in_force(all_, NOW) == in_force([*reversed(all_)], NOW) == in_force(past, NOW)
    assert not in_force([*all_, said(False, 0)], NOW)
    assert not in_force([one for one in all_ if not one.given], NOW)
    if in_force(all_, NOW):
        last = max(one.at for one in past)
        assert all(one.given for one in past if one.at == last)


def test_a_consent_ends_and_one_ahead_is_not_there_yet() -> None:
    assert in_force([said(True, -1, 1)], NOW)
    assert not in_force([said(True, -1, 0)], NOW)
    assert not in_force([said(True, 1)], NOW)
    assert not in_force([said(True, -1), said(False, 1)], NOW)  # the clock of who took it back is ahead
    assert in_force([said(True, -3), said(False, -2), said(True, -1)], NOW)


def test_a_row_names_whose_consent_it_waits_for() -> None:
    one = Awaited(TenantId(3), "a candidate/with: spaces", "recording")
    assert Awaited.read(TenantId(3), one.key) == one


ID = EventId("evt_1")


@dataclass(frozen=True)
class Event:
    id: EventId = ID
    tenant: TenantId = DEFAULT_TENANT
    subject: str | None = "cand_1"
    received_at: datetime = NOW


def told(*consents: object, subject: str | None = "cand_1") -> list[tuple[str, bool, datetime, str]]:
    data: Document = {"candidate": {"id": "cand_9", "consents": list(consents)}}  # type: ignore[dict-item]
    return [(one.purpose, one.given, one.at, one.subject) for one in told_by(Event(subject=subject), data)]


def test_an_event_tells_what_was_given_and_taken_back() -> None:
    first, later = "2026-03-01T08:00:00+08:00", "2026-03-02T08:00:00Z"
    gave, took = datetime(2026, 3, 1, 0, 0, tzinfo=UTC), datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    item = {"purpose": "recording", "granted_at": first}
    assert told(item) == [("recording", True, gave, "cand_1")]
    assert told(item, subject=None) == [("recording", True, gave, "cand_9")]
    assert told({**item, "withdrawn_at": later}) == [
        ("recording", True, gave, "cand_1"),
        ("recording", False, took, "cand_1"),
    ]


def test_a_fast_clock_hastens_nothing_and_a_withdrawal_never_comes_before_what_it_takes_back() -> None:
    ahead = "2026-03-02T09:30:00Z"
    assert told({"purpose": "recording", "granted_at": ahead}) == [("recording", True, NOW, "cand_1")]
    both = told({"purpose": "recording", "granted_at": "2026-03-02T08:00:00Z", "withdrawn_at": "2026-03-01T08:00:00Z"})
    assert [one[2] for one in both] == [NOW - timedelta(hours=1)] * 2


def test_a_time_that_nobody_can_tell_never_counts_for_the_sender() -> None:
    item = {"purpose": "recording", "granted_at": "2026-03-02T08:00:00Z"}
    gave = NOW - timedelta(hours=1)
    for odd in ("2016-12-31T23:59:60Z", "0001-01-01T00:00:00+08:00"):
        assert told({**item, "granted_at": odd}) == []
        assert told({**item, "granted_at": odd, "withdrawn_at": odd}) == [("recording", False, NOW, "cand_1")]
        assert told({**item, "withdrawn_at": odd}) == [
            ("recording", True, gave, "cand_1"),
            ("recording", False, NOW, "cand_1"),
        ]
        data: Document = {"candidate": {"consents": [{**item, "expires_at": odd}]}}
        assert not in_force(told_by(Event(), data), NOW)
    assert told({**item, "granted_at": "2026-03-02t08:00:00z"}) == [("recording", True, gave, "cand_1")]


def test_no_candidate_no_consents_nothing() -> None:
    for data in ({}, {"candidate": None}, {"candidate": {"consents": None}}, {"candidate": {"consents": [7, {}]}}):
        assert list(told_by(Event(), data)) == []  # type: ignore[arg-type]
