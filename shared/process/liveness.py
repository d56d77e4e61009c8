"""Whether the event loops of this process turn. The ops port asks: it has a thread of its own, which goes on when a loop is stuck."""

import asyncio
import threading
from weakref import WeakSet

ANSWER_SECONDS = 3.0
"""Less than the time-out of a liveness probe. A loop that is busy for as long at each of six probes in a row is stuck."""
_watched: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """From now on the process lives only while this loop turns, until it is closed."""
    _watched.add(loop)


def is_alive() -> bool:
    """Asks each watched loop to turn once. For another thread than theirs."""
    turned = list[threading.Event]()
    for loop in list(_watched):
        turned.append(threading.Event())
        try:
            loop.call_soon_threadsafe(turned[-1].set)
        except RuntimeError:  # closed: the process is about to end
            turned.pop()
    return all(one.wait(ANSWER_SECONDS) for one in turned)
