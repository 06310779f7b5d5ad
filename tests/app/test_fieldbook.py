"""A field that a connector adds has its label wherever it is named: sentence, branch, difference, clause, reason."""

from __future__ import annotations

from typing import Any

from hub.app.fieldbook import Fieldbook
from hub.app.incoming import Incoming
from hub.app.rules.diff import sentence_diff
from hub.app.rules.why_words import event_lines
from hub.app.rules.words import clause_words
from tests.app.conftest import CHECKS, REFERRALS, REPORT
from tests.support.hubs import CATALOG, TENANT, Bench

FIELDS = Fieldbook(CATALOG)
PATH = "background_check.custom.turnaround_s"
WORDS = {"en": "Turnaround (Checkr", "zh-CN": "处理用时（"}


def slow(least: int) -> Any:
    return {"kind": "clause", "id": "slow", "field": PATH, "op": "gt", "value": least}


def rule(least: int, event: str = "background_check.completed") -> Any:
    call = {"kind": "action", "id": "a", "connection": "referrals", "operation": "referral.create"}
    if event != "background_check.completed":
        wait = {"kind": "wait", "id": "w", "for": "background_check.completed", "timeout": "P1D"}
        steps = [wait, {"kind": "branch", "id": "b", "when": slow(least), "then": [call]}]
        return {"schema": 1, "trigger": {"event": event}, "then": steps}
    return {"schema": 1, "trigger": {"event": event}, "when": slow(least), "then": [call]}


async def test_no_text_names_the_path_of_a_field_that_has_a_label(b: Bench) -> None:
    await b.configure({"connections": {"referrals": REFERRALS, "checks": CHECKS}, "rules": {"r": {"rule": rule(60)}}})
    data = {
        "background_check": {"id": "c", "status": "completed", "result": "clear", "custom": {"turnaround_s": 5}},
        "candidate": {"id": "cand_1"},
    }
    [event] = await b.accept(Incoming("background_check.completed", 1, "/checks", "1", data, subject="cand_1"))
    found = await b.hub.why.event(TENANT, event)
    for language, word in WORDS.items():
        told = [
            FIELDS.sentence(rule(60), language),
            FIELDS.sentence(rule(60, REPORT), language),
            "".join(part.text for part in sentence_diff(rule(60), rule(90), FIELDS, language)),
            clause_words(rule(60), FIELDS, "en" if language == "en" else "zh-CN")["slow"],
            "\n".join(event_lines(found, FIELDS, language)),
        ]
        for text in told:
            assert word in text
            assert PATH not in text
