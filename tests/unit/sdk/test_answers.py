"""What a vendor's answer means: the table by status, the manifest's rules, and how long to wait."""

from datetime import UTC, datetime

import pytest

from hub.domain.deliveries import Delivered, Gone, NeedsHuman, Refused, TryLater
from hub.sdk.answers import waited

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KNOWN = {"person": "p1"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success(run, status):
    assert run("note.add", refs=KNOWN).answers(status, {"id": 9}).outcome == Delivered("9", refs={**KNOWN, "note": "9"})


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 405, 409, 413, 415, 418, 422, 451])
def test_refused_but_a_new_setting_may_mend_it(run, status):
    assert run("note.add", refs=KNOWN).answers(status).outcome == Refused(f"http_{status}", retry=True)


@pytest.mark.parametrize("status", [401, 403])
def test_credentials(run, status):
    assert run("note.add", refs=KNOWN).answers(status).outcome == Refused(f"auth:http_{status}", retry=True)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_later(run, status):
    assert run("note.add", refs=KNOWN).answers(status).outcome == TryLater(f"http_{status}")
    told = run("note.add", refs=KNOWN).answers(status, retry_after="9").outcome
    assert told == TryLater(f"http_{status}", 9.0)


def test_gone(run):
    assert run("note.add", refs=KNOWN).answers(410).outcome == Gone("http_410")


@pytest.mark.parametrize(("status", "wanted"), [(500, NeedsHuman("outcome_unknown")), (429, TryLater("http_429"))])
def test_what_may_not_be_repeated_is_held_for_a_person_where_the_vendor_may_have_acted(run, manifest, status, wanted):
    manifest["operations"]["note.add"]["idempotency"] = {"mode": "none_manual_review"}
    assert run("note.add", refs=KNOWN).answers(status).outcome == wanted


@pytest.mark.parametrize(
    ("rule", "status", "body", "wanted"),
    [
        ({"do": "fail", "class": "reauth"}, 401, None, NeedsHuman("needs_reauth")),
        ({"do": "fail", "class": "needs_human"}, 422, None, NeedsHuman("http_422")),
        ({"do": "fail", "class": "quota"}, 403, None, Refused("quota:http_403", retry=True)),
        ({"do": "refresh_then_retry_once"}, 401, None, Refused("auth:http_401", retry=True)),
        ({"do": "gone"}, 404, None, Gone("http_404")),
        ({"do": "retry"}, 409, None, TryLater("http_409")),
        ({"do": "ok"}, 409, {"id": "n7"}, Delivered("n7", refs={**KNOWN, "note": "n7"})),
    ],
)
def test_the_manifests_rule_comes_first(run, manifest, rule, status, body, wanted):
    manifest["defaults"]["errors"] = [{"when": {"status": [status]}, **rule}]
    assert run("note.add", refs=KNOWN).answers(status, body).outcome == wanted


def test_a_rule_may_look_into_the_body(run, manifest):
    manifest["defaults"]["errors"] = [
        {"when": {"status": [409], "body": {"path": "error.code", "equals": "duplicate"}}, "do": "ok"}
    ]
    assert isinstance(run("note.add", refs=KNOWN).answers(409, {"error": {"code": "duplicate"}}).outcome, Delivered)
    assert run("note.add", refs=KNOWN).answers(409, {"error": {"code": "other"}}).outcome == Refused(
        "http_409", retry=True
    )
    assert run("note.add", refs=KNOWN).answers(409).outcome == Refused("http_409", retry=True)


def test_an_error_inside_200(run, manifest):
    manifest["defaults"]["ok"] = {"path": "code", "equals": 0}
    manifest["defaults"]["errors"] = [
        {"when": {"status": [200], "body": {"path": "code", "equals": 99}}, "do": "retry", "wait": ["retry-after"]}
    ]
    note = {**KNOWN}
    assert run("note.add", refs=note).answers(200, {"code": 0, "id": 1}).outcome == Delivered(
        "1", refs={**KNOWN, "note": "1"}
    )
    assert run("note.add", refs=note).answers(200, {"code": 1}).outcome == Refused("not_ok:http_200", retry=True)
    assert run("note.add", refs=note).answers(200, {"code": 99}, retry_after="2").outcome == TryLater("http_200", 2.0)
    assert run("note.add", refs=note).answers(200, {"code": False}).outcome == Refused("not_ok:http_200", retry=True)


def test_an_operations_own_rules_come_before_the_shared_ones(run, manifest):
    manifest["defaults"]["errors"] = [{"when": {"status": [404]}, "do": "retry"}]
    manifest["operations"]["note.add"]["errors"] = [{"when": {"status": [404]}, "do": "gone"}]
    assert run("note.add", refs=KNOWN).answers(404).outcome == Gone("http_404")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("Mon, 02 Mar 2026 09:00:45 GMT", 45.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("2026-03-02T09:01:00Z", 60.0),
        ("2026-03-02T09:01:00", 60.0),
        (str(int(NOW.timestamp()) + 20), 20.0),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_wait_is_read_in_every_form_vendors_use(text, seconds):
    assert waited({"retry-after": text}, ["retry-after"], NOW) == seconds


def test_the_longest_wait_counts_and_a_date_needs_a_clock():
    headers = {"retry-after": "5", "x-reset": "2026-03-02T09:00:50Z"}
    assert waited(headers, ["retry-after", "x-reset", "x-none"], NOW) == 50.0
    assert waited(headers, ["retry-after", "x-reset"], None) == 5.0
