"""Who judges files that come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    """`signature`: the name of what was found; None: nothing was."""

    signature: str | None = None


class Scanner(Protocol):
    """A judge of bytes."""

    async def scan(self, pieces: AsyncIterator[bytes]) -> Verdict:
        """Judge one file. Raises Unavailable (`scanner_away`, `scanner_refuses`): nothing is known of it then."""
