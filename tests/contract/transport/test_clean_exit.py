"""A short process that sent something ends cleanly, time after time."""

from __future__ import annotations

import asyncio
import sys

import pytest

from hub.adapters.http.router import CLIENTS

PROGRAM = """
import sys, uvloop
from hub.adapters.clock import SystemClock
from hub.adapters.http.guard import Guard
from hub.adapters.http.router import Router
from hub.domain.connections import Connection, Lane
from hub.ports.transport import Channel, HttpRequest

async def main():
    router = Router.build(Guard(allow_loopback=True, allow_http=True), SystemClock(), client=sys.argv[1])
    wire = {"auth": {"mode": "none"}, "allowed_hosts": []}
    channel = Channel(Connection(1, 1, "con_1", "acme", "acme", {}, Lane()), {}, wire)
    for _ in range(3):
        assert (await router.send(channel, HttpRequest("PUT", sys.argv[2], json={}))).status == 200
    await router.close()

uvloop.run(main())
"""


@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("times", [2, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
async def test_short_processes_end_cleanly(vendor, client, times):
    for _ in range(times):
        command = (sys.executable, "-W", "error", "-c", PROGRAM, client, vendor.url())
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        _, told = await process.communicate()
        assert (process.returncode, told) == (0, b"")
