"""Test databases lie in memory where the machine has some to spare: half of what a test of a few rows costs on a disk is making files."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - Linux' own folder in memory; what is made in it is made by mkdtemp
PREFIX = "knogin-tests-"
ROOM = 4 << 30
JUST_MADE_SECONDS = 60


@contextmanager
def folder() -> Iterator[Path | None]:
    """A folder in memory as long as the block runs, which PostgreSQL's account may enter; None where there are not 4 GiB free."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        yield None
        return
    _sweep()
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY))
    lock = _lock(made)
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _sweep() -> None:
    """What test runs left that were killed: nobody holds their locks, as nobody holds that of one made this moment."""
    for left in MEMORY.glob(f"{PREFIX}*"):
        lock = _lock(left)
        if lock is not None and os.fstat(lock).st_mtime < time.time() - JUST_MADE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _lock(place: Path) -> int | None:
    """The lock of a folder, held until it is closed; None if another process holds it, or the folder is another user's."""
    try:
        lock = os.open(place, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
