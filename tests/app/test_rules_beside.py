"""Before a rule comes into force it is held against those that are, and its oddities are said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.errors import Conflict
from hub.ports.connector import Catalog, Connector
from mappings.documents import Document
from tests.app.conftest import HIGH_SCORE, REFERRALS, REPORT, action, rule
from tests.support.hubs import TENANT, Bench, bench

LOWER = rule(REPORT, "report.overall.score", "gt", 80, action("referrals", "referral.create"))
BELOW = rule(REPORT, "report.overall.score", "lt", 60, action("referrals", "referral.create"))


async def lines(b: Bench, **rules: Document) -> list[str]:
    changes = await b.hub.configure.plan(TENANT, {"hirewire": 1, "rules": {**rules}})
    return [line for change in changes for line in change.lines if line.startswith("!")]


async def test_what_two_rules_would_do_twice_is_said_before_it_is_applied(referring: Bench) -> None:
    [line] = await lines(referring, lower=LOWER)
    assert "referral.create at referrals would be done twice" in line
    assert "high score" in line
    assert await lines(referring, below=BELOW) == [], "they can never fire on the same event"


async def test_a_rule_that_can_never_fire_says_so(referring: Bench) -> None:
    clause = {"kind": "clause", "field": "report.overall.score"}
    never: Document = {
        "rule": {
            "schema": 1,
            "trigger": {"event": REPORT},
            "when": {
                "kind": "group",
                "id": "g",
                "mode": "all",
                "items": [
                    {**clause, "id": "a", "op": "gt", "value": 90},
                    {**clause, "id": "b", "op": "lt", "value": 50},
                ],
            },
            "then": [action("referrals", "referral.create")],
        }
    }
    assert await lines(referring, never=never) != []


async def test_what_nobody_can_tell_was_done_before_is_refused() -> None:
    b = bench()
    real = b.hub.catalog

    class Unsure:
        """The same connectors; creating a referral cannot be recognised afterwards."""

        def names(self) -> tuple[str, ...]:
            return real.names()

        def get(self, name: str) -> Connector:
            found = real.get(name)
            if name != "referral":
                return found
            operations = {
                key: replace(one, idempotency="none_manual_review") if one.safety == "write" else one
                for key, one in found.operations.items()
            }
            return type(
                "Changed", (), {"__getattr__": lambda _, at: operations if at == "operations" else getattr(found, at)}
            )()

    catalog: Catalog = Unsure()
    configure = replace(b.hub.configure, catalog=catalog)
    start: Document = {"hirewire": 1, "connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}}
    await b.hub.vault.prepare(TENANT)
    await configure.apply(TENANT, start, "test")
    with pytest.raises(Conflict) as refused:
        await configure.plan(TENANT, {"hirewire": 1, "rules": {"lower": LOWER}})
    assert refused.value.code == "overlap"
    assert await configure.plan(TENANT, {"hirewire": 1, "rules": {"below": BELOW}}) != []
