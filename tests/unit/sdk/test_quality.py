"""Tiers come from evidence: what is missing lowers them, what is claimed must be shown."""

from dataclasses import replace

import pytest

from hub.adapters.catalog import FolderCatalog
from hub.sdk.quality import claims_against_evidence, tier

GOLD = FolderCatalog().folder("greenhouse")


def without(*names, folder=GOLD, **manifest):
    kept = {k: v for k, v in {**folder.manifest, **manifest}.items() if k not in names}
    return replace(folder, manifest=kept)


def only(keep):
    return replace(GOLD, samples=tuple((f, s) for f, s in GOLD.samples if keep(s)))


def answered(sample, *statuses):
    return any(turn["response"].get("status") in statuses for turn in sample.get("exchange", []))


@pytest.mark.parametrize(
    ("folder", "reached"),
    [
        (GOLD, "gold"),
        (without("test"), "none"),
        (only(lambda s: s.get("operation") != "note.add"), "none"),
        (only(lambda s: not answered(s, 503)), "bronze"),
        (only(lambda s: not answered(s, 401, 403)), "bronze"),
        (only(lambda s: "不写入" not in s["title"]["zh-CN"]), "bronze"),
        (without("webhooks"), "bronze"),
        (without(defaults={"timeout": "PT20S"}), "bronze"),
        (only(lambda s: "hook" not in s), "silver"),
        (replace(GOLD, readme="Only English. " * 100), "silver"),
        (replace(GOLD, readme=""), "silver"),
        (without("provides"), "silver"),
        (without("custom_fields"), "silver"),
        (replace(GOLD, samples=()), "none"),
    ],
)
def test_a_tier_is_what_the_folder_shows(folder, reached):
    assert tier(folder) == reached


def claiming(tier, folder=GOLD, **claims):
    return without(folder=folder, quality={"tier": tier, "owner": "Us", "claims": claims})


def test_a_reason_exempts_and_a_todo_does_not():
    bare = without("custom_fields")
    exempt = {"status": "exempt", "why": "The vendor has none"}
    assert tier(claiming("gold", bare, custom_fields=exempt)) == "gold"
    assert list(claims_against_evidence(claiming("gold", bare, custom_fields=exempt))) == []
    assert [f.code for f in claims_against_evidence(claiming("gold", bare, custom_fields={"status": "todo"}))] == [
        "tier_not_reached"
    ]
    assert list(claims_against_evidence(claiming("silver", bare, custom_fields={"status": "todo"}))) == []


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"charm": {"status": "done"}}, "unknown_criterion"),
        ({"provides": {"status": "exempt", "why": "Not offered at all"}}, "already_shown"),
        ({"readme": {"status": "todo"}}, "already_shown"),
    ],
)
def test_claims_are_compared_with_what_is_shown(claims, code):
    assert [f.code for f in claims_against_evidence(claiming("gold", **claims))] == [code]


def test_done_without_evidence_is_a_fault():
    bare = claiming("silver", without("custom_fields"), custom_fields={"status": "done"})
    assert [f.code for f in claims_against_evidence(bare)] == ["not_shown"]
