"""Whether this process turns: its event loops, and the work that its threads have begun. The ops port asks, in a thread of its own."""

import asyncio
import threading
import time
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from weakref import WeakSet

ANSWER_SECONDS = 3.0
"""Less than the time-out of a liveness probe. A loop that is busy for as long at each of six probes in a row is stuck."""
WORK_SECONDS = 3600.0
"""Many times as long as a task, a turn of a relay or a run of a periodic job takes, whose statements and calls have time-outs."""
_watched: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
_begun: dict[Hashable, float] = {}


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """From now on the process lives only while this loop turns, until it is closed."""
    _watched.add(loop)


def begin(work: Hashable) -> None:
    """From now on the process lives only until WORK_SECONDS have passed, unless this work ends before."""
    _begun[work] = time.monotonic()


def end(work: Hashable) -> None:
    _begun.pop(work, None)


@contextmanager
def at_work() -> Generator[None, None, None]:
    """The block is work that ends within WORK_SECONDS, or the process is stuck."""
    work = object()
    begin(work)
    try:
        yield
    finally:
        end(work)


def is_alive() -> bool:
    """Asks each watched loop to turn once, and compares the age of the work. For another thread than theirs."""
    if any(time.monotonic() - began > WORK_SECONDS for began in [*_begun.values()]):
        return False
    turned = list[threading.Event]()
    for loop in list(_watched):
        turned.append(threading.Event())
        try:
            loop.call_soon_threadsafe(turned[-1].set)
        except RuntimeError:  # closed: the process is about to end
            turned.pop()
    return all(one.wait(ANSWER_SECONDS) for one in turned)
