"""The priority of a process that works for a web process and may wait for it, and the turns of threads on a processor."""

import ctypes
import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

AUTOGROUP = Path("/proc/self/autogroup")
SHORT_TURN = 100_000
"""Nanoseconds, the kernel's least: for the loop of a process that answers requests. A turn is 1.4 ms long on two processors by default."""
LONG_TURN = 100_000_000
"""Nanoseconds, the kernel's most: for work that takes many milliseconds and that other requests must not wait for."""
_SYSTEM_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}
"""The numbers of sched_setattr and sched_getattr, for which few C libraries have functions."""
_RESET_ON_FORK = 1


class _Attributes(ctypes.Structure):
    """`struct sched_attr` of sched_setattr(2)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def take_turns_of(nanoseconds: int) -> None:
    """Sets the length of the calling thread's turns on a processor. Its share of the processors stays the same.

    A thread that wakes interrupts one with longer turns at once; it would wait until the turn of one with equal turns ends, some
    milliseconds. Threads and processes that it starts later have turns of the usual length. Kernels before Linux 6.12 change nothing.
    """
    mine = _attributes_of(0)
    if mine is not None:
        mine.runtime = nanoseconds
        mine.flags |= _RESET_ON_FORK
        _call(0, 0, ctypes.byref(mine), 0)


def length_of_turns(thread: int) -> int:
    """Nanoseconds; 0 where the kernel sets no such length. `thread` is the system's number, 0 for the calling thread."""
    theirs = _attributes_of(thread)
    return 0 if theirs is None else theirs.runtime


def _attributes_of(thread: int) -> _Attributes | None:
    theirs = _Attributes()
    failed = _call(1, thread, ctypes.byref(theirs), ctypes.sizeof(theirs), 0)
    return None if failed else theirs


def _call(which: int, *arguments: Any) -> int:
    """Not 0 where it failed, or on other systems."""
    numbers = _SYSTEM_CALLS.get(platform.machine()) if sys.platform == "linux" else None
    return ctypes.CDLL(None).syscall(numbers[which], *arguments) if numbers else -1


def yield_to_all(nice: int) -> None:
    """Takes long turns and the priority `nice`, of which 19 is the lowest: in its session, and in a session of its own among all others.

    Linux first shares the CPU out between sessions (autogroups, see sched(7)), so in its parent's session this process would compete with
    every other service as an equal. In a container the kernel shares out between containers, and the second part changes nothing.
    """
    take_turns_of(LONG_TURN)
    os.nice(nice)
    with suppress(PermissionError):  # it leads a session already
        os.setsid()
    for _ in range(5):
        with suppress(FileNotFoundError, PermissionError):  # a kernel without autogroups
            try:
                AUTOGROUP.write_text(str(nice))
            except BlockingIOError:  # the kernel takes ten a second
                time.sleep(0.1)
                continue
        return
