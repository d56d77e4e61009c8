"""`python -m tests.bench.measured_stack …` is `python -m deploy.local …` and measures the cost of authenticity.

Only for `make bench-signing`. Measured is everything that exists for it alone: signing, checking of signatures, and the check of each
message against the services that may send it. The text that is signed is the one that is sent, so nothing is encoded for it. The processes
are forked from this one, in which the functions are already replaced. Each adds the processor time of its threads up in a file of its own,
in the folder that `KNOGIN_AUTHENTICITY` names.
"""

import mmap
import os
import runpy
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from shared.messaging import authenticity

P = ParamSpec("P")
T = TypeVar("T")
FOLDER = "KNOGIN_AUTHENTICITY"
NAMES = ("seal", "unseal", "objection")
# Calls and seconds of each.
LAYOUT = struct.Struct(f"<{2 * len(NAMES)}d")


class Book:
    """The sums of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._pid, self._lock = folder, 0, threading.Lock()
        self._sums = [0.0] * (2 * len(NAMES))

    def add(self, name: str, seconds: float) -> None:
        with self._lock:
            if self._pid != os.getpid():  # a fork writes a book of its own
                self._pid, self._sums = os.getpid(), [0.0] * (2 * len(NAMES))
                file = self._folder / str(self._pid)
                file.write_bytes(bytes(LAYOUT.size))
                with file.open("r+b") as opened:
                    self._pages = mmap.mmap(opened.fileno(), LAYOUT.size)
            place = 2 * NAMES.index(name)
            self._sums[place] += 1
            self._sums[place + 1] += seconds
            LAYOUT.pack_into(self._pages, 0, *self._sums)


def read(folder: Path) -> dict[str, tuple[float, float]]:
    """By function, its calls and seconds in all processes."""
    books = [LAYOUT.unpack(file.read_bytes()) for file in folder.iterdir() if file.stat().st_size]
    sums = [sum(column) for column in zip(*books, strict=True)] or [0.0] * (2 * len(NAMES))
    return {name: (sums[2 * place], sums[2 * place + 1]) for place, name in enumerate(NAMES)}


def measured(book: Book, name: str, function: Callable[P, T]) -> Callable[P, T]:
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            book.add(name, time.thread_time() - began)

    return call


if __name__ == "__main__":
    book = Book(Path(os.environ[FOLDER]))
    for name in NAMES:
        setattr(authenticity, name, measured(book, name, getattr(authenticity, name)))
    sys.argv[0] = "deploy.local"
    runpy.run_module("deploy.local", run_name="__main__")
