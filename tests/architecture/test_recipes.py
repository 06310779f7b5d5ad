"""Every recipe is applied, its example event accepted, and what it says will happen happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.app.consents import Told
from hub.app.incoming import Incoming
from hub.app.queries import state_name
from hub.domain.approvers import Approver
from hub.domain.rules.moments import read_duration
from hub.domain.runs import RunState
from hub.ports.transport import HttpRequest, HttpResponse, MailReply, MailRequest
from tests.support.hubs import TENANT, Bench, bench

FOLDER = Path(__file__).parents[2] / "docs" / "recipes"
RECIPES = sorted(FOLDER.glob("*.yaml"))


def holds(wanted: Any, got: Any) -> bool:
    """Whether `got` has all that `wanted` names."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(k in got and holds(v, got[k]) for k, v in wanted.items())
    if isinstance(wanted, list):
        return isinstance(got, list) and len(wanted) == len(got) and all(map(holds, wanted, got))
    return bool(wanted == got)


def with_words(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration with a word for every secret that the reader takes from elsewhere."""
    for connection in configuration.get("connections", {}).values():
        connection["secrets"] = dict.fromkeys(connection.get("secrets", {}), "word")
    return configuration


async def happen(b: Bench, moment: dict[str, Any], key: str) -> None:
    """Time passes, an event comes, a person decides."""
    if "pass" in moment:
        span = read_duration(moment["pass"])
        assert span is not None
        b.clock.advance(span.total_seconds())
        await b.advance()
    if "event" in moment:
        event = moment["event"]
        await b.accept(Incoming(event["type"], 1, "/recipe", key, event["data"], subject=event["subject"]))
    if "agrees" in moment:
        await b.deliver()  # without the consent: held
        assert {state_name(one) for one in await b.deliveries()} == {"held"}
        await b.hub.consents.record(TENANT, moment["who"], Told(moment["agrees"]), "test")
    if "decide" in moment:
        [view] = await b.hub.runs.every(TENANT, states=[RunState.GATE, RunState.HELD])
        await b.hub.runs.decide(TENANT, view.run.id, moment["decide"], Approver("test", frozenset({"hr_owner"})))
    await b.advance()


async def holds_now(b: Bench, told: dict[str, Any]) -> None:
    """What is owed, where the run stands, which tags are set - as far as the recipe says it."""
    assert [await b.hub.queries.what(TENANT, d) for d in await b.deliveries()] == told["owes"]
    if "stands" in told:
        [view] = await b.hub.runs.every(TENANT)
        assert view.stands == told["stands"]
    if "tags" in told:
        story = await b.hub.queries.timeline(TENANT, "cand_1")
        assert [entry.what for entry in story if entry.kind == "tag"] == told["tags"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
async def test_a_recipe_does_what_it_says(recipe: Path) -> None:
    told = yaml.safe_load(recipe.read_text("utf-8"))
    assert set(told["title"]) == set(told["why"]) == {"en", "zh-CN"}
    example = told["example"]
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.hub.configure.apply(TENANT, with_words(told["configuration"]), "test")
    event = example["event"]
    await b.accept(Incoming(event["type"], 1, "/recipe", recipe.stem, event["data"], subject=event["subject"]))
    await b.advance()
    await holds_now(b, example)
    for number, moment in enumerate(example.get("then", [])):
        await happen(b, moment, f"{recipe.stem}-{number}")
        await holds_now(b, moment)
    if "ends" not in example:
        return
    for answer in example.get("answers", []):
        if "mail" in answer:
            b.vendor.script.append(MailReply(answer["mail"]))
        else:
            b.vendor.script.append(HttpResponse(answer["status"], {}, json.dumps(answer.get("json", {})).encode()))
    await b.deliver()
    asked = [r for r in b.vendor.asked if isinstance(r, HttpRequest)]
    for wanted, request in zip(example.get("requests", []), asked, strict=True):
        assert (request.method, request.url) == (wanted["method"], wanted["url"])
        body = request.json if request.json is not None else json.loads(request.body or b"null")
        assert holds(wanted["json"], body), body
    mails = [r for r in b.vendor.asked if isinstance(r, MailRequest)]
    for wanted, mail in zip(example.get("mails", []), mails, strict=True):
        assert mail.to == (wanted["to"],)
        assert any(a.content_type.startswith(wanted["attachment"]) for a in mail.attachments)
    assert [state_name(d) for d in await b.deliveries()] == example["ends"]


def test_every_recipe_is_in_the_list() -> None:
    listed = (FOLDER / "README.md").read_text("utf-8")
    assert [r.stem for r in RECIPES if f"({r.name})" not in listed] == []
