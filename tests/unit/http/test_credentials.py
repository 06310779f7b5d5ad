"""Credentials and settings meet a request in one place, and show themselves nowhere else."""

from __future__ import annotations

import base64

import pytest
from yarl import URL

from hub.adapters.http.auth import signer, way
from hub.adapters.http.guard import Guard
from hub.adapters.http.message import Outgoing, compose
from hub.adapters.http.wire import allowed_hosts, fill, seconds, total_timeout
from hub.ports.transport import Blocked, HttpRequest, NeedsReauth

SECRET = "top-secret-value"


@pytest.fixture
def signed(channel, clock):
    def run(
        spec: dict[str, object], config: dict[str, object] | None = None, token: str | None = None, **secrets: str
    ) -> Outgoing:
        out = compose(HttpRequest("GET", "https://api.example/a", query={"q": "1"}), URL("https://api.example/a"))
        return signer(spec, channel({}, config, secrets), clock)(out, None, token)

    return run


def test_every_way_to_sign_in(signed):
    basic = signed({"mode": "basic", "username": "{config.user}", "password": "{config.pw}"}, {"user": "林"}, pw=SECRET)
    assert base64.b64decode(basic.headers["authorization"][6:]).decode() == f"林:{SECRET}"
    key_only = signed({"mode": "basic", "username": "{config.key}", "password": ""}, key=SECRET)
    assert base64.b64decode(key_only.headers["authorization"][6:]).decode() == f"{SECRET}:"
    assert signed({"mode": "bearer", "token": "{config.t}"}, t=SECRET).headers["authorization"] == f"Bearer {SECRET}"
    header = signed({"mode": "api_key", "header": "X-Api-Key", "value": "Token token={config.t}"}, t=SECRET)
    assert header.headers["x-api-key"] == f"Token token={SECRET}"
    query = signed({"mode": "api_key", "query": "key", "value": "{config.t}"}, t="a&b=c")
    assert query.url.query == {"q": "1", "key": "a&b=c"}
    assert "authorization" not in signed({"mode": "none"}).headers


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"mode": "magic"},
        {"mode": "smtp"},
        {"mode": "oauth2_client_credentials"},
        {"mode": "bearer"},
        {"mode": "bearer", "token": "{config.t | evil}"},
        {"mode": "bearer", "token": "{config.t"},
        {"mode": "bearer", "token": "{config.t}", "apply": {"header": "x", "format": "none"}},
        {"mode": "api_key", "value": "{config.t}"},
        {"mode": "api_key", "header": "a", "query": "b", "value": "{config.t}"},
        {"mode": "standard_webhooks", "secret": "A" * 32},  # and the request has no key
    ],
)
def test_a_manifest_that_is_not_understood_sends_nothing(signed, spec):
    with pytest.raises(Blocked) as caught:
        signed(spec, t=SECRET)
    assert caught.value.code in ("bad_manifest", "bad_request")


@pytest.mark.parametrize("secrets", [{}, {"t": ""}])
def test_a_missing_secret_needs_a_person(signed, secrets):
    for spec in (
        {"mode": "bearer", "token": "{config.t}"},
        {"mode": "bearer", "token": "{doc.t}"},
        {"mode": "basic", "username": "a", "password": "{config.t}"},
        {"mode": "basic", "username": "a", "password": "{config.t?}"},
        {"mode": "api_key", "header": "x", "value": "{config.t}"},
    ):
        with pytest.raises(NeedsReauth):
            signed(spec, **secrets)


def test_a_secret_with_a_line_break_adds_no_header(signed):
    with pytest.raises(Blocked) as caught:
        signed({"mode": "bearer", "token": "{config.t}"}, t=f"{SECRET}\r\nx-evil: 1")
    assert SECRET not in str(caught.value)


def test_what_is_sent_shows_no_secret(signed):
    assert SECRET not in repr(signed({"mode": "api_key", "query": "key", "value": "{config.t}"}, t=SECRET))


def test_a_request_names_one_of_the_manifest_s_ways(channel):
    partner = {"mode": "basic", "username": "u", "password": ""}
    wire = {"auth": {"mode": "bearer", "token": "{config.t}", "named": {"partner": partner}}}
    assert way(channel(wire), "default")["mode"] == "bearer"
    assert way(channel(wire), "partner") == partner
    assert way(channel(wire), "none") == {"mode": "none"}
    for wire_, name in ((wire, "nobody"), (wire, "mode"), ({}, "default")):
        with pytest.raises(Blocked):
            way(channel(wire_), name)


def test_templates_read_settings_and_secrets(channel):
    settings = channel({}, {"a": "x", "n": 587, "b": True, "url": "https://Api.example/v1", "empty": ""}, {"s": SECRET})
    assert fill("plain", settings) == "plain"
    assert fill("{config.a}-{config.s}", settings) == f"x-{SECRET}"
    assert fill("{config.n}", settings) == "587"
    assert fill("{config.b}", settings) == "true"
    assert fill("{config.gone?}", settings) is None
    assert fill("{config.empty?}", settings) is None
    assert fill("{config.gone | default:25}", settings) == "25"
    assert fill("{config.gone | default:'v'}", settings) == "v"
    assert fill("{config.url | host}", settings).lower() == "api.example"
    with pytest.raises(NeedsReauth) as caught:
        fill("{config.gone}", settings)
    assert caught.value.code == "setting_missing"


def test_settings_move_a_vendor_only_where_the_guard_says_so(channel):
    fixed = channel(
        {"allowed_hosts": ["api.vendor.example", "{config.base_url? | host}"]}, {"base_url": "https://evil.example/v1"}
    )
    assert allowed_hosts(fixed, Guard()) == ("api.vendor.example",)
    assert allowed_hosts(fixed, Guard(allow_config_hosts=True)) == ("api.vendor.example", "evil.example")
    own = channel({"allowed_hosts": ["{config.url | host}"]}, {"url": "https://hr.acme.example/hook"})
    assert allowed_hosts(own, Guard()) == ("hr.acme.example",)
    for nothing in ({}, {"allowed_hosts": "api.example"}, {"allowed_hosts": [1, None]}):
        assert allowed_hosts(channel(nothing), Guard()) == ()


def test_durations(channel):
    assert [seconds(value) for value in ("PT20S", "PT1M", "PT0.5S", "P1DT1H", 3, 0.5)] == [20, 60, 0.5, 90000, 3, 0.5]
    for bad in ("", "P", "PT", "20", "PT-1S", "PT0S", 0, -1, None, True, [], "PT1S\n"):
        with pytest.raises(Blocked):
            seconds(bad)
    assert total_timeout(channel({"defaults": {"timeout": "PT5S"}})) == 5
    assert total_timeout(channel({"defaults": {"timeout": "PT90S"}})) == 20
    assert total_timeout(channel()) == 20


@pytest.mark.parametrize(
    ("request_", "again"),
    [
        (HttpRequest("GET", ""), True),
        (HttpRequest("put", ""), True),
        (HttpRequest("DELETE", ""), True),
        (HttpRequest("POST", ""), False),
        (HttpRequest("PATCH", ""), False),
        (HttpRequest("POST", "", key="k"), False),
        (HttpRequest("POST", "", key="k", headers={"idempotency-key": "k"}), True),
    ],
)
def test_what_may_be_sent_twice(request_, again):
    assert compose(request_, URL("https://api.example/")).again is again


def test_whole_numbers_beyond_64_bits_are_sent_as_they_are():
    assert compose(HttpRequest("POST", "", json={"n": 2**70}), URL("https://api.example/")).body == b'{"n":%d}' % 2**70
