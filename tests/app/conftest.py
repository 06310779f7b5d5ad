"""A bench per test, and the configuration that the use cases are tried with."""

from __future__ import annotations

import pytest

from mappings.documents import Document
from tests.support.hubs import TENANT, Bench, bench


def action(connection: str, operation: str, id: str = "a1", **more: object) -> Document:
    return {"kind": "action", "id": id, "connection": connection, "operation": operation, **more}  # type: ignore[dict-item]


def rule(event: str, field: str, op: str, value: object, *steps: Document) -> Document:
    return {
        "rule": {
            "schema": 1,
            "trigger": {"event": event},
            "when": {"kind": "clause", "id": "c1", "field": field, "op": op, "value": value},  # type: ignore[dict-item]
            "then": list(steps),
        }
    }


REPORT = "interview.report.completed"
REFERRALS: Document = {
    "connector": "referral",
    "config": {"base_url": "https://ref.example"},
    "secrets": {"api_token": "t"},
}
CHECKS: Document = {
    "connector": "checkr",
    "config": {"environment": "staging", "default_package": "basic", "country": "US"},
    "secrets": {"api_key": "key"},
}
FEED: Document = {"connector": "webhook", "config": {"url": "https://feed.example/in"}}
HIGH_SCORE: Document = rule(REPORT, "report.overall.score", "gt", 85, action("referrals", "referral.create"))
ORDER_CHECK: Document = rule(
    REPORT, "report.overall.recommendation", "eq", "recommend", action("checks", "order_check")
)


@pytest.fixture
async def b() -> Bench:
    made = bench()
    await made.hub.vault.prepare(TENANT)
    return made


@pytest.fixture
async def referring(b: Bench) -> Bench:
    """One connection, one rule: a score above 85 goes to the referral system."""
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    return b
