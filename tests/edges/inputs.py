"""The 84 bad inputs of the security study: what is sent, and what must be answered.

An input is a list of probes, or it is proved by a test elsewhere, or it waits for the entry point that it needs.
"""

from __future__ import annotations

import base64
import gzip
import json

from tests.edges.inputs_of_media import MEDIA
from tests.edges.probes import (
    BODIES,
    CANARY,
    DEEP,
    FILTERS,
    FORGED,
    HOOK,
    JWT,
    LIMIT,
    METACHARACTERS,
    NESTED,
    NOT_JSON,
    RULE,
    SERVER,
    UNKNOWN,
    UNPROVED,
    Elsewhere,
    Input,
    Probe,
    Waits,
    aged,
    as_ed25519,
    bare,
    bearer,
    event,
    get,
    groups,
    hook,
    hung,
    of_a_stranger,
    partner,
    plain,
    raw,
    referral,
    reused,
    rule,
    sent,
    signed,
    stamped,
    with_data,
)
from tests.edges.served import PARTNER_KEY, REFERRAL_SECRET, request

REST = (
    Input(1, "an empty body", tuple(
        Probe(path, raw(b"", path, "application/json"), (*NOT_JSON, (422, "missing"))) for path in BODIES)),
    Input(2, "not UTF-8", tuple(Probe(path, raw(b"\xff\xfe{}", path, "application/json"), NOT_JSON) for path in BODIES)),
    Input(3, "a byte order mark", tuple(
        Probe(path, raw(b"\xef\xbb\xbf{}", path, "application/json"), NOT_JSON) for path in BODIES)),
    Input(4, "nested 100,000 deep", (
        *(Probe(f"{path}, deep", raw(DEEP, path, "application/json"), NOT_JSON) for path in BODIES),
        *(Probe(f"{path}, 150", raw(NESTED, path, "application/json"), ((400, "too_deep"),)) for path in BODIES),
        Probe("of a partner", partner("/send_test", "POST", DEEP), NOT_JSON))),
    Input(5, "1e400", (
        Probe("as a score", raw(json.dumps(with_data("report.overall.score", 71829)).replace("71829", "1e400").encode()),
              ((400, "not_json"), (422, "type"), (422, "range"))),)),
    Input(6, "an integer of 5,000 digits", (
        Probe("as a score", raw(json.dumps(with_data("report.overall.score", 71829)).replace("71829", "9" * 5000).encode()),
              ((400, "not_json"), (422, "type"), (422, "range"))),)),
    Input(7, "NaN, Infinity", tuple(
        Probe(text, raw(json.dumps(with_data("report.overall.score", 71829)).replace("71829", text).encode()), NOT_JSON)
        for text in ("NaN", "Infinity", "-Infinity"))),
    Input(8, "duplicate keys", (
        Probe("of an event", raw(b'{"id":"a","id":"b",' + json.dumps(event()).encode()[1:]), ((400, "duplicate_key"),)),
        Probe("in the data", raw(json.dumps(event()).replace('"score": 91', '"score": 91, "score": 12').encode()),
              ((400, "duplicate_key"),)),
        Probe("the same once escaped", raw(b'{"i\\u0064":"a",' + json.dumps(event()).encode()[1:]), ((400, "duplicate_key"),)),
        Probe("of an address", raw(b'{"email":"a@a.example","email":"b@b.example"}', "/v1/candidates/identify"),
              ((400, "duplicate_key"),)))),
    Input(9, "unknown keys", (
        Probe("role in the data", sent(with_data("candidate.role", "admin")), ((422, "unknown_field"),)),
        Probe("tenant_id in the data", sent(with_data("tenant_id", 2)), ((422, "unknown_field"),)),
        Probe("beside an address", sent({"email": "a@a.example", "tenant_id": 2}, "/v1/candidates/identify"),
              ((422, "unknown_field"),)),
        Probe("of a replay", sent({"tenant_id": 2}, "/v1/replays", "application/json"), ((422, "unknown_field"),)),
        Probe("of an edit", sent({"data": {}, "reason": "r", "role": 1}, "/v1/deliveries/dlv_1/edit", "application/json"),
              ((422, "unknown_field"),)),
        Probe("of a rule", sent({"rule": RULE, "role": "admin"}, "/v1/rules/x/draft", "application/json", "PUT"),
              ((422, "unknown_field"),)))),
    Input(10, "a lone surrogate", (
        Probe("in a name", raw(json.dumps(with_data("candidate.name.full", "QQ")).replace("QQ", "\\ud800").encode()), NOT_JSON),)),
    Input(11, "NUL in a text", (
        Probe("in the data", sent(with_data("candidate.name.full", "a\0b")), ((422, "unfit_text"),)),
        Probe("in the subject", sent(event(subject="a\0b")), ((422, "type"),)),
        Probe("in a rule's name", sent({"rule": RULE}, "/v1/rules/a%00b/draft", "application/json", "PUT"),
              ((422, "bad_name"), (422, "type"), (404, "not_found"), (422, "format"))))),
    Input(12, "10 MB and a byte", (
        Probe("as an event", raw(b" " * (LIMIT + 1)), ((413, "too_large"),)),
        Probe("as a hook", lambda hub: hub.send(request("POST", f"/v1/hooks/{hub.handles['hooks']}", {}, b" " * (LIMIT + 1))),
              ((413, "too_large"),)),
        Probe("in chunks without a length", plain(
            b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer TOKEN\r\n"
            b"content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 11
            + b"0\r\n\r\n"), ((413, "too_large"),)))),
    Input(13, "a compressed bomb", (
        Probe("gzip", raw(gzip.compress(b" " * 50_000_000), content_encoding="gzip"), ((415, "unsupported_media_type"),)),
        Probe("gzip of an event", raw(gzip.compress(json.dumps(event()).encode()), content_encoding="gzip"),
              ((415, "unsupported_media_type"),)))),
    Input(14, "a wrong content type", (
        Probe("MessagePack", raw(b"\x81\xa1a\x01", media="application/msgpack"), ((415, "unsupported_media_type"),)),
        Probe("none", lambda hub: hub.ask("POST", "/v1/events", b"{}"), ((415, "unsupported_media_type"),)),
        Probe("MessagePack as JSON", raw(b"\x81\xa1a\x01", "/v1/candidates/identify", "application/msgpack"), NOT_JSON),
        Probe("a form", raw(b"email=a%40a.example", "/v1/candidates/identify", "application/x-www-form-urlencoded"), NOT_JSON))),
    Input(15, "two lengths of one body", (
        Probe("two Content-Length", plain(b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\nauthorization: Bearer TOKEN\r\n"
              b"content-length: 2\r\ncontent-length: 3\r\n\r\n{} "), SERVER),
        Probe("Content-Length and chunks", plain(b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
              b"authorization: Bearer TOKEN\r\ncontent-type: application/json\r\ncontent-length: 5\r\n"
              b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nhost: h\r\n\r\n"), (*SERVER, *NOT_JSON, (400, "cut_off"))),
        Probe("chunks that are none", plain(b"POST /v1/events HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
              b"authorization: Bearer TOKEN\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
              (*SERVER, *NOT_JSON, (400, "cut_off"))))),
    Input(16, "sizes of a page that are none", tuple(
        Probe(f"{path} {size}", get(f"{path}?limit={size}"), ((400, "bad_limit"), (400, "malformed")))
        for path in ("/v1/events", "/v1/deliveries", "/v1/runs") for size in ("-1", "0", "1000000000", "x", "9" * 400))),
    Input(17, "a cursor that was not ours", tuple(
        Probe(f"{path} {cursor[:9]}", get(f"{path}?cursor={cursor}"), ((400, "bad_cursor"),))
        for path in ("/v1/events", "/v1/deliveries", "/v1/runs")
        for cursor in ("x", "evt_1", "dlv_-1", "run_1%00", "dlv_99999999999999999999", "e" * 3000))),
    Input(18, "an id of another tenant", (Probe("an event", of_a_stranger, UNKNOWN),)),
    Input(19, "paths that pretend", tuple(
        Probe(path, bare(path), (*UNPROVED, *UNKNOWN, (400, "malformed")))
        for path in ("/v1/%2e%2e%2fhealth/live", "/v1/events%2F..%2F..%2Fhealth%2Flive", "/v1/events;x=/health/live", "//v1/events",
                     "/v1/events/health/live", "/v1/events/%2e%2e", "/health/live/../../v1/events", "/metrics/health/live",
                     "/v1/hooks/%2e%2e%2fevents", "/v1/../metrics", "/schema/../metrics", "/health/ready%00", "/V1/events"))),
    Input(20, "methods that pretend", (
        *(Probe(f"override by {name}", raw(b"", "/v1/rules", method="POST", **{name: "GET"}), ((405, "method_not_allowed"),))
          for name in ("x_http_method_override", "x_method_override", "x_http_method")),
        *(Probe(method, bare("/v1/events", method), ((405, "method_not_allowed"), (405, ""), *SERVER, *UNPROVED))
          for method in ("HEAD", "TRACE", "CONNECT", "DELETE", "PATCH", "PROPFIND")))),
    Input(21, "forged and missing names of hosts", (
        Probe("X-Forwarded", bare("/v1/events", x_forwarded_for="127.0.0.1", x_forwarded_host="evil.example",
              x_forwarded_proto="https", forwarded="for=127.0.0.1"), UNPROVED),
        Probe("no Host", plain(b"GET /v1/events HTTP/1.1\r\nauthorization: Bearer TOKEN\r\nconnection: close\r\n\r\n"), SERVER),
        Probe("two Hosts", plain(b"GET /v1/events HTTP/1.1\r\nhost: a\r\nhost: b\r\nauthorization: Bearer TOKEN\r\n"
                                  b"connection: close\r\n\r\n"), SERVER))),
    Input(22, "keys that are reused, long, empty", (
        Probe("reused", reused, ((422, "key_reused"),)),
        Probe("300 characters", sent(event(id="x" * 300)), ((422, "type"),)),
        Probe("empty", sent(event(id="")), ((422, "type"),)))),
    Input(23, "half a body, then silence", (Probe("half", hung, ((408, "too_slow"),)),)),
    Input(24, "SQL in every filter", tuple(
        Probe(f"{path}{text}", get(f"{path}{text}"),
              ((200, ""), (400, "bad_cursor"), (400, "bad_id"), (400, "malformed"), (404, "not_found"), (422, "enum"),
               (422, "unknown_connection"), (422, "unfit_text"), (405, "method_not_allowed")))
        for path in FILTERS for text in METACHARACTERS)),
)  # fmt: skip

HOOKS = (
    Input(25, "no, two and 64 signatures", (
        Probe("none", hook(HOOK, lambda headers: {}), FORGED),
        Probe("two that are wrong", hook(HOOK, signed("v1,AAAA v1,BBBB")), FORGED),
        Probe("64", hook(HOOK, signed(" ".join(["v1," + "A" * 43 + "="] * 64))), FORGED),
        Probe("two headers of one name", lambda hub: hub.send(request("POST", f"/v1/hooks/{hub.handles['hooks']}", {
            "webhook-signature": "v1,AAAA", "Webhook-Signature": "v1,BBBB"}, HOOK)), FORGED)),
        ("tests/unit/http/test_standard_webhooks.py::test_none_two_and_sixty_four_signatures",)),
    Input(26, "a signature over JSON written anew", (
        Probe("with spaces", lambda hub: hook(json.dumps(json.loads(HOOK)).encode(), aged(0))(hub), FORGED),),
        ("tests/unit/http/test_signatures.py::test_a_signature_over_the_same_json_written_anew_is_refused",)),
    Input(27, "times that are old, early or none", (
        *(Probe(f"{age:+} s", hook(HOOK, aged(age)), FORGED) for age in (-302, 302, -86400 * 400)),
        *(Probe(text[:9], hook(HOOK, stamped(text)), FORGED) for text in ("1e20", "NaN", "-1", "", "9" * 400, "1.5")))),
    Input(28, "an id again, by another process", Elsewhere((
        "tests/edges/test_bad_inputs.py::test_a_hook_again_has_no_second_effect_in_another_process",))),
    Input(29, "the secret of another connection", (Probe("the ATS's", referral(PARTNER_KEY), FORGED),
                                                   Probe("old", referral(REFERRAL_SECRET, 301), FORGED))),
    Input(30, "v1a with an HMAC secret", (Probe("v1a", hook(HOOK, as_ed25519), FORGED),)),
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
IDENTITY = (
    Input(33, "OAuth state missing, reused, of another session", Elsewhere((
        _ELSEWHERE + "test_another_browser_cannot_end_what_this_one_began",))),
    Input(34, "a code again", Elsewhere((_ELSEWHERE + "test_a_code_is_good_once_for_the_browser_it_was_given_to",))),
    Input(35, "a redirect with an extra slash, port or fragment", Elsewhere((
        _ELSEWHERE + "test_where_the_browser_comes_back_to_is_one_address_to_the_letter",))),
    Input(36, "`iss` of another provider", Elsewhere((
        _CLAIMS + "test_an_answer_of_another_issuer_or_with_an_error_is_refused", _CLAIMS + "test_what_does_not_hold_is_refused"))),
    Input(37, "`alg` none, HS256 with a public key", (
        Probe("none", bearer(JWT), UNPROVED),
        Probe("HS256", bearer("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA"), UNPROVED))),
    Input(38, "a key named by the token", (
        Probe("kid", bearer(base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"../../dev/null"}').decode().rstrip("=") + ".e30.AA"),
              UNPROVED),)),
    Input(39, "an unknown `crit`", (
        Probe("crit", bearer(base64.urlsafe_b64encode(b'{"alg":"none","crit":["x"]}').decode().rstrip("=") + ".e30.AA"), UNPROVED),)),
    Input(40, "`aud` a list, foreign, absent", Elsewhere((
        _CLAIMS + "test_what_does_not_hold_is_refused",))),
    Input(41, "a token of 100 MB", (
        Probe("300 characters", bearer("x" * 300), UNPROVED),
        Probe("1 MB", bearer("x" * 1_000_000), ((431, ""), (400, ""), (0, ""))),)),
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

AUTHORS = (
    Input(76, "code, depth and size in rules and mappings", (
        Probe("depth", rule(groups(30)), ((400, "too_deep"),)),
        Probe("beyond the body's depth", rule(groups(120)), ((400, "too_deep"),)),
        Probe("1 MB of text", rule({"kind": "clause", "id": "c", "field": "candidate.name.full", "op": "eq", "value": CANARY * 170_000}),
              ((422, "wrong_value"),)),
        Probe("__class__", rule({"kind": "clause", "id": "c", "field": "__class__.__mro__", "op": "eq", "value": 1}),
              ((422, "unknown_field"), (422, "bad_path"))),
        Probe("constructor", rule({"kind": "clause", "id": "c", "field": "constructor", "op": "eq", "value": 1}),
              ((422, "unknown_field"), (422, "bad_path")))),
        ("tests/unit/mappings/test_mapping_engine.py::test_no_text_of_a_mapping_becomes_code",
         "tests/unit/rules/test_rule_reading.py::test_whatever_stands_anywhere_is_read_or_refused_and_never_breaks")),
    Input(77, "a regular expression that never ends", (
        Probe("matches", rule({"kind": "clause", "id": "c", "field": "candidate.name.full", "op": "matches", "value": "(a+)+$"}),
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
        Probe("in a path", get("/v1/rules/%3Cscript%3Ealert(1)%3C%2Fscript%3E"), UNKNOWN),
        Probe("in a name", sent(event(source="<script>\n")), ((422, "type"),)))),
    Input(83, "forms, cookies, frames of other sites", (
        Probe("a form", lambda hub: hub.send(request("POST", "/v1/replays", {
            "content-type": "text/plain", "cookie": f"session={hub.token}", "origin": "https://evil.example"}, b"{}")), UNPROVED),
        Probe("a preflight", lambda hub: hub.send(request("OPTIONS", "/v1/events", {
            "origin": "https://evil.example", "access-control-request-method": "POST"})), ((204, ""), (401, "bad_token"))))),
    Input(84, "tables of a million columns, mixed encodings", Waits(_NO_TABLES)),
)  # fmt: skip

INPUTS = (*REST, *HOOKS, *IDENTITY, *OUTBOUND, *FILES, *MEDIA, *AUTHORS, *CONSOLE)
