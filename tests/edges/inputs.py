"""The 84 bad inputs of the security study: what is sent, and what must be answered.

An input is a list of probes, or it is proved by a test elsewhere, or it waits for the entry point that it needs.
"""

from __future__ import annotations

import base64
import gzip
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.adapters.http import standard_webhooks
from tests.edges.served import PARTNER_KEY, REFERRAL_SECRET, WHSEC, Answer, Served, request
from tests.support.hubs import report

SINGLE = "application/cloudevents+json"
CANARY = "c4n4ry"  # stands in inputs; no answer may hold it
LIMIT = 10 * 1024 * 1024


@dataclass(frozen=True)
class Probe:
    """One thing to send and the (status, code) pairs that are right. Code "" is the server's own plain answer."""

    what: str
    send: Callable[[Served], Answer]
    wanted: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Elsewhere:
    """Proved by these tests."""

    tests: tuple[str, ...]


@dataclass(frozen=True)
class Waits:
    """Cannot be sent yet."""

    why: str


@dataclass(frozen=True)
class Input:
    """One line of the study."""

    id: int
    what: str
    how: tuple[Probe, ...] | Elsewhere | Waits
    also: tuple[str, ...] = ()  # tests that prove more of it


def event(**more: Any) -> dict[str, Any]:
    """A report as the engine sends it, changed."""
    told = report(key=str(more.pop("key", "bad-input")))
    base = {"specversion": "1.0", "id": told.key, "source": told.source, "type": told.type, "subject": told.subject}
    return {**base, "data": told.data, **more}


def with_data(path: str, value: Any) -> dict[str, Any]:
    """A report in which one field of the data is this."""
    made = json.loads(json.dumps(event(key=f"bad-{path}")))
    *way, last = path.split(".")
    place = made["data"]
    for step in way:
        place = place[step]
    place[last] = value
    return dict(made)


def _raw(body: bytes, path: str = "/v1/events", media: str = SINGLE, method: str = "POST", **headers: str) -> Any:
    return lambda hub: hub.ask(method, path, body, content_type=media, **headers)


def _sent(value: Any, path: str = "/v1/events", media: str = SINGLE, method: str = "POST") -> Any:
    return _raw(json.dumps(value).encode(), path, media, method)


def _plain(raw: bytes) -> Any:
    """These bytes as they are; `TOKEN` is replaced."""
    return lambda hub: hub.send(raw.replace(b"TOKEN", hub.token.encode()))


def _get(path: str, **headers: str) -> Any:
    return lambda hub: hub.ask("GET", path, **headers)


def _open(path: str, method: str = "GET", **headers: str) -> Any:
    """Without a token."""
    return lambda hub: hub.send(request(method, path, {k.replace("_", "-"): v for k, v in headers.items()}))


def _bearer(text: str) -> Any:
    return lambda hub: hub.send(request("GET", "/v1/events", {"authorization": f"Bearer {text}"}))


def _hung(hub: Served) -> Answer:
    """Half a body, and then silence."""
    head = request("POST", "/v1/events", {"authorization": f"Bearer {hub.token}", "content-type": SINGLE})
    head = head.replace(b"content-length: 0", b"content-length: 1000")
    return hub.send(head + b'{"specversion":')


def _hook(body: bytes, change: Callable[[dict[str, str]], Mapping[str, str]], connection: str = "hooks") -> Any:
    """A Standard Webhook that is right but for the change."""

    def send(hub: Served) -> Answer:
        now = int(time.time())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(now),
            "webhook-signature": standard_webhooks.sign(WHSEC, "msg_1", now, body),
        }
        return hub.send(request("POST", f"/v1/hooks/{hub.handles[connection]}", change(headers), body))

    return send


def _aged(seconds: float) -> Callable[[dict[str, str]], Mapping[str, str]]:
    def change(headers: dict[str, str]) -> Mapping[str, str]:
        then = int(time.time() + seconds)
        signature = standard_webhooks.sign(WHSEC, "msg_1", then, HOOK)
        return headers | {"webhook-timestamp": str(then), "webhook-signature": signature}

    return change


