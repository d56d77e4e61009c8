"""A Line: heavy pure work, made in a small pool of processes, in which organisations and their apps take turns.

The event loop, and all other requests, go on meanwhile. The work is a function of a module with plain content: it has no database, no
settings, and no keys but those in its content. Where a process of the pool ends, the work in the pool is over; the next work makes another.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import Counter, Gauge

from shared.fairness.places import Places

Result = TypeVar("Result")
PROCESSES = 2
WAITING = 64
BEGIN_SECONDS = 25.0
"""Until the work begins: less than the gateway waits for an answer."""
WORK_SECONDS = 60.0
"""For one work, with the start of its process: far more than a busy machine needs."""
WORKS = 500
"""After so many works a process is replaced, so that the memory that libraries keep does not grow."""
NICE = 5
"""Beside web processes that want the whole processor, a quarter of it is left for heavy work."""
FIRST_TO_END = "1000"
"""The kernel's preference (`oom_score_adj`): where the container's memory is full, such a process ends, and not the web process."""
log = logging.getLogger(__name__)
heavy_waiting = Gauge("heavy_work_waiting", "Requests that wait for a process for heavy work")
heavy_ended = Counter(
    "heavy_work_broken_off_total", "Times that a process for heavy work ended, or did not end its work in time"
)


class BrokenOff(Exception):
    """The process ended before the work was done, or the work took too long."""


class WorkFailed(Exception):
    """An error of the work that is a bug of this service, by its type and places: its text may quote a value."""


class Line:
    """Processes start with the first work. `passing` are the errors that a work may raise for its caller."""

    def __init__(self, *passing: type[Exception], processes: int = PROCESSES) -> None:
        self._passing = passing
        self._processes = processes
        self._places = Places(processes, waiting=WAITING)
        self._pool: ProcessPoolExecutor | None = None

    async def make(
        self,
        path: Sequence[str],
        work: Callable[..., Result],
        *arguments: Any,
        gone: Callable[[], Awaitable[None]] | None = None,
    ) -> Result:
        """The result of the work. `path` names the groups of the caller, the widest first; `gone` returns when its client leaves.

        Raises NoPlace; Gone, before any work; BrokenOff; WorkFailed; and the errors that may pass. The place of a caller that leaves
        is free once its work has ended.
        """
        heavy_waiting.inc()
        try:
            place = await self._places.enter(path, BEGIN_SECONDS, gone)
        finally:
            heavy_waiting.dec()
        loop, pool = asyncio.get_running_loop(), self._running()
        try:
            done = pool.submit(_made, self._passing, work, arguments)
        except (BrokenProcessPool, OSError):
            self._places.leave(place)
            self._break_off(pool)
            raise BrokenOff from None
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(self._places.leave, place))
        try:
            async with asyncio.timeout(WORK_SECONDS):
                return await asyncio.wrap_future(done)
        except (BrokenProcessPool, TimeoutError):
            self._break_off(pool)
            raise BrokenOff from None

    def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._processes, multiprocessing.get_context("spawn"), _begin, max_tasks_per_child=WORKS
            )
        return self._pool

    def _break_off(self, pool: ProcessPoolExecutor) -> None:
        """Once for a pool: of its works each one says that it is broken, and the next pool may be at work by then."""
        if self._pool is pool:
            log.warning("a process for heavy work ended before its work")
            heavy_ended.inc()
            self.close()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_END)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A pool's process waits for its next work also where nobody is left to send it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(0)


def _made(passing: tuple[type[Exception], ...], work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    # Not before: the modules of the work are imported by now, for which its first caller waits.
    os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    try:
        return work(*arguments)
    except passing:
        raise
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        fault = " < ".join(f"{one.name}:{one.lineno}" for one in reversed(places))
        raise WorkFailed(f"{type(error).__name__} in {fault}") from None
