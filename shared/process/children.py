"""Child processes of a service that work for it behind a socket: a parser of hostile documents, a renderer of long answers."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
AUTOGROUP = Path("/proc/self/autogroup")


def start(module: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    """Starts `python -m module` with the socket as its input. It gets none of our settings, which hold secrets."""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=ROOT,
    )


def yield_to_all(nice: int) -> None:
    """Takes the priority `nice`, of which 19 is the lowest: in its session, and in a session of its own among all others.

    Linux first shares the CPU out between sessions (autogroups, see sched(7)), so in its parent's session this process would compete with
    every other service as an equal. In a container the kernel shares out between containers, and the second part changes nothing.
    """
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
