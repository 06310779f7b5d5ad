"""What sealing a field costs: microseconds per operation, against bare AES-256-GCM in the same run.

Run: `python -m bench.vault [--rounds 7] [--number 20000]`. Rounds of all candidates are interleaved and the best of each
counts, so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import timeit
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.vault import Place, subject_owner

SIZES = (64, 1024, 16 * 1024)
OWNER = subject_owner("cand_019b")
PLACE = Place(DEFAULT_TENANT, "event", "evt_019b0000000070008000000000000001", "body", owner=OWNER)


def candidates(size: int) -> dict[str, Callable[[], bytes]]:
    """What is measured for values of this size. The floor draws a nonce too: without one there is no sealing."""
    vault = FieldVault(EnvKeyring(os.urandom(32).hex(), production=False), MemoryStore(ManualClock()))
    asyncio.run(vault.prepare(DEFAULT_TENANT, [OWNER]))
    cipher, plain = AESGCM(os.urandom(32)), os.urandom(size)
    sealed, nonce = vault.seal(PLACE, plain), os.urandom(12)
    bare = cipher.encrypt(nonce, plain, None)
    return {
        "bare encrypt": lambda: cipher.encrypt(os.urandom(12), plain, None),
        "seal": lambda: vault.seal(PLACE, plain),
        "bare decrypt": lambda: cipher.decrypt(nonce, bare, None),
        "open": lambda: vault.open(PLACE, sealed),
        "blind index": lambda: vault.blind(PLACE, "lin.yue@example.com"),
    }


def measure(acts: dict[str, Callable[[], bytes]], rounds: int, number: int) -> dict[str, float]:
    """Microseconds per operation, the best of all rounds."""
    best = dict.fromkeys(acts, float("inf"))
    for _ in range(rounds):
        for name, act in acts.items():
            best[name] = min(best[name], timeit.timeit(act, number=number) / number * 1e6)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--number", type=int, default=20_000)
    args = parser.parse_args()
    print("| bytes | bare encrypt us | seal us | bare decrypt us | open us | blind index us | on top of bare, us |")
    print("|---|---|---|---|---|---|---|")
    for size in SIZES:
        took = measure(candidates(size), args.rounds, args.number)
        more = f"{took['seal'] - took['bare encrypt']:.1f} / {took['open'] - took['bare decrypt']:.1f}"
        print(f"| {size:,} | {' | '.join(f'{took[name]:.2f}' for name in took)} | {more} |")


if __name__ == "__main__":
    main()
