"""Runs `hirewire` and says what its main thread computes for: one sample per 2 ms of CPU, by the innermost stage on the stack.

python -m bench.stages FILE work      SIGUSR2 writes the counts so far into FILE
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

STAGES = {
    ("lanes.py", "turn"): "claim",
    ("lanes.py", "_record"): "record",
    ("groups.py", "_run"): "record",
    ("deliver.py", "__call__"): "talk",
    ("httptools_pool.py", "data_received"): "talk",
    ("aiohttp_pool.py", "once"): "talk",
}
INTERVAL_S = 0.002


def stage_of(frame: FrameType | None) -> str:
    """The stage that this stack is in; `loop` is the event loop with the drivers below it."""
    while frame is not None:
        name = os.path.basename(frame.f_code.co_filename), frame.f_code.co_name
        if name in STAGES:
            return STAGES[name]
        frame = frame.f_back
    return "loop"


def watch(file: Path) -> None:
    counts: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        counts[stage_of(frame)] += 1

    def tell(_number: int, _frame: FrameType | None) -> None:
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(counts))
        draft.replace(file)

    signal.signal(signal.SIGPROF, sample)
    signal.signal(signal.SIGUSR2, tell)
    signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)


if __name__ == "__main__":
    from hub.cli import main

    target = Path(sys.argv.pop(1))
    watch(target)
    sys.argv[0] = "hirewire"
    main()
