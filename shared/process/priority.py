"""The priority of a process that works for a web process and may wait for it."""

import ctypes
import os
import platform
import time
from contextlib import suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
SLICE_SECONDS = 0.1
"""The longest that Linux takes, where a process has a millisecond or two unless it asks for another."""
# sched_setattr(2), which neither Python nor every C library has: its number by machine (asm/unistd.h).
SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274}


class Attributes(ctypes.Structure):
    """`struct sched_attr` in its first version (linux/sched/types.h)."""

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


def yield_to_all(nice: int) -> None:
    """Takes the priority `nice`, of which 19 is the lowest: in its session, and in a session of its own among all others.

    Linux first shares the CPU out between sessions (autogroups, see sched(7)), so in its parent's session this process would compete with
    every other service as an equal. In a container the kernel shares out between containers, and the second part changes nothing.

    It also asks for long slices. Its share stays that of `nice`, but others that wake up go before it at once, not at the next tick.
    """
    os.nice(nice)
    _take_long_slices()
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


def _take_long_slices() -> None:
    """Linux 6.12 and later lets one with a shorter slice interrupt it (`PREEMPT_SHORT`); older ones ignore the slice."""
    number, policy = SET_ATTRIBUTES.get(platform.machine()), os.sched_getscheduler(0)
    if number is None or policy not in (os.SCHED_OTHER, os.SCHED_BATCH):
        return
    asked = Attributes(
        size=ctypes.sizeof(Attributes),
        policy=policy,
        nice=os.getpriority(os.PRIO_PROCESS, 0),
        runtime=int(SLICE_SECONDS * 1e9),
    )
    # Where the kernel or a container refuses the call, the process works without it.
    ctypes.CDLL(None).syscall(ctypes.c_long(number), 0, ctypes.byref(asked), 0)
