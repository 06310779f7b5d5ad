"""Where a sender's `traceparent` is read from: the event itself, else the request; whatever it is, the event is taken."""

from __future__ import annotations

import pytest

from hub.web.cloudevents import BATCH, SINGLE, read_events

OWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
REQUEST = "00-aaf92f3577b34da6a3ce929d0e0e4736-aaf067aa0ba902b7-01"
EVENT = b'{"specversion":"1.0","id":"1","source":"/s","type":"interview.report.completed","data":{}%s}'


@pytest.mark.parametrize(
    ("media", "headers", "body", "wanted"),
    [
        (SINGLE, {}, EVENT % b"", None),
        (SINGLE, {"traceparent": REQUEST}, EVENT % b"", REQUEST),
        (SINGLE, {"traceparent": REQUEST}, EVENT % f',"traceparent":"{OWN}"'.encode(), OWN),
        (SINGLE, {}, EVENT % b',"traceparent":7', None),
        (BATCH, {"traceparent": REQUEST}, b"[" + EVENT % f',"traceparent":"{OWN}"'.encode() + b"]", OWN),
        (
            "application/json",
            {
                "ce-specversion": "1.0",
                "ce-id": "1",
                "ce-source": "/s",
                "ce-type": "interview.report.completed",
                "ce-traceparent": OWN,
            },
            b"{}",
            OWN,
        ),
    ],
)
def test_the_event_s_own_goes_before_the_request_s(
    media: str, headers: dict[str, str], body: bytes, wanted: str | None
) -> None:
    [event] = read_events(media, headers, body)
    assert event.traceparent == wanted
