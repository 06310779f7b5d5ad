"""Shuts the process in, for good: resource limits, a list of system calls that is all there is, and a hook in the interpreter.

What is not on the list fails with EPERM: there is no opening of files, no socket, no other process, no signal to one.
The list is a seccomp filter (Linux, x86-64 and ARM64). Elsewhere the limits and the interpreter's hook are what there is.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from typing import Final

from ai_engine.resumes.sandbox.limits import Limits

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _SET_DUMPABLE, _PARENT_DEATH = 38, 22, 4, 1
_FILTER, _KILL_SIGNAL = 2, 9
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_X32_BIT = 0x40000000
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
# read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn mremap madvise getpid exit
# gettimeofday getrusage times sigaltstack futex clock_gettime exit_group getrandom rseq sched_yield gettid clock_getres
_CALLS: Final = {
    "x86_64": (0xC000003E, (
        0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 25, 28, 39, 60, 96, 98, 100, 131, 202, 228, 231, 318, 334, 24, 186, 229)),
    "aarch64": (0xC00000B7, (
        63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 216, 233, 172, 93, 169, 165, 153, 132, 98, 113, 94, 278, 293,
        124, 178, 114)),
}  # fmt: skip
# What the interpreter tells its hook before it acts; refused even where the kernel would be asked in vain.
_EVENTS: Final = ("open", "socket.", "subprocess.", "os.", "ctypes.dlopen", "shutil.", "tempfile.", "urllib.", "pty.")


def leave_the_network() -> bool:
    """Before any work: go where there is no network at all. False where the kernel does not allow it."""
    try:
        return bool(ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK) == 0)
    except (AttributeError, OSError):
        return False


def enter(limits: Limits, spent_s: float) -> bool:
    """Shut this process in. Whether the kernel keeps the list of calls; False: only limits and hook hold."""
    cpu = int(spent_s) + limits.cpu_s
    for what, most in (
        (resource.RLIMIT_CPU, cpu), (resource.RLIMIT_AS, limits.memory), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 4), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NPROC, 0),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))
    kept = _only_listed_calls()
    sys.addaudithook(_refuse)
    return kept


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if event.startswith(_EVENTS):
        raise PermissionError(errno.EPERM, f"a reader of resumes may not {event}")


def _only_listed_calls() -> bool:
    known = _CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    architecture, calls = known
    program = _program(architecture, calls)
    buffer = ctypes.create_string_buffer(program, len(program))
    holder = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PARENT_DEATH, _KILL_SIGNAL, 0, 0, 0)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, holder, 0, 0) == 0)


def _program(architecture: int, calls: Sequence[int]) -> bytes:
    """Classic BPF over `struct seccomp_data`: the call's number is at 0, the architecture at 4."""
    steps = [(_LOAD, 0, 0, 4), (_JUMP_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    steps.append((_JUMP_GREATER_EQUAL, len(calls), 0, _X32_BIT))
    steps += [(_JUMP_EQUAL, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
