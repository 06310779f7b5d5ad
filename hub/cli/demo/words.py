"""How the demo speaks: one line per thing, with the time since the start, in English, Chinese or both."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import click
import yaml

LANGUAGES = ("en", "zh-CN")
COLOURS = {"fault": "red", "killed": "yellow", "forged": "yellow", "offered": "green", "report": "green"}


@dataclass(frozen=True, slots=True)
class Voice:
    """Says the messages of words.yaml. Colour is for terminals; click leaves it out elsewhere."""

    languages: tuple[str, ...]
    started: float = field(default_factory=time.monotonic)

    def chapter(self, name: str) -> None:
        """A heading."""
        click.echo()
        click.secho(f"{self._clock()} {' / '.join(self.words(name))}", bold=True)

    def say(self, name: str, /, depth: int = 1, **values: object) -> None:
        """A line in each language; values that differ by language are given as a dict of them."""
        for line in dict.fromkeys(self.words(name, **values)):
            click.secho(f"{self._clock()} {'  ' * depth}{line}", fg=COLOURS.get(name))

    def words(self, name: str, /, **values: object) -> list[str]:
        """The message in every chosen language."""
        return [
            _messages()[name][language].format(**{k: _in(v, language) for k, v in values.items()})
            for language in self.languages
        ]

    def each(self, name: str, /, **values: object) -> dict[str, str]:
        """The message by language, to be a value in another one."""
        return dict(zip(self.languages, self.words(name, **values), strict=True))

    def _clock(self) -> str:
        return f"{time.monotonic() - self.started:6.1f}s"


def languages(choice: str | None, surroundings: dict[str, str]) -> tuple[str, ...]:
    """The languages of `--language`, or what the environment speaks (LC_ALL before LANG)."""
    if choice == "both":
        return LANGUAGES
    if choice is not None:
        return (choice,)
    spoken = surroundings.get("LC_ALL") or surroundings.get("LANG", "")
    return ("zh-CN",) if spoken.lower().startswith("zh") else ("en",)


def brief(text: str, most: int = 90) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


@cache
def _messages() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.safe_load(
        files("hub.cli.demo").joinpath("words.yaml").read_text(encoding="utf-8")
    )
    return found


def _in(value: object, language: str) -> object:
    if isinstance(value, dict):
        return value.get(language, next(iter(value.values()), ""))
    return value
