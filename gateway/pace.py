"""Limits how close together the requests of one sender reach a service, whose event loop serves requests in order of arrival.

An exchange is young until it is answered or `YOUNG_SECONDS` old. A sender may have `YOUNG` young exchanges at a service; its other
requests wait here. Another sender's request therefore waits in the service behind a few of a crowd's requests, not behind all.
An older exchange waits for something other than the event loop, so slow calls do not delay their sender's next requests: a sender
may begin at least `YOUNG / YOUNG_SECONDS` exchanges a second.
"""

import asyncio
from collections import deque

from gateway.connection import ClientGone
from gateway.places import ANONYMOUS, Sender

YOUNG = 8
YOUNG_SECONDS = 0.02


class Line:
    """The exchanges that one sender began (oldest first), how many are young, and its requests that wait to begin."""

    __slots__ = ("begun", "timer", "waiting", "young")

    def __init__(self) -> None:
        self.begun: deque[Begun] = deque()
        self.young = 0
        self.waiting: deque[Waiter] = deque()
        self.timer: asyncio.TimerHandle | None = None


class Begun:
    """An exchange on its way; `young` until it is answered or `YOUNG_SECONDS` old."""

    __slots__ = ("at", "line", "young")

    def __init__(self, line: Line, at: float) -> None:
        self.line = line
        self.at = at
        self.young = True


class Waiter:
    """A request that waits for its turn. The connection notifies it, as it would an exchange, when the client leaves."""

    __slots__ = ("turn",)

    def __init__(self, turn: "asyncio.Future[Begun]") -> None:
        self.turn = turn

    def client_gone(self) -> None:
        if not self.turn.done():
            self.turn.set_exception(ClientGone("client gone"))


class Pace:
    """The lines at one service. Each waiting request holds a place, so the number of places bounds them."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    @property
    def waiting(self) -> int:
        return sum(len(line.waiting) for line in self._lines.values())

    def begin(self, sender: Sender) -> Begun | None:
        """Begins an exchange of `sender` if it may begin now, else None."""
        line = self._line(sender)
        now = asyncio.get_running_loop().time()
        _grow_older(line, now)
        return None if line.waiting or line.young >= YOUNG else _begin(line, now)

    def waiter(self, sender: Sender) -> Waiter:
        """Puts a request behind the others of its sender."""
        line = self._line(sender)
        waiter = Waiter(asyncio.get_running_loop().create_future())
        line.waiting.append(waiter)
        _admit(line)
        return waiter

    async def wait(self, sender: Sender, waiter: Waiter) -> Begun:
        """Waits for the request's turn. Raises ClientGone when its client leaves first."""
        try:
            return await waiter.turn
        except BaseException:
            line = self._line(sender)
            if waiter in line.waiting:
                line.waiting.remove(waiter)
            elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
                # Its client left just when its turn came.
                end(waiter.turn.result())
            raise

    def tidy(self) -> None:
        """Removes the lines of senders without young or waiting requests; called regularly."""
        now = asyncio.get_running_loop().time()
        for name, line in list(self._lines.items()):
            _grow_older(line, now)
            if not line.begun and not line.waiting:
                del self._lines[name]

    def _line(self, sender: Sender) -> Line:
        # Callers without a token have no tenant: each address has its own line.
        name = sender.client if sender.tenant == ANONYMOUS else sender.tenant
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line()
        return line


def end(begun: Begun) -> None:
    """Must be called once for every exchange that began, also for a failed one."""
    if begun.young:
        begun.young = False
        begun.line.young -= 1
    if begun.line.waiting:
        _admit(begun.line)


def _begin(line: Line, now: float) -> Begun:
    begun = Begun(line, now)
    line.begun.append(begun)
    line.young += 1
    return begun


def _grow_older(line: Line, now: float) -> None:
    begun = line.begun
    while begun and (not begun[0].young or begun[0].at <= now - YOUNG_SECONDS):
        oldest = begun.popleft()
        if oldest.young:
            oldest.young = False
            line.young -= 1


def _admit(line: Line) -> None:
    """Begins as many waiting requests as allowed, and checks again when the oldest exchange is no longer young."""
    loop = asyncio.get_running_loop()
    now = loop.time()
    _grow_older(line, now)
    while line.waiting and line.young < YOUNG:
        waiter = line.waiting.popleft()
        if not waiter.turn.done():
            waiter.turn.set_result(_begin(line, now))
    if line.waiting and line.timer is None:
        line.timer = loop.call_at(line.begun[0].at + YOUNG_SECONDS, _look_again, line)


def _look_again(line: Line) -> None:
    line.timer = None
    if line.waiting:
        _admit(line)
