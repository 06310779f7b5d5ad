"""Each bad input: a 4xx with a stable code, nothing echoed, little spent, and the next request is served."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import psutil
import pytest

from hub.adapters.http import standard_webhooks
from tests.edges.inputs import INPUTS
from tests.edges.probes import CANARY, HOOK, SINGLE, Elsewhere, Input, Probe, Waits, event
from tests.edges.served import ROOT, WHSEC, Answer, Served, request

CPU_S = 1.0
MEMORY = 50 * 1024 * 1024
SENT = [one for one in INPUTS if isinstance(one.how, tuple)]


def test_all_84_are_here() -> None:
    assert [one.id for one in INPUTS] == list(range(1, 85))


def test_what_waits_says_for_what() -> None:
    waiting = [one.id for one in INPUTS if isinstance(one.how, Waits)]
    assert all(one.how.why for one in INPUTS if isinstance(one.how, Waits))
    assert waiting == [81, 84], "an entry point came: send it"


def named(one: Input) -> tuple[str, ...]:
    return (*(one.how.tests if isinstance(one.how, Elsewhere) else ()), *one.also)


def test_what_is_proved_elsewhere_is_there() -> None:
    """By the test's name: a test may move to another file of its folder."""
    found: dict[str, set[str]] = {}
    for file in (ROOT / "tests").rglob("test_*.py"):
        folder = file.parent.relative_to(ROOT).as_posix()
        found.setdefault(folder, set()).update(re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.M))
    missing = [
        (one.id, name) for one in INPUTS for name in named(one)
        if name.partition("::")[2] not in found.get(name.rpartition("/")[0], ())
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize("one", SENT, ids=lambda one: f"{one.id}-{one.what.replace(' ', '-')}")
def test_a_bad_input_is_answered(one: Input, hub: Served) -> None:
    assert isinstance(one.how, tuple)
    worker = hub.worker()
    for probe in one.how:
        spent, grown, answer = measured(hub, worker, probe)
        told = (probe.what, answer.status, answer.code, answer.body[:300])
        assert (answer.status, answer.code) in probe.wanted, told
        assert CANARY.encode() not in answer.body, told
        assert spent < CPU_S, (probe.what, spent)
        assert grown < MEMORY, (probe.what, grown)
        if answer.status == 200:
            assert json.loads(answer.body).get("items", []) == [], told
        if answer.code:
            assert answer.headers["content-type"].startswith("application/problem+json"), told
            assert answer.headers["cache-control"] == "no-store", told
    assert hub.send(request("GET", "/health/live", {})).status == 200


def measured(hub: Served, worker: psutil.Process, probe: Probe) -> tuple[float, int, Answer]:
    """Processor seconds and bytes of memory that the server spent on it at most, by its own books."""
    Path(f"/proc/{worker.pid}/clear_refs").write_text("5")  # the kernel's high-water mark begins anew
    before, held = worker.cpu_times(), worker.memory_info().rss
    answer = probe.send(hub)
    after = worker.cpu_times()
    return after.user + after.system - before.user - before.system, peak(worker) - held, answer


def test_the_meter_is_not_blind(hub: Served) -> None:
    grown = measured(
        hub, hub.worker(), Probe("large", lambda one: one.ask("POST", "/v1/events", b" " * 9_000_000), ())
    )[1]
    assert grown > 4_000_000


def peak(worker: psutil.Process) -> int:
    """The most memory the process had since the mark was reset, in bytes."""
    for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel keeps no VmHWM")


def test_a_hook_again_has_no_second_effect_in_another_process(hub: Served) -> None:
    now = int(time.time())
    headers = {
        "webhook-id": "msg_again",
        "webhook-timestamp": str(now),
        "webhook-signature": standard_webhooks.sign(WHSEC, "msg_again", now, HOOK),
    }
    handle = hub.handles["hooks"]
    assert hub.send(request("POST", f"/v1/hooks/{handle}", headers, HOOK)).status == 200
    taken = hub.act(lambda use: use.receive(handle, headers, HOOK))
    assert taken.fresh is False


def test_an_extension_of_an_event_changes_no_tenant(hub: Served) -> None:
    body = json.dumps(event(key="mine", tenant_id=2, role="admin")).encode()
    answer = hub.ask("POST", "/v1/events", body, content_type=SINGLE)
    number = json.loads(answer.body)["accepted"][0]["event_id"]
    assert hub.ask("GET", f"/v1/events/{number}").status == 200
    assert hub.send(request("GET", f"/v1/events/{number}", {"authorization": f"Bearer {hub.stranger}"})).status == 404
