"""Passwords by Argon2id (RFC 9106), beside the event loop and never more at once than the machine has room for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.domain.passwords import normal

PASSES, MEMORY_KIB, LANES = 2, 19 * 1024, 1  # OWASP's first choice; 22 ms here (bench/login.py)
AT_ONCE = 2  # 19 MiB and a core each


class Argon2id:
    """`hub.ports.identity.Passwords`."""

    def __init__(self, passes: int = PASSES, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")

    async def hash(self, password: str) -> str:
        return await self._beside(lambda: self._hasher.hash(normal(password)))

    async def fits(self, hash: str, password: str) -> bool:
        def check() -> str:
            try:
                self._hasher.verify(hash, normal(password))
            except (VerificationError, InvalidHashError):
                return ""
            return "fits"

        return await self._beside(check) == "fits"

    def stale(self, hash: str) -> bool:
        return self._hasher.check_needs_rehash(hash)

    async def _beside(self, work: Callable[[], str]) -> str:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