def _stamped(text: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: headers | {"webhook-timestamp": text}


def _signed(text: str) -> Callable[[dict[str, str]], Mapping[str, str]]:
    return lambda headers: headers | {"webhook-signature": text}


def _as_ed25519(headers: dict[str, str]) -> Mapping[str, str]:
    return headers | {"webhook-signature": headers["webhook-signature"].replace("v1,", "v1a,")}


def _referral(secret: str, age: float = 0) -> Any:
    """A hook of the referral system, signed with this secret."""

    def send(hub: Served) -> Answer:
        stamp = str(int(time.time() - age))
        mac = hmac.digest(secret.encode(), f"{stamp}.".encode() + HOOK, "sha256").hex()
        headers = {"referral-signature": f"t={stamp},v1={mac}"}
        return hub.send(request("POST", f"/v1/hooks/{hub.handles['referrals']}", headers, HOOK))

    return send


def _partner(path: str, method: str = "GET", body: bytes = b"", key: str = PARTNER_KEY) -> Any:
    def send(hub: Served) -> Answer:
        proof = base64.b64encode(f"{key}:".encode()).decode()
        headers = {"authorization": f"Basic {proof}", "content-type": "application/json"}
        return hub.send(request(method, f"/v1/partner/{hub.handles['ats']}{path}", headers, body))

    return send


def _of_a_stranger(hub: Served) -> Answer:
    """Another tenant asks for an event of ours."""
    made = hub.ask("POST", "/v1/events", json.dumps(event(key="theirs")).encode(), content_type=SINGLE)
    number = json.loads(made.body)["accepted"][0]["event_id"]
    return hub.send(request("GET", f"/v1/events/{number}", {"authorization": f"Bearer {hub.stranger}"}))


def _reused(hub: Served) -> Answer:
    hub.ask("POST", "/v1/events", json.dumps(event(key="reused")).encode(), content_type=SINGLE)
    other = event(key="reused", subject="cand_other")
    return hub.ask("POST", "/v1/events", json.dumps(other).encode(), content_type=SINGLE)


HOOK = b'{"id":"whk_1","type":"referral.updated","data":{"id":"ref_9"}}'
DEEP = b"[" * 100_000 + b"]" * 100_000
NESTED = b'{"data":' * 150 + b"1" + b"}" * 150
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
NOT_JSON, UNPROVED, UNKNOWN = ((400, "not_json"),), ((401, "bad_token"),), ((404, "not_found"),)
FORGED = ((401, "bad_signature"),)
SERVER = ((400, ""), (400, "bad_header"), (400, "malformed"), (0, ""))
BODIES = ("/v1/events", "/v1/candidates/identify", "/v1/replays", "/v1/deliveries/dlv_1/edit")
METACHARACTERS = ("%25", "_", "%27%20OR%201%3D1--", "%27%3B%20DROP%20TABLE%20event%3B--", "%5C", "%22", "%2A", "%00")
FILTERS = (
    "/v1/events?type=", "/v1/events?subject=", "/v1/events?cursor=", "/v1/deliveries?connection=", "/v1/deliveries?event=",
    "/v1/deliveries?state=", "/v1/runs?candidate=", "/v1/runs?rule=", "/v1/runs?state=", "/v1/runs?cursor=",
    "/v1/rules/", "/v1/candidates/x", "/v1/replays/", "/v1/dead-letters/",
)  # fmt: skip
RULE = {
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "then": [{"kind": "tag", "id": "t", "tag": "x"}],
}


def _rule(when: Any) -> Any:
    return _sent({"rule": {**RULE, "when": when}}, "/v1/rules/bad/draft", "application/json", "PUT")


def _groups(levels: int) -> Any:
    tree: Any = {"kind": "clause", "id": "c", "field": "report.overall.score", "op": "gt", "value": 1}
    for number in range(levels):
        tree = {"kind": "group", "id": f"g{number}", "mode": "all", "items": [tree]}
    return tree


REST = (
    Input(1, "an empty body", tuple(
        Probe(path, _raw(b"", path, "application/json"), (*NOT_JSON, (422, "missing"))) for path in BODIES)),
    Input(2, "not UTF-8", tuple(Probe(path, _raw(b"\xff\xfe{}", path, "application/json"), NOT_JSON) for path in BODIES)),
    Input(3, "a byte order mark", tuple(
        Probe(path, _raw(b"\xef\xbb\xbf{}", path, "application/json"), NOT_JSON) for path in BODIES)),
    Input(4, "nested 100,000 deep", (
        *(Probe(f"{path}, deep", _raw(DEEP, path, "application/json"), NOT_JSON) for path in BODIES),
        *(Probe(f"{path}, 150", _raw(NESTED, path, "application/json"), ((400, "too_deep"),)) for path in BODIES),
        Probe("of a partner", _partner("/send_test", "POST", DEEP), NOT_JSON))),
    Input(5, "1e400", (
        Probe("as a score", _raw(json.dumps(with_data("report.overall.score", 71829)).replace("71829", "1e400").encode()),
              ((400, "not_json"), (422, "type"), (422, "range"))),)),
    Input(6, "an integer of 5,000 digits", (
        Probe("as a score", _raw(json.dumps(with_data("report.overall.score", 71829)).replace("71829", "9" * 5000).encode()),
              ((400, "not_json"), (422, "type"), (422, "range"))),)),
    Input(7, "NaN, Infinity", tuple(
        Probe(text, _raw(json.dumps(with_data("report.overall.score", 71829)).replace("71829", text).encode()), NOT_JSON)
        for text in ("NaN", "Infinity", "-Infinity"))),
    Input(8, "duplicate keys", (
        Probe("of an event", _raw(b'{"id":"a","id":"b",' + json.dumps(event()).encode()[1:]), ((400, "duplicate_key"),)),
        Probe("in the data", _raw(json.dumps(event()).replace('"score": 91', '"score": 91, "score": 12').encode()),
              ((400, "duplicate_key"),)),
        Probe("the same once escaped", _raw(b'{"i\\u0064":"a",' + json.dumps(event()).encode()[1:]), ((400, "duplicate_key"),)),
        Probe("of an address", _raw(b'{"email":"a@a.example","email":"b@b.example"}', "/v1/candidates/identify"),
              ((400, "duplicate_key"),)))),
    Input(9, "unknown keys", (
        Probe("role in the data", _sent(with_data("candidate.role", "admin")), ((422, "unknown_field"),)),
        Probe("tenant_id in the data", _sent(with_data("tenant_id", 2)), ((422, "unknown_field"),)),
        Probe("beside an address", _sent({"email": "a@a.example", "tenant_id": 2}, "/v1/candidates/identify"),
              ((422, "unknown_field"),)),
        Probe("of a replay", _sent({"tenant_id": 2}, "/v1/replays", "application/json"), ((422, "unknown_field"),)),
        Probe("of an edit", _sent({"data": {}, "reason": "r", "role": 1}, "/v1/deliveries/dlv_1/edit", "application/json"),
              ((422, "unknown_field"),)),
        Probe("of a rule", _sent({"rule": RULE, "role": "admin"}, "/v1/rules/x/draft", "application/json", "PUT"),
              ((422, "unknown_field"),)))),
    Input(10, "a lone surrogate", (
        Probe("in a name", _raw(json.dumps(with_data("candidate.name.full", "QQ")).replace("QQ", "\\ud800").encode()), NOT_JSON),)),
    Input(11, "NUL in a text", (
        Probe("in the data", _sent(with_data("candidate.name.full", "a\0b")), ((422, "unfit_text"),)),
        Probe("in the subject", _sent(event(subject="a\0b")), ((422, "type"),)),
        Probe("in a rule's name", _sent({"rule": RULE}, "/v1/rules/a%00b/draft", "application/json", "PUT"),
              ((422, "bad_name"), (422, "type"), (404, "not_found"), (422, "format"))))),
    Input(12, "10 MB and a byte", (
        Probe("as an event", _raw(b" " * (LIMIT + 1)), ((413, "too_large"),)),
        Probe("as a hook", lambda hub: hub.send(request("POST", f"/v1/hooks/{hub.handles['hooks']}", {}, b" " * (LIMIT + 1))),
              ((413, "too_large"),)),
        Probe("in chunks without a length", _plain(
            b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer TOKEN\r\n"
            b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 11
            + b"0\r\n\r\n"), ((413, "too_large"),)))),
    Input(13, "a compressed bomb", (
        Probe("gzip", _raw(gzip.compress(b" " * 50_000_000), content_encoding="gzip"), ((415, "unsupported_media_type"),)),
        Probe("gzip of an event", _raw(gzip.compress(json.dumps(event()).encode()), content_encoding="gzip"),
              ((415, "unsupported_media_type"),)))),
    Input(14, "a wrong content type", (
        Probe("MessagePack", _raw(b"\x81\xa1a\x01", media="application/msgpack"), ((415, "unsupported_media_type"),)),
        Probe("none", lambda hub: hub.ask("POST", "/v1/events", b"{}"), ((415, "unsupported_media_type"),)),
        Probe("MessagePack as JSON", _raw(b"\x81\xa1a\x01", "/v1/candidates/identify", "application/msgpack"), NOT_JSON),
        Probe("a form", _raw(b"email=a%40a.example", "/v1/candidates/identify", "application/x-www-form-urlencoded"), NOT_JSON))),
    Input(15, "two lengths of one body", (
        Probe("two Content-Length", _plain(b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer TOKEN\r\n"
              b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} "), SERVER),
        Probe("Content-Length and chunks", _plain(b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
              b"authorization: Bearer TOKEN\r\ncontent-type: application/json\r\ncontent-length: 5\r\n"
              b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nhost: h\r\n\r\n"), (*SERVER, *NOT_JSON, (400, "cut_off"))),
        Probe("chunks that are none", _plain(b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
              b"authorization: Bearer TOKEN\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
              (*SERVER, *NOT_JSON, (400, "cut_off"))))),
    Input(16, "sizes of a page that are none", tuple(
        Probe(f"{path} {size}", _get(f"{path}?limit={size}"), ((400, "bad_limit"), (400, "malformed")))
        for path in ("/v1/events", "/v1/deliveries", "/v1/runs") for size in ("-1", "0", "1000000000", "x", "9" * 400))),
    Input(17, "a cursor that was not ours", tuple(
        Probe(f"{path} {cursor[:9]}", _get(f"{path}?cursor={cursor}"), ((400, "bad_cursor"),))
        for path in ("/v1/events", "/v1/deliveries", "/v1/runs")
        for cursor in ("x", "evt_1", "dlv_-1", "run_1%00", "dlv_99999999999999999999", "e" * 3000))),
    Input(18, "an id of another tenant", (Probe("an event", _of_a_stranger, UNKNOWN),)),
    Input(19, "paths that pretend", tuple(
        Probe(path, _open(path), (*UNPROVED, *UNKNOWN, (400, "malformed")))
        for path in ("/v1/%2e%2e%2fhealth/live", "/v1/events%2F..%2F..%2Fhealth%2Flive", "/v1/events;x=/health/live", "//v1/events",
                     "/v1/events/health/live", "/v1/events/%2e%2e", "/health/live/../../v1/events", "/metrics/health/live",
                     "/v1/hooks/%2e%2e%2fevents", "/v1/../metrics", "/schema/../metrics", "/health/ready%00", "/V1/events"))),
    Input(20, "methods that pretend", (
        *(Probe(f"override by {name}", _raw(b"", "/v1/rules", method="POST", **{name: "GET"}), ((405, "method_not_allowed"),))
          for name in ("x_http_method_override", "x_method_override", "x_http_method")),
        *(Probe(method, _open("/v1/events", method), ((405, "method_not_allowed"), (405, ""), *SERVER, *UNPROVED))
          for method in ("HEAD", "TRACE", "CONNECT", "DELETE", "PATCH", "PROPFIND")))),
    Input(21, "forged and missing names of hosts", (
        Probe("X-Forwarded", _open("/v1/events", x_forwarded_for="127.0.0.1", x_forwarded_host="evil.example",
              x_forwarded_proto="https", forwarded="for=127.0.0.1"), UNPROVED),
        Probe("no Host", _plain(b"GET /v1/events HTTP/1.1\r\nauthorization: Bearer TOKEN\r\nconnection: close\r\n\r\n"), SERVER),
        Probe("two Hosts", _plain(b"GET /v1/events HTTP/1.1\r\nhost: a\r\nhost: b\r\nauthorization: Bearer TOKEN\r\n"
                                  b"connection: close\r\n\r\n"), SERVER))),
    Input(22, "keys that are reused, long, empty", (
        Probe("reused", _reused, ((422, "key_reused"),)),
        Probe("300 characters", _sent(event(id="x" * 300)), ((422, "type"),)),
        Probe("empty", _sent(event(id="")), ((422, "type"),)))),
    Input(23, "half a body, then silence", (Probe("half", _hung, ((408, "too_slow"),)),)),
    Input(24, "SQL in every filter", tuple(
        Probe(f"{path}{text}", _get(f"{path}{text}"),
              ((200, ""), (400, "bad_cursor"), (400, "bad_id"), (400, "malformed"), (404, "not_found"), (422, "enum"),
               (422, "unknown_connection"), (422, "unfit_text"), (405, "method_not_allowed")))
        for path in FILTERS for text in METACHARACTERS)),
)  # fmt: skip

HOOKS = (
    Input(25, "no, two and 64 signatures", (
        Probe("none", _hook(HOOK, lambda headers: {}), FORGED),
        Probe("two that are wrong", _hook(HOOK, _signed("v1,AAAA v1,BBBB")), FORGED),
        Probe("64", _hook(HOOK, _signed(" ".join(["v1," + "A" * 43 + "="] * 64))), FORGED),
        Probe("two headers of one name", lambda hub: hub.send(request("POST", f"/v1/hooks/{hub.handles['hooks']}", {
            "webhook-signature": "v1,AAAA", "Webhook-Signature": "v1,BBBB"}, HOOK)), FORGED)),
        ("tests/unit/http/test_standard_webhooks.py::test_none_two_and_sixty_four_signatures",)),
    Input(26, "a signature over JSON written anew", (
        Probe("with spaces", lambda hub: _hook(json.dumps(json.loads(HOOK)).encode(), _aged(0))(hub), FORGED),),
        ("tests/unit/http/test_signatures.py::test_a_signature_over_the_same_json_written_anew_is_refused",)),
    Input(27, "times that are old, early or none", (
        *(Probe(f"{age:+} s", _hook(HOOK, _aged(age)), FORGED) for age in (-302, 302, -86400 * 400)),
        *(Probe(text[:9], _hook(HOOK, _stamped(text)), FORGED) for text in ("1e20", "NaN", "-1", "", "9" * 400, "1.5")))),
    Input(28, "an id again, by another process", Elsewhere((
        "tests/edges/test_bad_inputs.py::test_a_hook_again_has_no_second_effect_in_another_process",))),
    Input(29, "the secret of another connection", (Probe("the ATS's", _referral(PARTNER_KEY), FORGED),
                                                   Probe("old", _referral(REFERRAL_SECRET, 301), FORGED))),
    Input(30, "v1a with an HMAC secret", (Probe("v1a", _hook(HOOK, _as_ed25519), FORGED),)),
    Input(31, "100,000 at once", Elsewhere(("tests/edges/test_rate_limits.py::test_a_burst_of_hooks_is_cut_off_per_connection",))),
    Input(32, "out of order, and twice", Elsewhere((
        "tests/app/test_vendors_answer.py::test_the_same_webhook_again_is_one_event",
        "tests/app/test_vendors_answer.py::test_a_webhook_waits_while_the_vendor_is_down"))),
)  # fmt: skip

_TOKENS = "tests/contract/transport/test_token_calls.py::"
_GUARD = "tests/unit/http/test_guard.py::"
_HTTP = "tests/contract/transport/test_http_hazards.py::"
_ELSEWHERE = "tests/web/test_sign_in_elsewhere.py::"
_CLAIMS = "tests/unit/sign_in/test_oidc_claims.py::"
_NO_PROBE = "signing in elsewhere takes it; no probe sends it yet"
IDENTITY = (
    Input(33, "OAuth state missing, reused, of another session", Elsewhere((
        _ELSEWHERE + "test_another_browser_cannot_end_what_this_one_began",))),
    *(Input(number, what, Waits(_NO_PROBE)) for number, what in (
        (34, "a code again"), (35, "a redirect with an extra slash, port or fragment"))),
    Input(36, "`iss` of another provider", Elsewhere((
        _CLAIMS + "test_an_answer_of_another_issuer_or_with_an_error_is_refused", _CLAIMS + "test_what_does_not_hold_is_refused"))),
    Input(37, "`alg` none, HS256 with a public key", (
        Probe("none", _bearer(JWT), UNPROVED),
        Probe("HS256", _bearer("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA"), UNPROVED))),
    Input(38, "a key named by the token", (
        Probe("kid", _bearer(base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"../../dev/null"}').decode().rstrip("=") + ".e30.AA"),
              UNPROVED),)),
    Input(39, "an unknown `crit`", (
        Probe("crit", _bearer(base64.urlsafe_b64encode(b'{"alg":"none","crit":["x"]}').decode().rstrip("=") + ".e30.AA"), UNPROVED),)),
    Input(40, "`aud` a list, foreign, absent", Elsewhere((
        _CLAIMS + "test_what_does_not_hold_is_refused",))),
    Input(41, "a token of 100 MB", (
        Probe("300 characters", _bearer("x" * 300), UNPROVED),
        Probe("1 MB", _bearer("x" * 1_000_000), ((431, ""), (400, ""), (0, ""))),)),
    Input(42, "a refresh answer without a token, with HTML, late", Elsewhere((
        _TOKENS + "test_what_the_token_endpoint_says_decides_who_acts",
        _TOKENS + "test_a_slow_or_broken_token_endpoint_means_nothing_was_sent"))),
    Input(43, "a nonce that is absent or old", Elsewhere((_CLAIMS + "test_what_does_not_hold_is_refused",))),
    Input(44, "PKCE plain", Elsewhere((_CLAIMS + "test_a_sign_in_begins_with_pkce_state_and_nonce",))),
)  # fmt: skip

OUTBOUND = (
    Input(45, "addresses, host spellings and URL forms", Elsewhere((
        _GUARD + "test_addresses_that_are_not_public_are_refused", _GUARD + "test_no_ipv6_form_carries_a_private_ipv4_address",
        _GUARD + "test_hosts_that_a_resolver_would_read_as_a_number_are_refused",
        _GUARD + "test_urls_that_do_not_say_plainly_where_they_go_are_refused"))),
    Input(46, "user@host, backslash, tab, newline", Elsewhere((
        _GUARD + "test_urls_that_do_not_say_plainly_where_they_go_are_refused", _HTTP + "test_nothing_smuggles_a_second_header_or_request"))),
    Input(47, "look-alikes, punycode, trailing dot", Elsewhere((
        _GUARD + "test_urls_that_do_not_say_plainly_where_they_go_are_refused",))),
    Input(48, "ports", Elsewhere((_GUARD + "test_urls_that_do_not_say_plainly_where_they_go_are_refused", _GUARD + "test_mail_ports"))),
    Input(49, "names that flip, mixed answers", Elsewhere((
        _HTTP + "test_one_bad_address_spoils_the_whole_answer", _HTTP + "test_the_checked_address_is_the_one_connected_to"))),
    Input(50, "redirects to private addresses", Elsewhere((_HTTP + "test_redirects_are_returned_not_followed",))),
    Input(51, "endless headers, bodies, drips, bombs, cookies", Elsewhere((
        _HTTP + "test_an_endless_body_is_cut_at_the_cap_and_its_connection_closed",
        _HTTP + "test_a_compressed_bomb_is_not_expanded_beyond_the_cap", _HTTP + "test_a_dripping_answer_ends_at_the_time_out",
        _HTTP + "test_provisional_answers_are_waited_through", _HTTP + "test_headers_of_any_bytes_are_an_answer",
        _HTTP + "test_cookies_are_neither_kept_nor_told"))),
)  # fmt: skip

_FILES = "tests/edges/test_hostile_files.py::"
_HOSTILE = Elsewhere((_FILES + "test_a_hostile_file_has_a_name_and_the_reader_lives",))
FILES = (
    *(Input(number, what, _HOSTILE) for number, what in (
        (52, "a small PDF that unpacks to 1 GiB"), (53, "a PDF of 2 million operators"), (54, "a cyclic page tree"),
        (55, "a DOCX that unpacks to 900 MB"), (56, "an external entity in a DOCX"), (57, "a billion laughs"),
        (58, "odd archives: slip, link, 65,536 entries, overlaps, encrypted"), (59, "HTML, PDF and ZIP in one"),
        (60, "a PDF with scripts, launches, files, remote pictures"), (61, "macros, OLE, a remote template"),
        (62, "pictures of 60,000 x 60,000, SVG, animations"), (63, "EXIF with a script"))),
    Input(64, "text nobody sees that asks for a score", Elsewhere((
        "tests/unit/ai_engine/test_ai_reading.py::test_pdf_hidden_text_is_set_apart_but_white_on_dark_stays",
        "tests/unit/ai_engine/test_ai_reading.py::test_docx_hidden_text_is_set_apart"))),
    Input(65, "bidi overrides, zero width, look-alikes", Elsewhere((
        _FILES + "test_direction_overrides_and_invisible_characters_do_not_survive",
        "tests/unit/ai_engine/test_ai_reading.py::test_look_alike_characters_become_ordinary_ones"))),
    Input(66, "names of files", Elsewhere((_FILES + "test_the_reader_takes_no_name_of_a_file",))),
    Input(67, "EICAR", Elsewhere((
        "tests/app/test_quarantine.py::test_eicar_over_two_parts_is_refused_on_record_and_gone",
        "tests/app/test_quarantine.py::test_clamd_itself"))),
    Input(68, "0 bytes, a wrong extension, cut off", Elsewhere((
        "tests/unit/ai_engine/test_ai_reading.py::test_bad_files_have_a_name",
        "tests/unit/ai_engine/test_ai_reading.py::test_content_decides_and_not_the_name",
        "tests/unit/ai_engine/test_ai_reading.py::test_no_cut_of_a_file_raises_anything_else"))),
)  # fmt: skip

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

AUTHORS = (
    Input(76, "code, depth and size in rules and mappings", (
        Probe("depth", _rule(_groups(30)), ((400, "too_deep"),)),
        Probe("beyond the body's depth", _rule(_groups(120)), ((400, "too_deep"),)),
        Probe("1 MB of text", _rule({"kind": "clause", "id": "c", "field": "candidate.name.full", "op": "eq", "value": CANARY * 170_000}),
              ((422, "wrong_value"),)),
        Probe("__class__", _rule({"kind": "clause", "id": "c", "field": "__class__.__mro__", "op": "eq", "value": 1}),
              ((422, "unknown_field"), (422, "bad_path"))),
        Probe("constructor", _rule({"kind": "clause", "id": "c", "field": "constructor", "op": "eq", "value": 1}),
              ((422, "unknown_field"), (422, "bad_path")))),
        ("tests/unit/mappings/test_mapping_engine.py::test_no_text_of_a_mapping_becomes_code",
         "tests/unit/rules/test_rule_reading.py::test_whatever_stands_anywhere_is_read_or_refused_and_never_breaks")),
    Input(77, "a regular expression that never ends", (
        Probe("matches", _rule({"kind": "clause", "id": "c", "field": "candidate.name.full", "op": "matches", "value": "(a+)+$"}),
              ((422, "unknown_operator"),)),)),  # no operator takes one
    Input(78, "a rule that feeds itself", Elsewhere(("tests/app/test_runs.py::test_a_rule_that_tells_what_makes_it_fire_is_stopped_after_eight",))),
    Input(79, "a template that prints a secret", Elsewhere((
        "tests/unit/http/test_credentials.py::test_what_is_sent_shows_no_secret",
        "tests/app/test_configure_as_code.py::test_an_export_shows_no_secret"))),
    Input(80, "a mapping of class 4 to a target without approval", Elsewhere((
        "tests/app/test_border.py::test_bad_input_80_class_4_to_a_target_that_is_not_approved",
        "tests/app/test_deliver_and_retry.py::test_without_consent_nothing_is_ordered"))),
)  # fmt: skip

_NO_TABLES = "nothing is exported to or imported from tables yet"
CONSOLE = (
    Input(81, "cells that are formulas", Waits(_NO_TABLES)),
    Input(82, "scripts in names and answers", (
        Probe("in a path", _get("/v1/rules/%3Cscript%3Ealert(1)%3C%2Fscript%3E"), UNKNOWN),
        Probe("in a name", _sent(event(source="<script>\n")), ((422, "type"),)))),
    Input(83, "forms, cookies, frames of other sites", (
        Probe("a form", lambda hub: hub.send(request("POST", "/v1/replays", {
            "content-type": "text/plain", "cookie": f"session={hub.token}", "origin": "https://evil.example"}, b"{}")), UNPROVED),
        Probe("a preflight", lambda hub: hub.send(request("OPTIONS", "/v1/events", {
            "origin": "https://evil.example", "access-control-request-method": "POST"})), ((204, ""), (401, "bad_token"))))),
    Input(84, "tables of a million columns, mixed encodings", Waits(_NO_TABLES)),
)  # fmt: skip

INPUTS = (*REST, *HOOKS, *IDENTITY, *OUTBOUND, *FILES, *MEDIA, *AUTHORS, *CONSOLE)
