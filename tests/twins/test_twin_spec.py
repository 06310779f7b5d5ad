"""A `twin.yaml` that does not fit its manifest is refused with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.adapters.twins import load
from hub.adapters.twins.templates import render
from hub.domain.errors import Invalid

CONNECTORS = Path(__file__).parents[2] / "connectors"


@pytest.mark.parametrize("folder", sorted(p.parent.name for p in CONNECTORS.glob("*/manifest.yaml")))
def test_every_connector_has_a_twin_that_answers_its_operations(folder: str) -> None:
    assert load(CONNECTORS / folder).name == folder


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("path: /candidates\n", "path: /people\n", "no endpoint answers"),
        ("kind: page", "kind: cursor", "pages by page"),
        ("kind: page", "kind: book", "Invalid enum"),
        ("upon: reports.create", "upon: reports.vanish", "never happens"),
        ("{hook: report.created,", "{hook: report.cretaed,", "not among the hooks"),
        ("      - create: reports\n", "      - create: raports\n", "raports"),
        ("twin: 1", "twin: 1\ntwiin: 2", "unknown field"),
        ("name: candidates.create", "name: candidates.show", "one name"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, word: str) -> None:
    folder = tmp_path / "checkr"
    folder.mkdir()
    shutil.copy(CONNECTORS / "checkr" / "manifest.yaml", folder)
    text = (CONNECTORS / "checkr" / "twin.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / "twin.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        load(folder)
    assert caught.value.code == "bad_twin"
    assert word in str(caught.value)


def test_a_folder_without_a_twin(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as caught:
        load(tmp_path)
    assert caught.value.code == "no_twin"


def test_templates() -> None:
    scope = {"a": {"b": [1, {"c": "x"}], "n": None}}
    assert render("{a.b.0}", scope) == 1
    assert render("<{a.b.1.c}/{a.zzz}>", scope) == "<x/>"
    assert render({"k": "{a.zzz?}", "l": "{a.n}"}, scope) == {"l": None}
    assert render({"$first": ["{a.n}", "{a.b.1.c}"]}, scope) == "x"
    assert render({"$choose": [{"of": "{a.b.1.c}", "like": "y*", "give": 1}], "else": 2}, scope) == 2
