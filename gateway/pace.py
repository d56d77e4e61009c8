"""Limits how close together the requests of one sender reach a service, whose event loop serves them in order of arrival.

Of one sender at most `YOUNG` exchanges that began within `YOUNG_SECONDS` are on their way to a service; its others wait here until
one of them is answered or grows older. Another sender's request thus waits in the service for a few of a crowd, not for all of it.
An older exchange waits for something else than the loop, so that slow calls hold up nothing: a sender begins at least
`YOUNG / YOUNG_SECONDS` exchanges a second.
"""

import asyncio
from collections import deque

from gateway.connection import ClientGone
from gateway.places import ANONYMOUS, Sender

YOUNG = 8
YOUNG_SECONDS = 0.02


class Line:
    """Of one sender: the exchanges it began, the oldest first, how many of them are young, and the requests that wait to begin."""

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
    """A request that waits for its turn. It takes the place of the exchange that is notified when the client leaves."""

    __slots__ = ("turn",)

    def __init__(self, turn: "asyncio.Future[Begun]") -> None:
        self.turn = turn

    def client_gone(self) -> None:
        if not self.turn.done():
            self.turn.set_exception(ClientGone("client gone"))


class Pace:
    """The lines at one service. Each request that waits holds a place, so that no more wait than there are places."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    @property
    def waiting(self) -> int:
        return sum(len(line.waiting) for line in self._lines.values())

    def begin(self, sender: Sender) -> Begun | None:
        """An exchange of `sender` if it may begin now."""
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
        """Returns when it is its turn. Raises ClientGone when its client leaves first."""
        try:
            return await waiter.turn
        except BaseException:
            line = self._line(sender)
            if waiter in line.waiting:
                line.waiting.remove(waiter)
            elif not waiter.turn.cancelled() and waiter.turn.exception() is None:
                # It left in the very moment of its turn.
                end(waiter.turn.result())
            raise

    def tidy(self) -> None:
        """Forgets who has nothing young on its way; called now and then."""
        now = asyncio.get_running_loop().time()
        for name, line in list(self._lines.items()):
            _grow_older(line, now)
            if not line.begun and not line.waiting:
                del self._lines[name]

    def _line(self, sender: Sender) -> Line:
        # Callers without a token are of no tenant: each address is paced by itself.
        name = sender.client if sender.tenant == ANONYMOUS else sender.tenant
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = Line()
        return line


def end(begun: Begun) -> None:
    """Every exchange that began ends here once, also a failed one."""
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
    """Lets in who waits as far as there is room, and looks again when the oldest exchange is no longer young."""
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
