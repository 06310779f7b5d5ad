"""What is in force lowers a control and never raises it; a setting that weakens one shows with its value."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.app.evidence.controls import standards
from hub.bootstrap.in_force import in_force
from hub.domain.evidence import Control, Finding, Result, Topic, in_order, judge
from hub.domain.in_force import Fact, Standing, facts, worst
from hub.settings import Settings

STRICT = {
    "HIREWIRE_HOME": "/srv/hirewire",
    "HIREWIRE_TLS_CERT": "/etc/cert.pem",
    "HIREWIRE_TLS_KEY": "/etc/key.pem",
    "HIREWIRE_SEPARATION": "required",
    "HIREWIRE_RULE_REVIEW": "required",
    "HIREWIRE_PASSWORD_DAYS": "90",
    "HIREWIRE_AUDIT_HEADS": "s3://heads/hub",
    "HIREWIRE_BACKUP_TO": "s3://backups/hub",
    "HIREWIRE_BACKUP_KEYS_TO": "s3://keys/hub",
    "HIREWIRE_BACKUP_RECIPIENTS": "age1x",
    "HIREWIRE_BACKUP_SHIP": "5",
    "HIREWIRE_MEDIA_COPY": "s3://copy/hub",
    "HIREWIRE_KEY_PROVIDER": "vault",
    "HIREWIRE_PRODUCTION": "1",
}
OTHERS = ("factors", "admin_factors", "stale", "database", "keys", "trail")


def read(environ: dict[str, str]) -> dict[str, Fact]:
    return {fact.name: fact for fact in facts(in_force(Settings.read(environ)))}


def finding(id: str, environ: dict[str, str], results: dict[str, Result] | None = None) -> Finding:
    [control] = [one for standard in standards() for one in standard.controls if one.id == id]
    found = read(environ) | {name: Fact(name, name, "well", Standing.MET) for name in OTHERS}
    return judge(control, found, results)


@pytest.mark.parametrize(
    ("change", "fact", "standing", "value"),
    [
        ({"HIREWIRE_TLS_CERT": "", "HIREWIRE_TLS_KEY": "", "HIREWIRE_PRODUCTION": "0"}, "transport", "unmet", "off"),
        (
            {"HIREWIRE_TLS_CERT": "", "HIREWIRE_TLS_KEY": "", "HIREWIRE_PUBLIC_URL": "https://hub.example"},
            "transport", "partly", "TLS ends at a proxy; its versions are not seen here",
        ),
        ({"HIREWIRE_SESSION_IDLE": "1800"}, "session", "partly", "idle 1800 s, at most 28800 s"),
        ({"HIREWIRE_SESSION_IDLE": "7200"}, "session", "unmet", "idle 7200 s, at most 28800 s"),
        ({"HIREWIRE_SESSION_LIFE": "86400"}, "session", "unmet", "idle 900 s, at most 86400 s"),
        ({"HIREWIRE_SEPARATION": "off"}, "separation", "unmet", "off"),
        ({"HIREWIRE_PASSWORD_DAYS": "0"}, "password_changed", "partly", "0"),
        ({"HIREWIRE_PASSWORD_DAYS": "90"}, "password_free", "unmet", "90"),
        ({"HIREWIRE_AUDIT_HEADS": ""}, "audit_heads", "partly", "/srv/hirewire/audit"),
        ({"HIREWIRE_BACKUP_TO": ""}, "backups", "unmet", "none"),
        ({"HIREWIRE_BACKUP_KEYS_TO": ""}, "backups", "partly", "s3://backups/hub"),
        ({"HIREWIRE_BACKUP_SHIP": "60"}, "offsite", "partly", "s3://backups/hub, every 60 s"),
        ({"HIREWIRE_MEDIA_COPY": ""}, "media_copy", "unmet", "none"),
        ({"HIREWIRE_KEY_PROVIDER": "file"}, "key_provider", "partly", "file"),
        ({"HIREWIRE_PRODUCTION": "0", "HIREWIRE_EGRESS": "loopback"}, "egress", "unmet", "loopback"),
        ({"HIREWIRE_LIMIT_TOKEN": "off"}, "limits", "partly", "off: token"),
        ({"HIREWIRE_BODY_TIMEOUT": "600"}, "timeouts", "partly", "5 s, 600 s"),
        ({"HIREWIRE_BACKLOG": "0"}, "bounds", "partly", "off"),
        ({"HIREWIRE_PRODUCTION": "0"}, "production", "partly", "off"),
        (
            {"HIREWIRE_PRODUCTION": "0", "HIREWIRE_DATABASE": "postgresql://hub@db.example/hirewire"},
            "database_link", "unmet", "postgresql, may be plain",
        ),
        (
            {"HIREWIRE_DATABASE": "postgresql://hub@db.example/hirewire?sslmode=require"},
            "database_link", "partly", "postgresql, TLS, certificate not checked",
        ),
        ({"HIREWIRE_SCANNER": "tcp://scanner.example:3310"}, "scanner_link", "partly", "may be plain"),
        ({"HIREWIRE_RULE_REVIEW": "off"}, "review", "partly", "off"),
        ({"HIREWIRE_LOG_LEVEL": "debug"}, "log_level", "partly", "debug"),
        ({"HIREWIRE_RETENTION_DAYS": "events=0"}, "retention", "partly", "for good: events, tag_changes"),
    ],
)  # fmt: skip
def test_a_setting_that_weakens_a_control_shows_with_its_value(
    change: dict[str, str], fact: str, standing: str, value: str
) -> None:
    found = read(STRICT | change)[fact]
    assert (found.standing, found.value) == (standing, value)
    touched = [c for s in standards() for c in s.controls if any(fact in topic.facts for topic in c.topics)]
    assert touched
    for control in touched:
        assert finding(control.id, STRICT | change).standing in (Standing.UNMET, found.standing)


def test_strict_settings_leave_only_what_is_said_to_be_missing() -> None:
    weak = {name: one.value for name, one in read(STRICT).items() if one.standing is not Standing.MET}
    assert weak == {"password_free": "90", "redundant": "sqlite"}
    assert (
        read(STRICT | {"HIREWIRE_DATABASE": "postgresql://hub@db.example/hub?sslmode=verify-full"})["redundant"].value
        == "postgresql"
    )


def test_less_than_half_a_year_of_audit_is_unmet() -> None:
    from dataclasses import replace

    short = replace(in_force(Settings.read(STRICT)), audit_days=179)
    [kept] = [fact for fact in facts(short) if fact.name == "audit_days"]
    assert (kept.standing, kept.value) == (Standing.UNMET, "179")


@pytest.mark.parametrize(
    ("control", "environ", "standing"),
    [
        ("L3-CES1-03", STRICT, "met"),
        ("L3-CES1-03", {}, "unmet"),
        ("L3-CES1-08", STRICT, "met"),
        ("L3-CES1-08", {}, "unmet"),
        ("L3-CES1-14", STRICT, "met"),
        ("L3-CES1-01", STRICT, "met"),
        ("V6.2.10", STRICT, "unmet"),
        ("V6.2.10", {}, "met"),
        ("V5.4.3", STRICT, "unmet"),
        ("A.7.4", STRICT, "not_applicable"),
        ("A.8.13", {}, "unmet"),
    ],
)
def test_controls_stand_as_the_settings_are(control: str, environ: dict[str, str], standing: str) -> None:
    assert finding(control, environ).standing == standing


def test_a_test_that_did_not_pass_lowers_its_controls() -> None:
    tests = {test: Result.PASSED for topic in finding("L3-CES1-03", STRICT).control.topics for test in topic.tests}
    assert finding("L3-CES1-03", STRICT, tests).standing is Standing.MET
    name = next(iter(tests))
    assert finding("L3-CES1-03", STRICT, tests | {name: Result.FAILED}).standing is Standing.UNMET
    assert finding("L3-CES1-03", STRICT, tests | {name: Result.SKIPPED}).standing is Standing.PARTLY
    assert finding("L3-CES1-03", STRICT, {}).results[name] is Result.NOT_RUN
    assert finding("L3-CES1-03", {}, tests).standing is Standing.UNMET, "passed tests do not raise a setting"


def test_a_judge_that_looks_away_is_seen() -> None:
    """The planted fault: without the fact, a weak setting counts as met."""
    words = {"en": "x", "zh": "x"}
    weak = {"tls": Fact("tls", "HIREWIRE_TLS_CERT", "off", Standing.UNMET)}
    topic = Topic("t", words, ("tls",), ("tests/x.py::test_x",), "hirewire audit list")
    blind = Topic("t", words, (), ("tests/x.py::test_x",), "hirewire audit list")
    assert judge(Control("X", words, (topic,)), weak, None).standing is Standing.UNMET
    assert judge(Control("X", words, (blind,)), weak, None).standing is Standing.MET


def test_unmet_comes_first() -> None:
    found = [finding(id, {}) for id in ("A.7.4", "V6.2.10", "V6.2.4", "L3-CES1-03")]
    order = [one.standing for one in in_order(found)]
    assert order == [Standing.UNMET, Standing.PARTLY, Standing.MET, Standing.NOT_APPLICABLE]
    assert worst(Standing.MET, Standing.PARTLY) is Standing.PARTLY


def test_no_password_of_an_address_is_told() -> None:
    told = read({"HIREWIRE_DATABASE": "postgresql://hub:hunter2@db.example/hub", "HIREWIRE_HOME": str(Path("/srv"))})
    assert not [one for one in told.values() if "hunter2" in one.value]
