"""W3C Trace Context: what is valid is read, what is not counts as absent; an event's place follows from its id."""

from __future__ import annotations

import pytest

from hub.domain.ids import EventId, RevisionId
from hub.domain.traceparent import SpanPlace, chosen, place_of, read

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_what_is_read_is_written_again() -> None:
    place = read(GOOD)
    assert place == SpanPlace(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, True)
    assert str(place) == GOOD
    assert str(read(GOOD[:-2] + "00")) == GOOD[:-2] + "00"


def test_a_later_version_may_say_more() -> None:
    assert str(read("01" + GOOD[2:] + "-what-the-future-will-be-like")) == GOOD


@pytest.mark.parametrize(
    "bad",
    [
        None, "", "x", GOOD.upper(), GOOD + "-x", GOOD[:-1], " " + GOOD, GOOD + "\n", "ff" + GOOD[2:],
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        GOOD.replace("4", "４"), "01" + GOOD[2:] + "-" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_not_valid_counts_as_absent(bad: str | None) -> None:
    assert read(bad) is None


def test_an_event_s_trace_has_its_id_and_its_rules_have_places_of_their_own() -> None:
    event = EventId("evt_0198f0c0000070008000000000000abc")
    places = {place_of(event), place_of(event, RevisionId(1)), place_of(event, RevisionId(2))}
    assert len({place.span for place in places}) == 3
    assert {f"{place.trace:032x}" for place in places} == {event.removeprefix("evt_")}
    assert place_of(event) == place_of(event)


def test_the_sender_s_trace_is_gone_on_with_where_it_is_recorded() -> None:
    event, sender = EventId("evt_0198f0c0000070008000000000000abc"), read(GOOD)
    assert sender is not None
    assert place_of(event, sender=sender).trace == sender.trace
    assert place_of(event, RevisionId(1), sender).span == place_of(event, RevisionId(1)).span
    assert place_of(event, sender=read(GOOD[:-2] + "00")) == place_of(event)


def test_a_share_of_the_events_is_chosen_by_id() -> None:
    events = [
        EventId(f"evt_0198f0c0{n * 2654435761 % 2**32:08x}{(n * 0x9E3779B97F4A7C15) % 2**64:016x}") for n in range(2000)
    ]
    assert 300 < sum(chosen(event, 0.2) for event in events) < 500
    assert all(chosen(event, 1) for event in events)
    assert not any(chosen(event, 0) for event in events)
    assert {e for e in events if chosen(e, 0.2)} <= {e for e in events if chosen(e, 0.5)}
