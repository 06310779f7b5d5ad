"""The map of controls: whole, in both languages, and every test, setting, record and fact that it names is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import click
import jsonschema
import orjson
import pytest

from hub.adapters.metrics import METRICS
from hub.app.evidence.controls import STANDARDS, read, standards
from hub.app.evidence.pages import NOTE, UNTESTED
from hub.bootstrap.in_force import in_force
from hub.cli import cli
from hub.domain.in_force import facts
from hub.settings import SETTINGS, Settings

ROOT = Path(__file__).parents[2]
SCHEMA = orjson.loads((files("hub") / "evidence" / "controls.schema.json").read_bytes())
TOPICS = {topic.id: topic for one in standards() for control in one.controls for topic in control.topics}
OF_RECORDS = {"factors", "admin_factors", "stale", "database", "keys", "trail"}


@pytest.mark.parametrize("name", STANDARDS)
def test_a_standard_keeps_to_the_schema(name: str) -> None:
    jsonschema.validate(read(name), {**SCHEMA, "$ref": "#/$defs/standard"})


def test_topics_keep_to_the_schema_and_are_all_used() -> None:
    topics = read("topics")
    for one in topics.values():
        jsonschema.validate(one, {**SCHEMA, "$ref": "#/$defs/topic"})
    assert set(topics) == set(TOPICS)
    used = {one.reason["en"] for s in standards() for one in s.controls if one.reason is not None}
    assert used == {reason["en"] for reason in read("reasons").values()}  # type: ignore[index, call-overload]


def test_every_control_is_there() -> None:
    by_id = {one.id: [control.id for control in one.controls] for one in standards()}
    assert by_id["djcp"] == [f"L3-CES1-{n:02}" for n in range(1, 36) if n != 16]  # 16 is not used in the standard
    last = {5: 37, 6: 8, 7: 14, 8: 34}
    assert by_id["iso27001"] == [f"A.{clause}.{n}" for clause, end in last.items() for n in range(1, end + 1)]
    levels = [control.level for one in standards() if one.id == "asvs" for control in one.controls]
    assert (levels.count(1), levels.count(2)) == (70, 183)
    for one in standards():
        assert len(set(by_id[one.id])) == len(one.controls)
        for control in one.controls:
            assert any(re.match(rf"{re.escape(group)}[.-]", control.id) for group in one.groups), control.id


def test_every_named_test_is_collected() -> None:
    named = {test for topic in TOPICS.values() for test in topic.tests}
    paths = sorted({test.partition("::")[0] for test in named})
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-o", "addopts=", "--collect-only", "-q", "-p", "no:cacheprovider", *paths],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    collected = {line.partition("[")[0] for line in told.stdout.splitlines() if "::" in line}
    assert collected, told.stdout + told.stderr
    assert named - collected == set()
    assert "tests/web/test_sign_in.py::test_that_is_not_there" not in collected


def test_every_fact_is_read_and_told() -> None:
    known = {fact.name for fact in facts(in_force(Settings.read({})))}
    named = {name for topic in TOPICS.values() for name in topic.facts}
    assert named == known | OF_RECORDS
    settings = {doc.name for doc in SETTINGS}
    for fact in facts(in_force(Settings.read({}))):
        for setting in fact.setting.split(", "):
            assert setting in settings or any(one.startswith(setting.rstrip("*")) for one in settings), setting


def test_every_record_can_be_asked_for() -> None:
    metrics = {doc.name for doc in METRICS}
    for topic in TOPICS.values():
        words = shlex.split(topic.log)
        if len(words) == 1:
            assert topic.log in metrics, topic.id
            continue
        command, rest = cli.load_all(), words[1:]
        context = click.Context(cli, info_name="hirewire", **cli.context_settings)
        while isinstance(command, click.Group) and not rest[0].startswith("-"):
            command, rest = command.commands[rest[0]], rest[1:]  # type: ignore[assignment]
            context = click.Context(command, info_name=words[0], parent=context)
        command.make_parser(context).parse_args(list(rest))


def test_nobody_is_called_certified() -> None:
    told = [*NOTE.values(), *UNTESTED.values()]
    for one in standards():
        for words in (one.name, one.about, *(w for c in one.controls for w in (c.name, c.gap, c.reason) if w)):
            told.extend(words.values())
    claims = re.compile(r"\b(certified|compliant|compliance|accredited)\b|已通过|合规认证|获得认证", re.I)
    assert [text for text in told if claims.search(text)] == [NOTE["en"]]
    assert "not a certificate" in NOTE["en"]
    assert "不是认证" in NOTE["zh"]
