"""Faults on order: the next calls that match go wrong in the way a script says."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from hub.domain.errors import Invalid


class Match(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which calls: method and path as shell patterns."""

    method: str = "*"
    path: str = "*"


class Do(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What goes wrong; any one of these, and a delay before it.

    `status` answers with it and has no effect; `refuse` cuts the connection without effect; `drop` applies the effect,
    then cuts; `hold` applies the effect and answers only when released (after `timeout_s` the connection is cut).
    """

    status: int | None = None
    retry_after: float | None = None
    refuse: bool = False
    drop: bool = False
    hold: bool = False
    timeout_s: float = 60.0
    delay_ms: float = 0.0

    @property
    def name(self) -> str:
        """How the request log calls it."""
        if self.status is not None:
            return f"status {self.status}"
        return next((n for n in ("refuse", "drop", "hold") if getattr(self, n)), "delay")


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One line of the script; counts down."""

    do: Do
    match: Match = Match()
    times: int = 1


class Faults:
    """The script, and the held calls."""

    def __init__(self) -> None:
        self._script: list[Fault] = []
        self._released = asyncio.Event()

    def add(self, raw: Any) -> int:
        """Append one fault or a list of them; returns how many wait now. Raises Invalid (`bad_fault`)."""
        try:
            self._script += msgspec.convert(raw if isinstance(raw, list) else [raw], list[Fault])
        except msgspec.ValidationError as error:
            raise Invalid(f"not a fault: {error}", code="bad_fault") from error
        return sum(fault.times for fault in self._script)

    def take(self, method: str, path: str) -> Do | None:
        """The fault for this call, counted down."""
        for fault in self._script:
            if fnmatchcase(method, fault.match.method) and fnmatchcase(path, fault.match.path):
                fault.times -= 1
                if fault.times <= 0:
                    self._script.remove(fault)
                return fault.do
        return None

    async def held(self, timeout_s: float) -> bool:
        """Wait to be released; False if time ran out first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._released.wait()
        except TimeoutError:
            return False
        return True

    def release(self) -> None:
        """Let every call held now be answered."""
        self._released.set()
        self._released = asyncio.Event()

    def clear(self) -> None:
        """Forget the script."""
        self._script.clear()
