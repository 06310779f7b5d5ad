"""What is documented is what there is: reference pages are fresh, links lead somewhere, the changelog knows the version."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from docs import generate

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "connectors").rglob("*.md"),
    ROOT / "hub/adapters/twins/README.md",
]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_reference_pages_are_fresh() -> None:
    for path, text in generate.written().items():
        assert path.read_text("utf-8") == text, f"run python -m docs.generate: {path.relative_to(ROOT)}"


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_guide_speaks_both_languages() -> None:
    guides = {page.name for page in (ROOT / "docs/guide").glob("*.md")}
    assert guides
    assert {name.replace(".md", ".zh-CN.md") for name in guides if not name.endswith(".zh-CN.md")} <= guides


def test_mail_addresses_are_examples() -> None:
    address = re.compile(r"[\w.+-]+@([\w-]+\.[\w.-]*\w)")
    for page in PAGES:
        strange = {
            d for d in address.findall(page.read_text("utf-8")) if not re.search(r"(^|\.)example(\.(com|org|net))?$", d)
        }
        assert {d for d in strange if not d[0].isdigit()} <= {"v1", "v2"}, page
