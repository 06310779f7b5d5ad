"""Configuration as code: the difference first, all or nothing, secrets in and never out."""

from __future__ import annotations

import pytest

from hub.app.configure import differences
from hub.domain.errors import HubError, Invalid
from mappings.documents import Document
from tests.app.conftest import FEED, HIGH_SCORE, REFERRALS, REPORT, action, rule
from tests.support.hubs import TENANT, Bench

WHOLE: Document = {"hirewire": 1, "connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}}


async def test_a_plan_says_what_would_change_and_changes_nothing(b: Bench) -> None:
    changes = await b.hub.configure.plan(TENANT, WHOLE)
    assert [(c.act, c.kind, c.name) for c in changes] == [
        ("add", "connection", "referrals"),
        ("add", "rule", "high score"),
    ]
    assert "* secret api_token is set" in changes[0].lines
    async with b.hub.store.look() as look:
        assert await look.connections(TENANT) == []


async def test_applying_twice_changes_nothing_the_second_time(b: Bench) -> None:
    await b.hub.configure.apply(TENANT, WHOLE, "test")
    exported = await b.hub.configure.export(TENANT)
    assert await b.hub.configure.plan(TENANT, exported) == []


async def test_an_export_shows_no_secret(b: Bench) -> None:
    await b.hub.configure.apply(
        TENANT,
        {"hirewire": 1, "connections": {"referrals": {**REFERRALS, "secrets": {"api_token": "hush-hush"}}}},
        "test",
    )
    exported = await b.hub.configure.export(TENANT)
    assert "hush-hush" not in str(exported)
    assert exported["connections"]["referrals"]["secrets"]["api_token"] == {"keep": True}  # type: ignore[index,call-overload]


async def test_a_secret_that_is_not_given_again_stays(b: Bench) -> None:
    await b.hub.configure.apply(TENANT, WHOLE, "test")
    moved: Document = {
        **REFERRALS,
        "config": {"base_url": "https://other.example"},
        "secrets": {"api_token": {"keep": True}},
    }
    await b.hub.configure.apply(TENANT, {"hirewire": 1, "connections": {"referrals": moved}}, "test")
    async with b.hub.store.look() as look:
        connection = await look.connection(TENANT, "referrals")
    assert connection is not None
    assert (await b.hub.channels.channel(connection)).secrets["api_token"] == "t"
    assert connection.config == {"base_url": "https://other.example"}


async def test_secrets_that_the_hub_makes_are_made(b: Bench) -> None:
    await b.configure({"connections": {"feed": FEED}})
    async with b.hub.store.look() as look:
        connection = await look.connection(TENANT, "feed")
    assert connection is not None
    channel = await b.hub.channels.channel(connection)
    assert channel.secrets["signing_secret"].startswith("whsec_")


async def test_every_act_is_on_the_record(b: Bench) -> None:
    await b.hub.configure.apply(TENANT, WHOLE, "somebody")
    async with b.hub.store.look() as look:
        entries = [row.act for row in await look.acts(TENANT, 50)]
    assert {(e.actor, e.action, e.object) for e in entries} == {
        ("somebody", "connection.add", "referrals"),
        ("somebody", "rule.add", "high score"),
    }
    assert "t" not in [line.rpartition(": ")[2] for e in entries for line in e.detail.get("lines", [])]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("document", "code", "at"),
    [
        ({}, "bad_format", "hirewire"),
        ({"hirewire": 1, "conections": {}}, "unknown_field", "conections"),
        ({"hirewire": 1, "connections": {"x": {"connector": "nobody"}}}, "not_found", None),
        (
            {
                "hirewire": 1,
                "connections": {"x": {"connector": "referral", "config": {"base_url": "https://a.example"}}},
            },
            "missing",
            "connections.x.secrets.api_token",
        ),
        (
            {
                "hirewire": 1,
                "connections": {"x": {**REFERRALS, "config": {"api_token": "t", "base_url": "https://a.example"}}},
            },
            "secret_in_config",
            "connections.x.config.api_token",
        ),
        (
            {"hirewire": 1, "connections": {"x": {**REFERRALS, "lane": {"concurrency": 0}}}},
            "range",
            "connections.x.lane.concurrency",
        ),
        (
            {"hirewire": 1, "rules": {"r": rule(REPORT, "report.overall.score", "gt", 85, action("nobody", "x.y"))}},
            "unknown_connection",
            "rules.r.rule.then.0.connection",
        ),
        (
            {
                "hirewire": 1,
                "connections": {"referrals": REFERRALS},
                "rules": {"r": rule(REPORT, "report.overall.scor", "gt", 85, action("referrals", "referral.create"))},
            },
            "unknown_field",
            None,
        ),
        (
            {
                "hirewire": 1,
                "connections": {"referrals": REFERRALS},
                "rules": {"r": rule(REPORT, "report.overall.score", "gt", 85, action("referrals", "referral.imagine"))},
            },
            "unknown_operation",
            "rules.r.rule.then.0.operation",
        ),
        (
            {
                "hirewire": 1,
                "connections": {"referrals": REFERRALS},
                "rules": {
                    "r": rule(
                        REPORT,
                        "report.overall.score",
                        "gt",
                        85,
                        action("referrals", "referral.create", mapping="gone@1"),
                    )
                },
            },
            "unknown_mapping",
            "rules.r.rule.then.0.mapping",
        ),
    ],
)
async def test_what_cannot_work_is_refused_with_its_place(
    b: Bench, document: Document, code: str, at: str | None
) -> None:
    with pytest.raises(HubError) as caught:
        await b.hub.configure.apply(TENANT, document, "test")
    assert caught.value.code == code
    if at is not None:
        assert caught.value.at == at
    async with b.hub.store.look() as look:
        assert await look.connections(TENANT) == []
        assert await look.rules(TENANT) == []


async def test_a_broken_mapping_is_refused(b: Bench) -> None:
    with pytest.raises(Invalid) as caught:
        await b.hub.configure.apply(
            TENANT,
            {"hirewire": 1, "mappings": [{"name": "m", "version": 1, "fields": [{"to": "x", "fn": "no_such"}]}]},
            "t",
        )
    assert caught.value.code == "mapping"


async def test_a_changed_rule_is_in_force_at_once(referring: Bench) -> None:
    await referring.configure(
        {
            "rules": {
                "high score": rule(REPORT, "report.overall.score", "gt", 99, action("referrals", "referral.create"))
            }
        }
    )
    from tests.support.hubs import report

    [event] = await referring.accept(report(score=91))
    assert await referring.deliveries(event) == []


async def test_a_paused_rule_does_nothing(referring: Bench) -> None:
    await referring.configure({"rules": {"high score": {**HIGH_SCORE, "state": "paused"}}})
    from tests.support.hubs import report

    [event] = await referring.accept(report(score=91))
    assert await referring.deliveries(event) == []


def test_differences_name_the_path() -> None:
    assert differences({"a": {"b": 1, "c": [1, 2]}}, {"a": {"b": 2, "c": [1, 3]}, "d": None}) == [
        "- a.b: 1",
        "+ a.b: 2",
        "- a.c.1: 2",
        "+ a.c.1: 3",
        "+ d: null",
    ]
