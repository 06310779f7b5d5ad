"""Settings are read once; what cannot work is refused with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.domain.errors import Invalid
from hub.settings import SETTINGS, Settings


def test_the_defaults_need_no_environment() -> None:
    read = Settings.read({})
    assert (read.host, read.port) == ("127.0.0.1", 8080)
    assert read.database == f"sqlite:///{Path('.hirewire').absolute() / 'hirewire.db'}"
    assert len(read.retry_delays) == 12
    assert read.egress_ports == (443,)
    assert read.embedded_loops
    assert not read.egress_loopback


def test_every_setting_takes_effect() -> None:
    read = Settings.read(
        {
            "HIREWIRE_HOME": "/srv/hirewire",
            "HIREWIRE_DATABASE": "postgresql://hub@db.example/hub",
            "HIREWIRE_LISTEN": "0.0.0.0:9000",
            "HIREWIRE_PUBLIC_URL": "https://hub.example/",
            "HIREWIRE_LOOPS": "none",
            "HIREWIRE_EGRESS": "loopback",
            "HIREWIRE_EGRESS_PORTS": "443,8443",
            "HIREWIRE_CA_FILE": "/etc/ca.pem",
            "HIREWIRE_KEYRING": "/keys/ring.json",
            "HIREWIRE_ROOT_KEY": "11" * 32,
            "HIREWIRE_RETRY_DELAYS": "1,2.5",
            "HIREWIRE_LEASE": "30",
            "HIREWIRE_IN_FLIGHT": "10",
            "HIREWIRE_RULE_REVIEW": "required",
            "HIREWIRE_METRICS_LISTEN": "127.0.0.1:9100",
            "HIREWIRE_LOG_FORMAT": "text",
            "HIREWIRE_LOG_LEVEL": "debug",
            "HIREWIRE_PRODUCTION": "0",
        }
    )
    assert (read.host, read.port, read.public_url) == ("0.0.0.0", 9000, "https://hub.example")
    assert (read.retry_delays, read.lease_s, read.in_flight) == ((1.0, 2.5), 30.0, 10)
    assert read.metrics_listen == ("127.0.0.1", 9100)
    assert read.egress_ports == (443, 8443)
    assert (read.keyring, read.ca_file) == (Path("/keys/ring.json"), Path("/etc/ca.pem"))
    assert not read.embedded_loops
    assert read.rule_review


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("HIREWIRE_LISTN", "x", "unknown_setting"),
        ("HIREWIRE_LISTEN", "8080", "bad_setting"),
        ("HIREWIRE_LISTEN", "host:99999", "bad_setting"),
        ("HIREWIRE_LOOPS", "some", "bad_setting"),
        ("HIREWIRE_RETRY_DELAYS", "5,soon", "bad_setting"),
        ("HIREWIRE_RETRY_DELAYS", "-1", "bad_setting"),
        ("HIREWIRE_RETRY_DELAYS", "nan", "bad_setting"),
        ("HIREWIRE_LEASE", "0", "bad_setting"),
        ("HIREWIRE_EGRESS_PORTS", "70000", "bad_setting"),
        ("HIREWIRE_LOG_LEVEL", "loud", "bad_setting"),
    ],
)
def test_a_bad_value_names_its_variable(name: str, value: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        Settings.read({name: value})
    assert (caught.value.code, caught.value.at) == (code, name)


@pytest.mark.parametrize(("name", "value"), [("HIREWIRE_EGRESS", "loopback"), ("HIREWIRE_ROOT_KEY", "11" * 32)])
def test_production_refuses_what_is_for_development(name: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        Settings.read({"HIREWIRE_PRODUCTION": "1", name: value})
    assert (caught.value.code, caught.value.at) == ("not_for_production", name)


def test_production_refuses_a_plain_way_to_the_database() -> None:
    address = "postgresql://hub@db.example/hirewire"
    with pytest.raises(Invalid) as caught:
        Settings.read({"HIREWIRE_PRODUCTION": "1", "HIREWIRE_DATABASE": address})
    assert (caught.value.code, caught.value.at) == ("not_for_production", "HIREWIRE_DATABASE")
    for good in (f"{address}?sslmode=verify-full", f"{address}?sslmode=require", "postgresql://hub@127.0.0.1/hirewire"):
        assert Settings.read({"HIREWIRE_PRODUCTION": "1", "HIREWIRE_DATABASE": good}).database == good


def test_each_setting_is_described_once() -> None:
    names = [doc.name for doc in SETTINGS]
    assert len(names) == len(set(names))
    assert all(doc.help for doc in SETTINGS)
