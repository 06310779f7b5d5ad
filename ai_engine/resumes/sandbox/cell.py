"""The process that readers are born from: it loads the libraries once, then forks a fresh reader for every file.

It never sees a file: the newborn reads one request from standard input, answers on standard output, and ends. How each
one ended is told on a pipe that only this process holds, so that no reader can speak for the next.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

from ai_engine.gazetteer import gazetteer
from ai_engine.resumes import extract, read
from ai_engine.resumes.sandbox import confine, wire
from ai_engine.resumes.sandbox.limits import Limits
from ai_engine.resumes.sandbox.samples import SAMPLES
from ai_engine.resumes.unreadable import MAX_BYTES, Unreadable
from ai_engine.vocabulary import vocabulary

_INPUT_GONE = 9
_STDIN, _STDOUT = 0, 1
Handler = Callable[[dict[str, Any], bytes], bytes]


def main(handler: Handler | None = None) -> None:
    """`cell.py CONTROL_FD LIMITS`: serve until standard input is closed."""
    control, limits = int(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
    apart = confine.leave_the_network()
    _warm()
    gc.collect()
    gc.freeze()
    wire.tell(control, {"ready": os.getpid(), "apart": apart, "kept": _kept(limits)})
    while True:
        child = os.fork()
        if child == 0:
            os.close(control)
            _read_one(handler or work, limits)
        _, status, used = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == _INPUT_GONE:
            return
        wire.tell(control, {"ended": code, "cpu_s": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss * 1024})


def work(header: dict[str, Any], data: bytes) -> bytes:
    """Read the file, and make a candidate of it where the header says of which day."""
    text = read(data)
    if "today" not in header:
        return wire.written(text=text)
    return wire.written(found=extract(text, id=header["id"], today=date.fromisoformat(header["today"])))


def _read_one(handler: Handler, limits: Limits) -> None:
    """In the newborn process; never returns."""
    code = 1
    try:
        spent = resource.getrusage(resource.RUSAGE_SELF)
        kept = confine.enter(limits, spent.ru_utime + spent.ru_stime)
        asked = wire.asked(_STDIN, MAX_BYTES)
        if asked is None:
            os._exit(_INPUT_GONE)
        header, data = asked
        if header.get("kept", False) and not kept:
            os._exit(1)
        wire.answer(_STDOUT, _outcome(handler, header, data))
        code = 0
    finally:
        os._exit(code)


def _outcome(handler: Handler, header: dict[str, Any], data: bytes) -> bytes:
    try:
        return handler(header, data)
    except Unreadable as error:
        return wire.refused(error.code, error.at or "")
    except MemoryError:
        return wire.refused("too_costly")
    except Exception:  # whatever a library lets through: nothing of it may be repeated
        return wire.refused("damaged")


def _kept(limits: Limits) -> bool:
    """Whether a newborn is refused a file by the kernel, tried before the first one is needed."""
    child = os.fork()
    if child == 0:
        os._exit(0 if confine.enter(limits, 0) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _warm() -> None:
    """What is loaded late by a library must be there before files can no longer be opened."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our input
    gazetteer(), vocabulary()
    for sample in SAMPLES:
        extract(read(sample), id="warm", today=date(2026, 1, 1))
    for codec in ("gb18030", "utf-16", "utf-8-sig", "utf-16-le", "latin-1"):
        b"".decode(codec)


if __name__ == "__main__":
    main()
