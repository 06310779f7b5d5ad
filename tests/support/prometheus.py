"""A real Prometheus and its `promtool` for tests: on PATH, else Debian's package unpacked in a folder of its own.

Unpacked, not installed: no service is started, no package database is changed. It is done once per machine. Where
neither is possible the tests that need them are skipped, and say so.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.support.processes import until

FOLDER = Path(tempfile.gettempdir()) / f"hirewire-prometheus-{os.geteuid()}"
WANTED = "needs prometheus and promtool on PATH (Debian package `prometheus`), or root and apt-get to fetch them"


def program(name: str) -> str:
    """`prometheus` or `promtool`. Skips the test where there is none."""
    return shutil.which(name) or _unpacked(name)


def _unpacked(name: str) -> str:
    found = FOLDER / "usr" / "bin" / name
    if not found.exists():
        if os.geteuid() != 0 or shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            pytest.skip(WANTED)
        with FOLDER.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # tests may run in several processes
            if not found.exists() and not _fetch():
                pytest.skip(WANTED)
    return str(found)


def _fetch() -> bool:
    with tempfile.TemporaryDirectory(prefix="hirewire-apt-") as place:
        fetched = subprocess.run(
            ["apt-get", "download", "-q", "prometheus"], cwd=place, capture_output=True, check=False, timeout=100
        )
        packages = list(Path(place).glob("prometheus_*.deb"))
        if fetched.returncode != 0 or not packages:
            return False
        new = Path(place) / "new"
        subprocess.run(["dpkg", "-x", str(packages[0]), str(new)], check=True, capture_output=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.move(new, FOLDER)
    return True


def promtool(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What promtool says."""
    return subprocess.run([program("promtool"), *arguments], cwd=cwd, capture_output=True, text=True, check=False)


@dataclass
class Prometheus:
    """A server that scrapes while the block runs."""

    url: str
    session: aiohttp.ClientSession

    async def ask(self, path: str, **query: str) -> Any:
        """The `data` of an answer of its API; an error of PromQL fails the test in Prometheus' own words."""
        async with self.session.get(f"{self.url}/api/v1/{path}", params=query) as answer:
            told = await answer.json()
        assert told["status"] == "success", told
        return told["data"]

    async def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each sample now."""
        data = await self.ask("query", query=expr)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]


@asynccontextmanager
async def prometheus(home: Path, configuration: dict[str, Any]) -> AsyncIterator[Prometheus]:
    """A server on loopback with this configuration; its files stand in `home`."""
    started = program("prometheus")
    file = home / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    with (home / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            started, f"--config.file={file}", f"--storage.tsdb.path={home / 'tsdb'}", f"--web.listen-address={address}",
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as session:
            running = Prometheus(f"http://{address}", session)

            async def ready() -> bool:
                assert process.returncode is None, (home / "prometheus.log").read_text()[-2000:]
                try:
                    async with session.get(f"{running.url}/-/ready") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await until(ready, "Prometheus is ready")
            yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def free_port() -> int:
    """A port of loopback that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
