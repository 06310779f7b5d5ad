"""A real Prometheus, with the configuration, rules and dashboards that are shipped, watches real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.operations.alerts import ALERTS, RECORDED
from docs.operations.dashboards import DASHBOARDS, panels
from hub.adapters.metrics import METRICS
from mappings.documents import Document
from tests.operations.test_rules_and_dashboards import RULES, plain
from tests.support.hubs import TENANT
from tests.support.processes import Product, cloud_event, producer, product, until
from tests.support.prometheus import Prometheus, free_port, program, prometheus
from tests.support.sink import Sink, run_sink

EVENTS = 40
REMEMBER = {  # a rule that takes time: each firing is a run
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "then": [{"kind": "tag", "id": "t", "tag": "seen"}],
}
# What this healthy system does not show: nothing died, nobody replayed, no backups are set, and its breaker may never
# have moved.
ABSENT = {
    "hirewire_replay_attempts_total",
    "hirewire_lane_breaker",
    "hirewire_task_leader",
    "hirewire_backup_timestamp_seconds",
    "hirewire_backup_media_blobs",
    "hirewire_revocations_left_seconds",  # no list of revoked certificates is set here
    "hirewire_revocations_refused",
}


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with run_sink() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
async def made(request: pytest.FixtureRequest, tmp_path: Path, sink: Sink) -> AsyncIterator[Product]:
    """`serve` and `work`, as an installation with both runs them."""
    program("prometheus")
    database = str(request.getfixturevalue(f"{request.param}_database"))
    async with product(tmp_path, database, HIREWIRE_HOME_REGION="cn") as installed:
        await installed.configure(sink.url)
        more: Document = {
            "hirewire": 1,
            "connections": {
                "sink": {
                    "connector": "referral",
                    "config": {"base_url": sink.url},
                    "lane": {"concurrency": 16, "timeout_s": 10, "region": "us"},
                }
            },
            "border": {"limits": {"persons": 100_000}},
            "rules": {"remember": {"rule": REMEMBER}},
        }
        await installed.opened.hub.configure.apply(TENANT, more, "test")
        installed.environment["HIREWIRE_METRICS_LISTEN"] = f"127.0.0.1:{free_port()}"
        await installed.start("serve")
        yield installed


async def configuration(made: Product) -> dict[str, Any]:
    """The shipped one, with this installation's addresses and token, in a hurry."""
    _, secret = await made.opened.hub.access.make(TENANT, "prometheus", ("metrics:read",), "test")
    token = made.home / "hirewire.token"
    token.touch(mode=0o600)
    token.write_text(secret)
    rules = RULES.read_text("utf-8").replace("for: 2m", "for: 0s")  # HirewireDown need not be waited for
    (made.home / RULES.name).write_text(rules, "utf-8")
    shipped: dict[str, Any] = yaml.safe_load((RULES.parent / "prometheus.yaml").read_text("utf-8"))
    serve, work = shipped["scrape_configs"]
    serve["static_configs"] = [{"targets": [f"127.0.0.1:{made.port}"]}]
    work["static_configs"] = [{"targets": [made.environment["HIREWIRE_METRICS_LISTEN"]]}]
    shipped["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms", "scrape_timeout": "500ms"}
    return shipped


async def test_it_sees_what_happens_and_says_when_something_dies(made: Product, sink: Sink) -> None:
    worker = await made.start("work")
    async with prometheus(made.home, await configuration(made)) as eyes, producer(made) as client:

        async def both_are_up() -> bool:
            return [value for _, value in await eyes.query("up")] == [1.0, 1.0]

        async def counted(least: int) -> bool:
            told = await eyes.query('sum(hirewire_attempts_total{outcome="delivered"})')
            return bool(told) and told[0][1] >= least

        await until(both_are_up, "both targets are up")
        for wave in (
            1,
            2,
        ):  # a series has a rate only from its second scrape on: both waves must be scraped by themselves
            for number in range(EVENTS * wave - EVENTS, EVENTS * wave):
                assert await client.send(cloud_event(number))
            await sink.until(EVENTS * wave)
            await made.drained()
            await until(lambda least=EVENTS * wave: counted(least), "the deliveries are seen")  # type: ignore[misc]
        await sees_every_metric(eyes)
        await no_rule_fails(eyes)
        await panels_show_something(eyes)
        assert await firing(eyes) == set()
        await made.kill(worker)
        await until(lambda: _is_firing(eyes, "HirewireDown"), "the dead worker is reported")


async def sees_every_metric(eyes: Prometheus) -> None:
    """Each documented metric is there, with the documented labels and no more."""
    for doc in METRICS:
        name = f"{doc.name}_count" if doc.kind == "histogram" else doc.name
        found = await eyes.query(name)
        if doc.name not in ABSENT and doc.name != "hirewire_store_free_bytes":
            assert found, f"{doc.name} is not exported by real processes"
        for labels, _ in found:
            assert set(labels) - {"__name__", "job", "instance"} == set(doc.labels), doc.name
            assert not any("cand_" in value or "@" in value for value in labels.values())
    known = {doc.name: doc.kind for doc in METRICS}
    told = await eyes.ask("metadata")
    for name, [about] in ((name, entries) for name, entries in told.items() if name.startswith("hirewire_")):
        assert about["type"] == known.get(name, known.get(f"{name}_total")), name


async def no_rule_fails(eyes: Prometheus) -> None:
    """Rules that are well written may still fail on real series: many-to-many, duplicates."""

    async def evaluated() -> bool:
        rules = [rule for group in (await eyes.ask("rules"))["groups"] for rule in group["rules"]]
        assert len(rules) == len(ALERTS) + len(RECORDED)
        assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
        return all(rule["health"] == "ok" for rule in rules)

    await until(evaluated, "every rule is evaluated")


async def panels_show_something(eyes: Prometheus) -> None:
    """Rates need a second scrape after the first increase: so a panel may take a moment."""
    empty: set[str] = set()

    async def filled() -> bool:
        empty.clear()
        for panel in (panel for dashboard in DASHBOARDS for panel in panels(dashboard)):
            found = [sample for expr, _ in panel.lines for sample in await eyes.query(plain(expr))]
            if not found:
                empty.add(panel.en)
        return empty <= {"Replays", "Recordings in the newest backup", "List of revoked certificates"}

    try:
        await until(filled, "every panel shows something")
    except AssertionError:
        raise AssertionError(f"these panels stay empty: {sorted(empty)}") from None


async def firing(eyes: Prometheus) -> set[str]:
    return {labels["alertname"] for labels, _ in await eyes.query('ALERTS{alertstate="firing"}')}


async def _is_firing(eyes: Prometheus, name: str) -> bool:
    return name in await firing(eyes)
