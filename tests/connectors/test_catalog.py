"""The catalog: folders and packages, a broken one skipped and named, a new one green from the start."""

import sys
from pathlib import Path

import pytest

from hub.adapters.catalog import FolderCatalog, scaffold
from hub.adapters.catalog.catalog import check_folder
from hub.adapters.catalog.reading import read_folder
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.sdk import Job, Refused


def no_code():
    raise AssertionError("this folder has no connector.py")


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A package of one connector outside the product, importable for one test."""
    package = tmp_path / "acme_connectors"
    package.mkdir()
    (package / "__init__.py").write_text("")
    scaffold("acme_ats", package)
    (package / "acme_ats" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield package / "acme_ats"
    for name in [name for name in sys.modules if name.startswith("acme_connectors")]:
        del sys.modules[name]


def catalog():
    return FolderCatalog(extra={"acme_ats": "acme_connectors.acme_ats"})


def test_the_shipped_connectors_are_there():
    assert {"webhook", "greenhouse", "checkr", "email", "referral"} <= set(FolderCatalog().names())
    assert FolderCatalog().problems() == []


def test_an_unknown_name_is_not_found():
    with pytest.raises(NotFound):
        FolderCatalog().get("nobody")
    with pytest.raises(NotFound):
        FolderCatalog().check("nobody")


def test_a_connector_from_another_package_is_found(outside):
    assert "acme_ats" in catalog().names()
    assert catalog().get("acme_ats").label == {"en": "Acme Ats", "zh-CN": "Acme Ats"}
    assert catalog().check("acme_ats") == []


def test_a_broken_manifest_is_skipped_and_named(outside):
    file = outside / "manifest.yaml"
    file.write_text(file.read_text().replace("    safety: write\n", "    safety: wild\n"))
    found = catalog()
    assert "acme_ats" not in found.names()
    assert "greenhouse" in found.names()
    assert [problem.where for problem in found.problems()] == [
        "acme_ats/manifest.yaml:operations.candidate.create.safety"
    ]
    with pytest.raises(NotFound, match="broken") as caught:
        found.get("acme_ats")
    assert caught.value.code == "broken_connector"


def test_yaml_that_cannot_be_read_names_its_line(outside):
    (outside / "manifest.yaml").write_text("id: [\n")
    (problem,) = catalog().problems()
    assert problem.code == "bad_yaml"
    assert problem.where.startswith("acme_ats/manifest.yaml:")


def test_a_key_said_twice_is_refused(outside):
    file = outside / "manifest.yaml"
    file.write_text(file.read_text() + "manifest: 1\n")
    (problem,) = catalog().problems()
    assert "there twice" in problem.message


def test_code_that_fails_at_import_breaks_its_own_connector_only(outside):
    (outside / "connector.py").write_text("raise RuntimeError('no')\n")
    found = catalog()
    assert [(p.where, p.code) for p in found.problems()] == [("acme_ats/connector.py", "broken_code")]
    assert "webhook" in found.names()
    assert [f.code for f in found.check("acme_ats")] == ["broken_code"]


def test_code_puts_its_condition_around_the_generic_connector(outside):
    (outside / "connector.py").write_text(
        "from hub.sdk import Declarative, Refused\n"
        "class Acme(Declarative):\n"
        "    def run(self, job):\n"
        "        if job.doc.get('blocked'):\n"
        "            return Refused('blocked')\n"
        "        return (yield from super().run(job))\n"
        "def connector(base):\n"
        "    return Acme(base.manifest, base.mappings, base.templates)\n"
    )
    exchange = catalog().get("acme_ats").run(Job("candidate.create", {"blocked": True}, {}, "k"))
    with pytest.raises(StopIteration) as done:
        next(exchange)
    assert done.value.value == Refused("blocked")


def test_the_scaffold_passes_every_check(tmp_path):
    files = scaffold("acme_ats", tmp_path)
    assert {file.relative_to(tmp_path / "acme_ats").parts[0] for file in files} == {
        "manifest.yaml",
        "mapping",
        "samples",
        "README.md",
    }
    assert check_folder(read_folder(tmp_path / "acme_ats"), no_code) == []


def test_the_scaffold_refuses_odd_names_and_folders_that_are_there(tmp_path):
    for name in ("Acme", "../acme", "", "a", "1acme", "acme-ats"):
        with pytest.raises(Invalid):
            scaffold(name, tmp_path)
    scaffold("acme_ats", tmp_path)
    with pytest.raises(Conflict):
        scaffold("acme_ats", tmp_path)


def test_a_sample_that_differs_is_a_finding(tmp_path):
    scaffold("acme_ats", tmp_path)
    sample = tmp_path / "acme_ats" / "samples" / "candidate_create.yaml"
    sample.write_text(sample.read_text().replace("name: Lin Yue, email", "name: Someone, email", 1))
    found = check_folder(read_folder(tmp_path / "acme_ats"), no_code)
    assert [f.code for f in found] == ["sample_differs"]
    assert found[0].where == "acme_ats/samples/candidate_create.yaml#1:exchange.1.request.json.name"


def test_a_tier_that_is_not_shown_is_a_finding(tmp_path):
    scaffold("acme_ats", tmp_path)
    for sample in (tmp_path / "acme_ats" / "samples").iterdir():
        sample.unlink()
    found = check_folder(read_folder(tmp_path / "acme_ats"), no_code)
    assert [f.code for f in found] == ["tier_not_reached"]
    assert "samples" in found[0].message


def test_a_mapping_that_cannot_be_compiled_is_a_finding(tmp_path):
    scaffold("acme_ats", tmp_path)
    mapping = tmp_path / "acme_ats" / "mapping" / "candidate_in.yaml"
    mapping.write_text(mapping.read_text().replace(", unknown: keep", ""))
    assert [f.code for f in check_folder(read_folder(tmp_path / "acme_ats"), no_code)] == ["not_total"]
    mapping.write_text(mapping.read_text().replace("fn: ext_id", "fn: nothing"))
    (finding,) = check_folder(read_folder(tmp_path / "acme_ats"), no_code)
    assert finding.code == "unknown_function"


def test_dates_in_yaml_stay_texts(tmp_path):
    folder = Path(tmp_path / "plain")
    folder.mkdir()
    (folder / "manifest.yaml").write_text("when: 2026-08-31\n")
    assert read_folder(folder).manifest == {"when": "2026-08-31"}
