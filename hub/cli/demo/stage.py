"""The processes of the demo: started by it, watched by it, ended by it, by their own process ids."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hub.domain.errors import Unavailable

T = TypeVar("T")
LOOK_S = 0.1
STOP_WITHIN_S = 10.0
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)


@dataclass(slots=True)
class Child:
    """One process, in a group of its own; what it says goes to `log`."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None


@dataclass(slots=True)
class Stage:
    """`async with Stage(...)`: whatever was started inside is gone when the block is left, however it is left."""

    home: Path
    environment: Mapping[str, str]
    children: list[Child] = field(default_factory=list)

    async def __aenter__(self) -> Stage:
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        while self.children:
            await self.stop(self.children[-1])

    async def start(self, name: str, *words: str, given: bytes | None = None) -> Child:
        """Start `hirewire <words>`. With `given` it reads that from standard input, and its standard output is a pipe."""
        log = self.home / "logs" / f"{name}.log"
        piped = given is not None
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *_command(words),
                env=dict(self.environment),
                stdin=asyncio.subprocess.PIPE if piped else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if piped else out,
                stderr=out,
                start_new_session=True,  # Ctrl-C is for the demo, which ends the others in order
                preexec_fn=_die_with_parent(),
            )
        child = Child(name, process, log)
        self.children.append(child)
        if given is not None and process.stdin is not None:
            process.stdin.write(given)
            process.stdin.close()
        return child

    async def run(self, *words: str) -> str:
        """Run `hirewire <words>` to its end and return what it printed. Raises Unavailable where it fails."""
        process = await asyncio.create_subprocess_exec(
            *_command(words),
            env=dict(self.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
        )
        try:
            said, complained = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        if process.returncode != 0:
            raise Unavailable(
                f"`hirewire {' '.join(words)}` ended with {process.returncode}: {complained.decode()[-500:].strip()}",
                code="command_failed",
            )
        return said.decode()

    async def kill(self, child: Child) -> None:
        """SIGKILL, as a power cut would: nothing is finished, nothing is given back."""
        child.process.kill()
        await child.process.wait()
        self.children.remove(child)

    async def stop(self, child: Child) -> None:
        """SIGTERM and wait; what has not gone by then is killed with all that it started."""
        if child.alive:
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await child.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)  # its own group: our child led it
        await child.process.wait()
        self.children.remove(child)

    async def until(self, what: str, probe: Callable[[], Awaitable[T | None]], seconds: float) -> T:
        """What `probe` finds, asked again and again. Raises Unavailable: `demo_timeout`, or `process_ended`."""
        end = time.monotonic() + seconds
        while (found := await probe()) is None:
            self.check()
            if time.monotonic() > end:
                raise Unavailable(
                    f"waited {seconds:g} s for {what}; the logs are in {self.home / 'logs'}", code="demo_timeout"
                )
            await asyncio.sleep(LOOK_S)
        return found

    def check(self) -> None:
        """Raises Unavailable (`process_ended`) where a process is gone that should be there."""
        for child in self.children:
            if not child.alive:
                tail = child.log.read_text(encoding="utf-8", errors="replace")[-500:].strip()
                raise Unavailable(
                    f"the process {child.name} ended with {child.process.returncode}: {tail}", code="process_ended"
                )


def free_port(host: str, wanted: int) -> int:
    """`wanted` if nobody listens there, else a free one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((host, port))
                return int(probe.getsockname()[1])
    raise Unavailable(f"no port is free on {host}", code="no_port")


def _command(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-P", "-m", "hub", *words]


def _die_with_parent() -> Callable[[], None] | None:
    """Where the system can: a demo that is itself killed leaves nobody behind."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
