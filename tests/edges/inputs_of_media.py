"""Bad inputs 69 to 75: recordings."""

from __future__ import annotations

import json
from typing import Any

from tests.edges.probes import Elsewhere, Input, Probe
from tests.edges.served import Answer, Served, request

_OPAQUE = Elsewhere((
    "tests/app/test_media.py::test_a_recording_is_bytes_to_us_whatever_it_claims_to_be",
    "tests/architecture/test_media_is_opaque.py::test_nothing_of_ours_can_open_a_recording"))  # fmt: skip


def _medium(hub: Served) -> str:
    """A recording of one part, complete."""
    made = json.loads(
        hub.ask("POST", "/v1/media", b'{"content_type":"video/webm"}', content_type="application/json").body
    )["id"]
    assert hub.ask("PUT", f"/v1/media/{made}/parts/1", b"x" * 1000).status == 200
    done = hub.ask("POST", f"/v1/media/{made}/complete", b'{"parts":1}', content_type="application/json")
    assert done.status == 200, done
    return str(made)


def _begun(hub: Served) -> str:
    """A recording without a part yet."""
    begun = hub.ask("POST", "/v1/media", b'{"content_type":"video/webm"}', content_type="application/json")
    return str(json.loads(begun.body)["id"])


def _part(body: bytes, number: str = "1", **headers: str) -> Any:
    return lambda hub: hub.ask("PUT", f"/v1/media/{_begun(hub)}/parts/{number}", body, **headers)


def _played(wanted: str) -> Any:
    def send(hub: Served) -> Answer:
        made = hub.ask("POST", f"/v1/media/{_medium(hub)}/links", x_purpose="quality_review")
        link = json.loads(made.body)["url"]
        return hub.ask("GET", link, range=wanted)

    return send


def _again_with_other_bytes(hub: Served) -> Answer:
    made = _begun(hub)
    hub.ask("PUT", f"/v1/media/{made}/parts/1", b"x")
    return hub.ask("PUT", f"/v1/media/{made}/parts/1", b"y")


def _part_of_a_stranger(hub: Served) -> Answer:
    headers = {"authorization": f"Bearer {hub.stranger}"}
    return hub.send(request("PUT", f"/v1/media/{_begun(hub)}/parts/1", headers, b"x"))


def _too_few(hub: Served) -> Answer:
    made = _begun(hub)
    hub.ask("PUT", f"/v1/media/{made}/parts/2", b"x")
    return hub.ask("POST", f"/v1/media/{made}/complete", b'{"parts":2}', content_type="application/json")


def _link_of_another(hub: Served) -> Answer:
    link = json.loads(hub.ask("POST", f"/v1/media/{_medium(hub)}/links", x_purpose="quality_review").body)["url"]
    return hub.send(request("GET", link, {"authorization": f"Bearer {hub.stranger}"}))


NO_MEDIA = ((404, "no_media"),)
MEDIA = (
    Input(69, "declared small, sends more", (
        Probe("a part of more than 16 MiB", _part(b"x" * (16 * 1024 * 1024 + 1)), ((413, "part_too_large"),)),)),
    Input(70, "durations and tracks beyond measure", _OPAQUE),
    Input(71, "play lists that name files", _OPAQUE),
    Input(72, "ranges by the thousand", tuple(
        Probe(wanted[:24], _played(wanted), ((416, "bad_range"),))
        for wanted in ("bytes=" + ",".join(f"{n}-{n}" for n in range(1000)), "bytes=-0", "bytes=5-4", "bytes=1000-", "bytes=--1",
                       "bytes=0-0,0-0", "bytes=99999999999999999999-", "lines=1-2", "bytes=-"))),
    Input(73, "parts out of order, again, of others", (
        Probe("number 0", _part(b"x", "0"), ((422, "bad_part"), (404, "not_found"))),
        Probe("number 10^9", _part(b"x", "1000000000"), ((422, "bad_part"),)),
        Probe("number -1", _part(b"x", "-1"), ((422, "bad_part"), (404, "not_found"))),
        Probe("again with other bytes", _again_with_other_bytes, ((409, "part_differs"),)),
        Probe("another tenant's", _part_of_a_stranger, NO_MEDIA),
        Probe("too few", _too_few, ((409, "parts_missing"),)),
        Probe("another's link", _link_of_another, ((403, "bad_link"), (404, "no_media"))))),
    Input(74, "abandoned uploads", Elsewhere(("tests/app/test_media.py::test_what_nobody_completed_is_swept_after_a_week",))),
    Input(75, "a digest that differs", (
        Probe("differs", _part(b"x", content_digest="sha-256=:" + "A" * 43 + "=:"), ((422, "digest_mismatch"),)),
        Probe("none", _part(b"x", content_digest="sha-256=:?:"), ((400, "bad_header"),)))),
)  # fmt: skip
