"""`hirewire demo`: the product's story on this machine, with real files, real HTTP and a durable store."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from hub.cli.context import surroundings
from hub.cli.demo.closing import close, next_steps
from hub.cli.demo.scene import clean, open_port, set_up, settings_of
from hub.cli.demo.stage import Stage
from hub.cli.demo.story import Story
from hub.cli.demo.words import LANGUAGES, Voice, languages
from hub.settings import Settings

STOPPED, FAULTS = 130, 5


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    home: Path
    once: bool
    keep: bool
    speed: float


@click.command()
@click.option("--once", is_flag=True, help="End after the story; without it, serve until Ctrl-C.")
@click.option("--keep", is_flag=True, help="Keep what an earlier run left; without it, start from a clean state.")
@click.option(
    "--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 100), help="How fast the vendors are."
)
@click.option("--language", type=click.Choice([*LANGUAGES, "both"]), help="Of what is printed; else as LANG says.")
@click.option(
    "--home", default=Path(".hirewire/demo"), show_default=True, type=click.Path(file_okay=False, path_type=Path)
)
def demo(once: bool, keep: bool, speed: float, language: str | None, home: Path) -> None:
    """Play the whole story: resumes, AI interviews, rules, vendors that fail, a killed worker, and the proof.

    Everything runs on this machine. Exit code 5: the ledger does not hold.
    """
    voice = Voice(languages(language, surroundings()))
    code = asyncio.run(_until_signal(Wish(home.absolute(), once, keep, speed), voice))
    if code:
        sys.exit(code)


async def _until_signal(wish: Wish, voice: Voice) -> int:
    """Play; SIGINT, SIGTERM and SIGHUP end it in order, with every process that it started."""
    playing = asyncio.ensure_future(_play(wish, voice))
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def stop() -> None:
        if not asked.is_set():  # once: a second signal must not cut the cleaning up short
            asked.set()
            playing.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        return await playing
    except asyncio.CancelledError:
        return STOPPED


async def _play(wish: Wish, voice: Voice) -> int:
    clean(wish.home, wish.keep)
    port = open_port()
    given = settings_of(wish.home, port)
    settings = Settings.read({**given, "HIREWIRE_LOG_LEVEL": "error"})
    async with Stage(wish.home, {**surroundings(), **given}) as stage, AsyncExitStack() as leaving:
        scene = await set_up(stage, leaving, voice, port, wish.speed)
        story = Story(scene, voice, secrets.token_hex(3))
        pile = await story.play()
        proof = await close(story, pile, settings)
        code = 0 if proof.balance.holds else FAULTS
        if not wish.once:
            click.echo(str(proof.balance))
            await next_steps(story, pile)
            return await _serve(stage, voice, code)
    click.echo(str(proof.balance))
    return code


async def _serve(stage: Stage, voice: Voice, code: int) -> int:
    """Until a signal comes, or a process is gone that should be there."""
    try:
        await asyncio.gather(*(child.process.wait() for child in stage.children[:1]))
        stage.check()
    except asyncio.CancelledError:
        voice.say("stopping", 0)
    return code
