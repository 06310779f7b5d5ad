"""Runbooks: one section per alert in both languages, on the alert's metrics, with commands that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from docs.generate import DOCS
from docs.operations.alerts import ALERTS, RUNBOOK
from docs.operations.expressions import metrics_behind, others
from hub.adapters.metrics import METRICS
from hub.cli import cli

FOLDER = DOCS / "operations"
PAGES = {"en": FOLDER / "runbooks.md", "zh-CN": FOLDER / "runbooks.zh-CN.md"}
BY_NAME = {alert.name: alert for alert in ALERTS}


def sections(language: str) -> dict[str, str]:
    """Alert -> its section."""
    parts = re.split(r"^## (\w+)$", PAGES[language].read_text("utf-8"), flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def commands(text: str) -> Iterator[list[str]]:
    """Every `hirewire ...` in blocks and in the text, as words."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S))
    for line in [*blocks.splitlines(), *re.findall(r"`(hirewire [^`]*)`", text)]:
        piece: list[str] = []
        for word in [*shlex.split(line, comments=True), "|"]:
            if word != "|":
                piece.append(word)
                continue
            words = piece[1:] if piece[:1] == ["xargs"] else piece
            if words[:1] == ["hirewire"]:
                yield words[1:]
            piece = []


def test_commands_are_found_in_blocks_pipes_and_text() -> None:
    block = "hirewire a --b c | jq -r .id | xargs hirewire d e  # it's why\npgrep -af 'hirewire (x|y)'\n"
    text = f"Say `hirewire top`.\n\n```sh\n{block}```\n"
    assert list(commands(text)) == [["a", "--b", "c"], ["d", "e"], ["top"]]


@pytest.mark.parametrize("language", PAGES)
def test_every_alert_has_a_section_and_every_section_an_alert(language: str) -> None:
    assert list(sections(language)) == list(BY_NAME)
    for alert in ALERTS:
        assert (DOCS.parent / RUNBOOK.split("#")[0]) == PAGES["en"]
        assert (alert.name, alert.name.lower()) == (alert.name, (RUNBOOK + alert.name.lower()).split("#")[1])


@pytest.mark.parametrize("language", PAGES)
def test_a_section_names_its_alert_s_severity_and_metrics(language: str) -> None:
    for name, text in sections(language).items():
        alert = BY_NAME[name]
        head = text.strip().splitlines()[0]
        assert alert.severity in head, name
        assert set(re.findall(r"`([^`]+)`", head)) == metrics_behind(alert.expr) | others(alert.expr), name


@pytest.mark.parametrize("language", PAGES)
def test_a_section_says_what_it_means_where_to_look_and_what_to_do(language: str) -> None:
    for name, text in sections(language).items():
        assert len(re.findall(r"^```sh$", text, re.M)) == 1, name
        assert re.search(r"^- ", text, re.M), name
        assert set(re.findall(r"\bHirewire[A-Z]\w+", text)) <= set(BY_NAME), name
        meaning = text.strip().split("\n\n")[1]
        assert meaning.isascii() == (language == "en"), name


def test_both_languages_give_the_same_commands() -> None:
    english, chinese = sections("en"), sections("zh-CN")
    for name in BY_NAME:
        assert sorted(commands(english[name])) == sorted(commands(chinese[name])), name


def test_every_command_exists_with_its_options() -> None:
    found = [words for text in sections("en").values() for words in commands(text)]
    assert len(found) > 50
    for words in found:
        command, rest = cli.load_all(), words
        context = click.Context(cli, info_name="hirewire", **cli.context_settings)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, words
            command, rest = command.commands[rest[0]], rest[1:]  # type: ignore[assignment]
            context = click.Context(command, info_name=words[0], parent=context)
        command.make_parser(context).parse_args(list(rest))  # raises NoSuchOption, NoSuchCommand


def test_the_page_of_metrics_leads_to_the_runbooks() -> None:
    page = (DOCS / "reference" / "metrics.md").read_text("utf-8")
    for doc in METRICS:
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{doc.name}` |")]
        led = set(re.findall(r"\(\.\./operations/runbooks\.md#(\w+)\)", line))
        assert led == {alert.name.lower() for alert in ALERTS if doc.name in metrics_behind(alert.expr)}
