"""Recordings are stored, not played: no library or program that could open one is part of the hub."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLAYERS = re.compile(
    r"ffmpeg|ffprobe|gstreamer|mediainfo|moviepy|imageio|opencv|pymediainfo|mutagen|pydub|(?m:^(?:import|from) (?:av|cv2)\b)"
)


def openers(text: str) -> list[str]:
    """What in a module could open a recording."""
    return PLAYERS.findall(text)


def test_nothing_of_ours_can_open_a_recording() -> None:
    found = {
        path: names
        for package in ("hub", "admin", "connectors")
        for path in sorted((ROOT / package).rglob("*.py"))
        if (names := openers(path.read_text("utf-8")))
    }
    assert found == {}


def test_a_planted_player_is_seen() -> None:
    assert openers('subprocess.run(["ffmpeg", "-i", name])') == ["ffmpeg"]
    assert openers("import av\n") == ["import av"]
