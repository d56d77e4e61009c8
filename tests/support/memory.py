"""Puts test databases in memory if the machine has enough: on a disk, making files is half the cost of a small test."""

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
    """A folder in memory while the block runs; PostgreSQL's account may enter it. None if less than 4 GiB are free."""
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
    """Deletes the folders of killed test runs: their locks are free, and they are not so new that the lock is still to come."""
    for left in MEMORY.glob(f"{PREFIX}*"):
        lock = _lock(left)
        if lock is not None and os.fstat(lock).st_mtime < time.time() - JUST_MADE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _lock(place: Path) -> int | None:
    """The lock of a folder, held until the file is closed. None if another process holds it or the folder is another user's."""
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
