"""What the reader of one file may use up."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """`cpu_s` and `memory` are the kernel's limits on the process, `wall_s` and `answer` are kept by who waits for it."""

    cpu_s: int = 10
    wall_s: float = 30.0
    memory: int = 1024 * 1024 * 1024  # bytes of address space, the program itself included
    answer: int = 8 * 1024 * 1024  # bytes

    def document(self) -> dict[str, float]:
        """As the process is told them."""
        return asdict(self)
