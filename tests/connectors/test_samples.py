"""Every sample of every connector's folder, replayed; and what the samples must be true to."""

import pytest

from hub.adapters.catalog import FolderCatalog
from hub.sdk.samples import replay
from mappings.canonical import checker
from mappings.engine import compile_mapping

CATALOG = FolderCatalog()
NAMES = ("checkr", "email", "greenhouse", "referral", "webhook")
CASES = [(name, file, sample) for name in NAMES for file, sample in CATALOG.folder(name).samples]
IDS = [f"{name}/{file}" for name, file, _ in CASES]


@pytest.mark.parametrize(("name", "file", "sample"), CASES, ids=IDS)
def test_the_connector_does_what_the_sample_says(name, file, sample):
    assert [str(one) for one in replay(CATALOG.get(name), sample)] == []


@pytest.mark.parametrize(("name", "file", "sample"), CASES, ids=IDS)
def test_a_sample_is_titled_in_english_and_chinese(name, file, sample):
    assert set(sample["title"]) == {"en", "zh-CN"}
    assert all(sample["title"].values())


@pytest.mark.parametrize(("name", "file", "sample"), CASES, ids=IDS)
def test_what_a_vendor_reports_fits_the_canonical_type(name, file, sample):
    for fact in sample.get("outcome", {}).get("delivered", {}).get("reported", []):
        assert checker(fact["type"], 1)(fact["data"]) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_answer_is_noticed(name):
    """The replay compares: a sample with another outcome fails."""
    sample = next(s for _, s in CATALOG.folder(name).samples if "outcome" in s and "operation" in s)
    wrong = {**sample, "outcome": {"gone": {"why": "http_410"}}}
    assert replay(CATALOG.get(name), wrong) != []


@pytest.mark.parametrize("name", NAMES)
def test_reasons_never_repeat_what_was_sent(name):
    """Whatever the vendor refuses, the reason holds no address and no name of the candidate."""
    for _, sample in CATALOG.folder(name).samples:
        for kind in ("refused", "try_later", "needs_human", "gone"):
            why = sample.get("outcome", {}).get(kind, {}).get("why", "")
            assert "@" not in why
            assert "林" not in why
            assert "Lin" not in why


@pytest.mark.parametrize("name", NAMES)
def test_every_folder_is_clean_and_gold(name):
    assert CATALOG.check(name) == []
    assert CATALOG.tier(name) == "gold"


@pytest.mark.parametrize("name", NAMES)
def test_a_connector_keeps_the_port(name):
    connector = CATALOG.get(name)
    assert connector.name == name
    assert set(connector.label) == {"en", "zh-CN"}
    assert connector.config_schema["type"] == "object"
    assert connector.wire["allowed_hosts"]
    for operation in connector.operations.values():
        assert (operation.idempotency is None) == (operation.safety == "read")
        assert operation.mapping is None or operation.mapping in connector.mappings
        assert {"en", "zh-CN"} <= set(operation.label)
    for document in connector.mappings.values():
        compile_mapping(document)


def test_a_background_check_needs_consent_and_writes_are_never_blind():
    assert CATALOG.get("checkr").operations["order_check"].consent == "background_check"
    for name in NAMES:
        for operation in CATALOG.get(name).operations.values():
            assert operation.safety == "read" or operation.idempotency in ("header", "natural", "read_before_write")


def test_no_secret_can_reach_a_request():
    """Secrets are named only where the transport fills them."""
    for name in NAMES:
        connector = CATALOG.get(name)
        secrets = [n for n, s in connector.config_schema["properties"].items() if s.get("x-secret")]
        operations = str(CATALOG.folder(name).manifest["operations"])
        assert not [secret for secret in secrets if f"config.{secret}" in operations]
