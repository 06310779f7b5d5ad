"""What a sign-in costs: Argon2id alone, a whole password step, a guarded request by session and by token.

Run: `python -m bench.login [--logins 200] [--requests 2000]`. The library's own default parameters are the baseline.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from argon2 import PasswordHasher
from litestar.testing import AsyncTestClient

from hub.adapters.identity import Argon2id
from hub.app.access import SCOPES
from hub.domain.permissions import Role
from hub.web.app import create_app
from tests.support.hubs import TENANT, bench
from tests.support.one_app import no_metrics
from tests.support.visitors import PASSWORD, employ, seated


def row(what: str, seconds: float, count: int, wall: float | None = None) -> None:
    rate = count / (wall if wall is not None else seconds)
    print(f"{what:<58}{seconds / count * 1e3:>10.2f} ms CPU{rate:>10.0f} /s")


async def hashing(logins: int) -> None:
    ours, default = Argon2id(), PasswordHasher()
    kept = await ours.hash(PASSWORD)
    for at_once in (1, 8):
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(logins // at_once):
            await asyncio.gather(*(ours.fits(kept, PASSWORD) for _ in range(at_once)))
        count = logins // at_once * at_once
        row(
            f"Argon2id 19 MiB, 2 passes, {at_once} at once",
            time.process_time() - cpu,
            count,
            time.perf_counter() - wall,
        )
    kept = default.hash(PASSWORD)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(max(logins // 10, 1)):
        default.verify(kept, PASSWORD)
    row(
        "Argon2id by the library's default (64 MiB, 3 passes)",
        time.process_time() - cpu,
        max(logins // 10, 1),
        time.perf_counter() - wall,
    )


async def over_http(logins: int, requests: int) -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await employ(b, "ada", Role.HR_ADMIN)
    _, token = await b.hub.access.make(TENANT, "bench", SCOPES, "bench")
    async with AsyncTestClient(create_app(b.hub, no_metrics, "0")) as client:
        person = await seated(client, b, "bo", Role.HR_ADMIN)
        headers = {"origin": "https://hub.example"}
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(logins):
            answer: Any = await client.post(
                "/v1/auth/login", json={"login": "ada", "password": PASSWORD}, headers=headers
            )
            assert answer.status_code == 200, answer.text
        row(
            "a password step over HTTP, with a cheap hash (memory store)",
            time.process_time() - cpu,
            logins,
            time.perf_counter() - wall,
        )
        for what, sent in (
            ("a guarded read by session: session, rights, matrix", {"cookie": f"__Host-hirewire={person.cookie}"}),
            ("the same by API token", {"authorization": f"Bearer {token}"}),
        ):
            client.cookies.clear()
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(requests):
                assert (await client.get("/v1/events", headers=sent)).status_code == 200
            row(what, time.process_time() - cpu, requests, time.perf_counter() - wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logins", type=int, default=200)
    parser.add_argument("--requests", type=int, default=2000)
    wanted = parser.parse_args()
    asyncio.run(hashing(wanted.logins))
    asyncio.run(over_http(wanted.logins, wanted.requests))


if __name__ == "__main__":
    main()
