"""Webhooks: named, read, and read back from the vendor where the manifest says so."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from hub.domain.deliveries import Delivered, Refused, Reported, TryLater
from hub.domain.errors import Invalid
from hub.ports.transport import HttpResponse
from hub.sdk import Declarative, Hook, Job
from hub.sdk.manifest import read_manifest

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAPPING = {
    "name": "person_in",
    "version": 1,
    "fields": [
        {"to": "candidate.id", "fn": "ext_id", "from": "id", "required": True},
        {"to": "candidate.source", "from": "source"},
    ],
}
VERIFY = {
    "scheme": "hmac",
    "hash": "sha256",
    "key": "{config.token}",
    "signed": "raw_body",
    "header": "x-signature",
    "format": "{hex}",
    "required": True,
}
EVENT = {
    "match": {"path": "type", "equals": "person.changed"},
    "emit": "application.updated",
    "entity": "person",
    "id": "data.id",
    "refs": {"job": "data.job"},
    "at": "at",
    "then": {"refetch": "get_person"},
    "map": "person_in@1",
}


@pytest.fixture
def hooked(manifest):
    """The manifest with webhooks, to change before `connector()`."""
    manifest["operations"]["get_person"] = {
        "safety": "read",
        "entity": "person",
        "request": {"method": "GET", "path": "/people/{ext.person.id}"},
    }
    manifest["webhooks"] = {
        "verify": VERIFY,
        "dedupe": {"header": "x-id"},
        "handshake": {
            "when": {"path": "type", "equals": "ping"},
            "reply": {"status": 200, "body": {"challenge": "{hook.challenge?}"}},
        },
        "events": [EVENT],
    }
    return manifest


def connector(manifest):
    return Declarative(read_manifest(manifest), {"person_in@1": MAPPING})


def hook(body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Hook({name.replace("_", "-"): value for name, value in headers.items()}, raw, AT)


CHANGED = {
    "type": "person.changed",
    "at": "2026-03-01T10:00:00Z",
    "data": {"id": 7, "job": 3, "source": "from the webhook"},
}


def read(manifest, told, *answers):
    exchange = connector(manifest).read(told, Job("@hook", {}, {}, "k"))
    requests = []
    try:
        requests.append(next(exchange))
        for status, body in answers:
            requests.append(exchange.send(HttpResponse(status, {}, json.dumps(body).encode())))
    except StopIteration as done:
        return done.value, requests
    raise AssertionError(f"unanswered: {requests[-1]}")


def test_it_is_named_by_its_header(hooked):
    assert connector(hooked).identify(hook(CHANGED, x_id="wh_1")).key == "wh_1"


def test_it_is_named_by_its_body(hooked):
    hooked["webhooks"]["dedupe"] = {"body": "data.id"}
    assert connector(hooked).identify(hook(CHANGED)).key == "7"


@pytest.mark.parametrize("dedupe", [None, {"header": "x-id"}, {"body": "data.nothing"}])
def test_without_a_name_it_is_named_by_its_bytes(hooked, dedupe):
    hooked["webhooks"] |= {"dedupe": dedupe} if dedupe else {}
    if dedupe is None:
        del hooked["webhooks"]["dedupe"]
    told = hook(CHANGED)
    assert connector(hooked).identify(told).key == f"sha256:{hashlib.sha256(told.body).hexdigest()}"


def test_a_name_without_measure_is_shortened(hooked):
    key = connector(hooked).identify(hook(CHANGED, x_id="x" * 5000)).key
    assert len(key) == 71


def test_a_ping_is_echoed(hooked):
    identity = connector(hooked).identify(hook({"type": "ping", "challenge": "abc"}, x_id="p"))
    assert (identity.ping, identity.reply) == (True, {"challenge": "abc"})
    assert connector(hooked).identify(hook(CHANGED, x_id="1")).ping is False


@pytest.mark.parametrize("raw", [b"", b"not json", b"[1]", b'"text"', b"\xff", b"[" * 100_000])
def test_what_is_not_a_json_object_is_refused(hooked, raw):
    with pytest.raises(Invalid) as caught:
        connector(hooked).identify(hook(raw))
    assert caught.value.code == "not_json"


def test_a_connector_without_webhooks_takes_none(manifest):
    assert connector(manifest).takes_hooks is False
    with pytest.raises(Invalid):
        connector(manifest).identify(hook({}))


def test_the_thing_is_read_back_and_what_the_webhook_said_is_not_believed(hooked):
    outcome, requests = read(hooked, hook(CHANGED, x_id="wh_1"), (200, {"id": 7, "source": "from the vendor"}))
    assert requests[0].url == "https://api.acme.example/v1/people/7"
    fact = Reported(
        "application.updated",
        "wh_1",
        {"candidate": {"id": "7", "source": "from the vendor"}},
        datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
        None,
        {"person": "7", "job": "3"},
    )
    assert outcome == Delivered("wh_1", reported=(fact,))


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ((503, {}), TryLater("http_503")),
        ((404, {}), Refused("http_404", retry=True)),
        ((200, []), Refused("nothing_found:get_person", retry=True)),
        ((200, {"source": "x"}), Refused("mapping person_in@1: required at candidate.id", retry=True)),
    ],
)
def test_what_cannot_be_read_back(hooked, answer, wanted):
    assert read(hooked, hook(CHANGED, x_id="wh_1"), answer)[0] == wanted


def test_without_refetch_the_webhook_itself_is_mapped(hooked):
    hooked["webhooks"]["events"] = [
        {k: v for k, v in EVENT.items() if k != "then"} | {"data": "data", "subject": "data.subject"}
    ]
    told = {**CHANGED, "data": {"id": 7, "source": "told", "subject": "cand_1"}}
    outcome, requests = read(hooked, hook(told, x_id="wh_1"))
    assert requests == []
    assert outcome.reported[0].data == {"candidate": {"id": "7", "source": "told"}}
    assert outcome.reported[0].subject == "cand_1"


def test_a_webhook_nobody_waits_for_tells_nothing(hooked):
    assert read(hooked, hook({"type": "person.deleted"}, x_id="wh_2")) == (Delivered("wh_2"), [])


def test_a_webhook_without_the_id_it_should_carry(hooked):
    told = {"type": "person.changed", "data": {}}
    assert read(hooked, hook(told, x_id="wh_3"))[0] == Refused("missing:ext.person.id", retry=True)


def test_all_conditions_of_a_match_must_hold(hooked):
    hooked["webhooks"]["events"] = [EVENT | {"match": [EVENT["match"], {"path": "data.state", "equals": "final"}]}]
    assert read(hooked, hook(CHANGED, x_id="1"))[0].reported == ()
    final = {**CHANGED, "data": {**CHANGED["data"], "state": "final"}}
    assert len(read(hooked, hook(final, x_id="1"), (200, {"id": 7}))[0].reported) == 1


def test_one_webhook_may_be_two_facts(hooked):
    hooked["webhooks"]["events"] = [EVENT, EVENT | {"emit": "application.hired"}]
    outcome, _ = read(hooked, hook(CHANGED, x_id="wh_1"), (200, {"id": 7}), (200, {"id": 7}))
    assert [(f.type, f.key) for f in outcome.reported] == [
        ("application.updated", "wh_1"),
        ("application.hired", "wh_1:application.hired"),
    ]


@pytest.mark.parametrize("kind", ["hook.received", "Loud", "one", "a.b c", "", 5, None])
def test_a_webhook_cannot_name_just_any_event(hooked, kind):
    hooked["webhooks"]["events"] = [{"match": {"path": "id", "exists": True}, "emit": "{hook.type?}", "data": "data"}]
    assert read(hooked, hook({"id": 1, "type": kind, "data": {}}, x_id="1"))[0] == Refused("bad_event_type")
