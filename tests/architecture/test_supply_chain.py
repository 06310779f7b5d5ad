"""What we ship: no version that is known to be vulnerable, no licence that binds, and a bill of materials that is whole."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from requirements import audit
from requirements.licences import licence, may_ship
from requirements.locks import Locked, locked
from requirements.sbom import document

ROOT = Path(__file__).parents[2]


def affected(*events: dict[str, str], versions: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"ranges": [{"type": "ECOSYSTEM", "events": list(events)}], "versions": versions}


def test_nothing_locked_is_known_to_be_vulnerable(capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main() == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert all(f"as of {source['as_of']}" in said for source in audit.sources())


@pytest.mark.parametrize(
    ("name", "version"), [("aiohttp", "3.13.2"), ("Authlib", "1.6.6"), ("litestar", "2.19.0"), ("pillow", "9.0.0")]
)
def test_a_planted_old_version_is_seen(name: str, version: str) -> None:
    old = Locked(name, version, "", ())
    assert [package for source in audit.sources() for package, _ in audit.matches([old], source["advisories"])]


@pytest.mark.parametrize(
    ("version", "what", "wanted"),
    [
        ("1.0", affected({"introduced": "0"}, {"fixed": "1.0"}), False),
        ("1.0rc1", affected({"introduced": "0"}, {"fixed": "1.0"}), True),
        ("0.9", affected({"introduced": "1.0"}, {"fixed": "2.0"}), False),
        ("1.10", affected({"introduced": "1.9"}, {"fixed": "1.11"}), True),
        ("3.0", affected({"introduced": "0"}, {"fixed": "1"}, {"introduced": "3.0"}), True),
        ("3.0", affected({"introduced": "0"}, {"last_affected": "3.0"}), True),
        ("3.1", affected({"introduced": "0"}, {"last_affected": "3.0"}), False),
        ("7", affected(versions=("7",)), True),
        ("1!1.0", affected({"introduced": "0"}, {"fixed": "9"}), False),
    ],
)
def test_ranges_are_read_as_osv_means_them(version: str, what: dict[str, Any], wanted: bool) -> None:
    assert audit.hit(version, what) is wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("MIT", True), ("Apache-2.0 AND MIT", True), ("Apache-2.0 OR BSD-3-Clause", True), ("GPL-3.0-only OR MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True), ("MIT AND (GPL-2.0-only OR AGPL-3.0-only)", False),
        ("AGPL-3.0-only", False), ("GPL-3.0-or-later", False), ("LGPL-3.0-only", False), ("MIT AND GPL-2.0-only", False),
        ("NOASSERTION", False), ("SSPL-1.0", False),
    ],
)  # fmt: skip
def test_licences_that_bind_are_not_shipped(expression: str, wanted: bool) -> None:
    assert may_ship(expression) is wanted


def test_every_shipped_package_says_its_licence() -> None:
    assert {p.name: licence(p.name) for p in locked("run") if not may_ship(licence(p.name))} == {}


def test_the_bill_of_materials_is_the_lock() -> None:
    bill = document()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    wanted = {p.purl: set(p.hashes) for p in locked("run")}
    shown = {
        one["purl"]: {h["content"] for ref in one["externalReferences"] for h in ref["hashes"]}
        for one in bill["components"]
    }
    assert shown == wanted
    assert all(one["licenses"][0]["expression"] != "NOASSERTION" for one in bill["components"])
    refs = {bill["metadata"]["component"]["bom-ref"], *wanted}
    assert {one["ref"] for one in bill["dependencies"]} == refs
    assert all(set(one["dependsOn"]) <= refs for one in bill["dependencies"])
    assert json.dumps(document()) == json.dumps(bill)


def test_what_the_project_asks_for_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = {audit.normal(p.name): p.version for p in locked("run")}
    for text in project["dependencies"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(versions[audit.normal(wanted.name)]), text


def test_make_check_holds_the_locks_against_the_advisories() -> None:
    check = re.search(r"^check:.*?(?=^\S)", (ROOT / "Makefile").read_text("utf-8"), re.M | re.S)
    assert check is not None
    assert "-m requirements.audit" in check[0]
