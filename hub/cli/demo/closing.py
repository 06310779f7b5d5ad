"""The end: the proof, the timeline of the candidate with the longest story, and what to try next."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path

import click

from hub.cli.demo.evidence import Proof, prove
from hub.cli.demo.people import Person, Pile
from hub.cli.demo.story import Story
from hub.settings import Settings
from mappings.documents import Document


async def close(story: Story, pile: Pile, settings: Settings) -> Proof:
    """Print the timeline and what the ledger is made of; the balance itself is the caller's last line."""
    story.voice.chapter("step5")
    for person in pile.people[:1]:
        await _timeline(story, person)
    proof = await prove(settings, story.scene.file, story.scene.twins, story.acknowledged)
    for what in (*proof.balance.lost, *proof.balance.duplicated):
        story.voice.say("fault", what=what)
    story.voice.say(
        "counted", events=proof.events, owed=proof.balance.accepted, effects=proof.effects, hooks=proof.hooks
    )
    story.voice.say("legend")
    return proof


async def _timeline(story: Story, person: Person) -> None:
    told = await story.scene.api.one("candidates", person.subject, "timeline")
    lines: list[Document] = [line for line in _items(told) if isinstance(line, dict)]
    names = {str(line["id"]): str(line["what"]) for line in lines}
    story.voice.say("timeline", name=person.name, subject=person.subject)
    for line in lines:
        by = str(line["caused_by"]) if line["caused_by"] else ""
        cause = story.voice.each("cause", what=f"{names.get(by, '')} {by if by.startswith('dlv') else ''}".strip())
        story.voice.say(
            "line_delivery" if line["kind"] == "delivery" else "line_event",
            2,
            at=datetime.fromisoformat(str(line["at"])).strftime("%H:%M:%S.%f")[:-3],
            what=line["what"],
            state=line["state"],
            attempts=line["attempts"],
            id=line["id"],
            cause=cause if by else "",
        )


def _items(told: Document) -> list[object]:
    lines = told["lines"]
    return list(lines) if isinstance(lines, list) else []


async def next_steps(story: Story, pile: Pile) -> None:
    """Address, token and five commands that work as they stand."""
    api, voice = story.scene.api, story.voice
    best = pile.people[0].subject
    voice.say("serving", 0, url=api.url, token=api.token)
    voice.say("worth", 0)
    events = await api.listed("events", type="interview.report.completed")
    deliveries = await api.listed("deliveries")
    longest = max(deliveries, key=lambda row: int(str(row["attempts"])), default={"id": "dlv_1"})
    hirewire = f"HIREWIRE_HOME={shlex.quote(str(story.scene.stage.home))} {_program()}"
    event = events[-1]["id"] if events else "EVENT"
    for command in (
        f"{hirewire} timeline {best}",
        f"{hirewire} deliveries list",
        f"{hirewire} deliveries show {longest['id']} --talk",
        f"{hirewire} rules explain {event}",
        f"curl -H 'Authorization: Bearer {api.token}' {api.url}/v1/connections",
    ):
        click.echo(f"  {command}")


def _program() -> str:
    """How the user got here, so that the commands work in the same place."""
    path = Path(sys.argv[0])
    if path.name != "hirewire" or not path.is_file():
        return f"{shlex.quote(sys.executable)} -P -m hub"
    try:
        return shlex.quote(str(path.resolve().relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(path.resolve()))
