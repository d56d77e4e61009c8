"""Fair shares of a process: of its turns at expensive work, of its memory, and of the time to read large bodies.

**Turns.** A few requests work at once; the others wait in bounded lines. Each names its groups, the widest first: its tenant and its
client, or the /48 and the /64 of its address. Groups take turns, and so do groups within a group. In a full line a newcomer displaces the
last request of the group with the most waiting, so that a flood delays only its sender.

**Memory.** A request reserves its bytes before it reads them, and holds them until its answer is sent; nothing waits. A tenant may hold as
many bytes as are free afterwards (the dynamic threshold of Choudhury and Hahne): alone half of them. A client of a tenant, or a network of
callers without a token, may hold as many as its tenant leaves free: alone a third of all bytes.

**Large bodies.** They are read in turns, for a quarter of the time; the longest in a thread beside the event loop.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from shared.process import priority
from shared.web import problems
from shared.web.identity import party_of

STRANGERS = ""  # the widest group of requests without a tenant
Result = TypeVar("Result")


class Busy(Exception):
    """The line is full, and no group in it has more than its share."""


class Gone(Exception):
    """The client of a waiting request has left."""


class Waiter:
    """A waiting request. `path` holds its groups, the widest first."""

    __slots__ = ("future", "path", "pool")

    def __init__(self, path: Sequence[str], pool: str = "") -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.path = tuple(path)
        self.pool = pool


class Lines:
    """`places` to wait in, at most `of_pool` of them for one pool, such as one SAML connection."""

    def __init__(self, places: int, of_pool: int | None = None) -> None:
        self._places = places
        self._of_pool = of_pool or places
        # Groups in groups by name, in the order of their turns; the innermost hold the waiters.
        self._turns: dict[str, Any] = {}
        self._pools: Counter[str] = Counter()
        self.number = 0

    def join(self, waiter: Waiter) -> None:
        """Raises Busy, or makes the displaced waiter raise it."""
        if self._pools[waiter.pool] >= self._of_pool:
            self._displace(_largest([one for one in self._waiting() if one.pool == waiter.pool], waiter.path))
        elif self.number >= self._places:
            self._displace(_largest(self._waiting(), waiter.path) or self._of_the_largest_pool(waiter))
        groups = self._turns
        for name in waiter.path[:-1]:
            groups = groups.setdefault(name, {})
        groups.setdefault(waiter.path[-1], deque()).append(waiter)
        self._pools[waiter.pool] += 1
        self.number += 1

    def next(self, may: Callable[[Sequence[str]], bool]) -> Waiter | None:
        """The first waiter of the groups whose turn it is, of those that `may`. These groups go to the end."""
        waiter = _take(self._turns, (), may)
        if waiter is not None:
            self._forget(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        if _remove(self._turns, waiter, 0):
            self._forget(waiter)

    def _displace(self, loser: Waiter | None) -> None:
        if loser is None:
            raise Busy
        self.leave(loser)
        if not loser.future.done():  # done: cancelled, and about to learn it
            loser.future.set_exception(Busy())

    def _of_the_largest_pool(self, newcomer: Waiter) -> Waiter | None:
        """The last waiter of the largest pool, when no group is too large. So many networks at one pool leave places for other pools."""
        alike = [waiter for waiter in self._waiting() if waiter.path[0] == newcomer.path[0]]
        pool, size = Counter(waiter.pool for waiter in alike).most_common(1)[0] if alike else ("", 0)
        if size <= self._pools[newcomer.pool] + 1:
            return None
        return [waiter for waiter in alike if waiter.pool == pool][-1]

    def _forget(self, waiter: Waiter) -> None:
        self.number -= 1
        self._pools[waiter.pool] -= 1
        if not self._pools[waiter.pool]:
            del self._pools[waiter.pool]

    def _waiting(self) -> list[Waiter]:
        return list(_all(self._turns))


def _all(groups: Any) -> Iterator[Waiter]:
    if isinstance(groups, deque):
        yield from groups
    else:
        for inner in groups.values():
            yield from _all(inner)


def _take(groups: dict[str, Any], within: tuple[str, ...], may: Callable[[Sequence[str]], bool]) -> Waiter | None:
    for name, group in groups.items():
        path = (*within, name)
        if not may(path):
            continue
        waiter = group.popleft() if isinstance(group, deque) else _take(group, path, may)
        if waiter is not None:
            del groups[name]
            if group:
                groups[name] = group
            return waiter
    return None


def _remove(groups: Any, waiter: Waiter, depth: int) -> bool:
    if isinstance(groups, deque):
        if waiter not in groups:
            return False
        groups.remove(waiter)
        return True
    name = waiter.path[depth]
    found = name in groups and _remove(groups[name], waiter, depth + 1)
    if found and not groups[name]:
        del groups[name]
    return found


def _largest(waiting: list[Waiter], path: tuple[str, ...]) -> Waiter | None:
    """The last waiter of the largest group; None if that group is no larger than the newcomer's would be."""
    is_another = False
    for depth, name in enumerate(path):
        sizes = Counter(waiter.path[depth] for waiter in waiting)
        largest, size = sizes.most_common(1)[0] if sizes else (name, 0)
        is_another = is_another or size > sizes[name] + 1
        chosen = largest if is_another else name
        waiting = [waiter for waiter in waiting if waiter.path[depth] == chosen]
    return waiting[-1] if is_another else None


class Turns:
    """At most `at_once` requests work; the others wait in `lines`, of which earlier ones go first.

    A place that was held for a second stays empty for `rest` seconds afterwards, but for `most_rest` at most, and only while `rests`.
    """

    def __init__(
        self,
        at_once: int,
        *lines: Lines,
        rest: float = 0,
        most_rest: float = math.inf,
        rests: Callable[[], bool] = lambda: True,
    ) -> None:
        self.free = at_once
        self.waited = 0.0
        self._lines = lines
        self._rest = rest
        self._most_rest = most_rest
        self._rests = rests

    @asynccontextmanager
    async def take(self, lines: Lines, path: Sequence[str], pool: str = "") -> AsyncIterator[None]:
        """Waits for a place and holds it. Raises Busy."""
        await self.enter(lines, path, pool)
        async with self.held():
            yield

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Around the work of a request that has entered. Gives the place back after it, and after the rest.

        The rest does not count the seconds that were added to `waited` meanwhile: in those the work only waited for the processor.
        """
        loop = asyncio.get_running_loop()
        began = loop.time() - self.waited
        try:
            yield
        finally:
            if self._rest and self._rests():
                rest = self._rest * max(0.0, loop.time() - self.waited - began)
                loop.call_later(min(rest, self._most_rest), self.leave)
            else:
                self.leave()

    def enter_now(self, path: Sequence[str]) -> bool:
        """Takes a place if there is one. Call `leave` afterwards."""
        if not self._may(path):
            return False
        self._hold(path)
        return True

    async def enter(
        self, lines: Lines, path: Sequence[str], pool: str = "", gone: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Raises Busy; or Gone, where `gone` returns during the wait. Call `leave` afterwards."""
        if self.enter_now(path):
            return
        waiter = Waiter(path, pool)
        lines.join(waiter)
        watch = None if gone is None else asyncio.create_task(_watch(waiter, gone))
        future = waiter.future
        try:
            await future
        except Gone:
            lines.leave(waiter)
            raise
        except asyncio.CancelledError:
            lines.leave(waiter)
            if not future.cancelled() and future.exception() is None:  # its turn had just come
                self.leave(path)
            raise
        finally:
            if watch is not None:
                watch.cancel()

    def leave(self, path: Sequence[str] = ("",)) -> None:
        """Gives the place to the next one. `path` is that of `enter`; only Shares needs it."""
        self._release(path)
        for lines in self._lines:
            while self.free and (waiter := lines.next(self._may)) is not None:
                if not waiter.future.done():  # done: it leaves, and is about to learn it
                    self._hold(waiter.path)
                    waiter.future.set_result(None)

    def _may(self, path: Sequence[str]) -> bool:
        return self.free > 0

    def _hold(self, path: Sequence[str]) -> None:
        self.free -= 1

    def _release(self, path: Sequence[str]) -> None:
        self.free += 1


class Shares(Turns):
    """Turns in which no widest group holds many more places than stay free: alone at most 6 of 10, and fewer beside others.

    A group that holds none so finds a free place, however long the work of the others takes; only where several groups are at their
    limits, it waits for the first place that any of them gives back. In the group `STRANGERS`, whose members have nothing in common,
    the networks share the places of the group in the same way: one network alone holds at most 4 of 10.
    """

    def __init__(self, at_once: int, lines: Lines) -> None:
        super().__init__(at_once, lines)
        self._held = Counter[tuple[str, ...]]()

    def held_by(self, *group: str) -> int:
        return self._held[group]

    def _may(self, path: Sequence[str]) -> bool:
        room = self.free - self._held[tuple(path[:1])]
        if self.free <= 0 or room < 0:
            return False
        # With each place that the group takes, one fewer is free: it may take this many.
        return path[0] != STRANGERS or len(path) < 2 or self._held[tuple(path[:2])] <= room // 2 + 1

    def _hold(self, path: Sequence[str]) -> None:
        super()._hold(path)
        for group in _shared(path):
            self._held[group] += 1

    def _release(self, path: Sequence[str]) -> None:
        super()._release(path)
        for group in _shared(path):
            self._held[group] -= 1
            if not self._held[group]:
                del self._held[group]


def _shared(path: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The groups of a path that have shares."""
    yield tuple(path[:1])
    if path[0] == STRANGERS:
        yield tuple(path[:2])


async def _watch(waiter: Waiter, gone: Callable[[], Awaitable[None]]) -> None:
    await gone()
    if not waiter.future.done():
        waiter.future.set_exception(Gone())


MEMORY_BYTES = 96 << 20
"""Bytes, of the 512 MiB of a container; connections to the database keep copies of their largest values."""
FREE_OF_CHARGE = 64 << 10
"""Bytes. The gateway's places limit the number of smaller bodies and answers."""


_memories: WeakSet["Memory"] = WeakSet()


def held_ratio() -> float:
    """The share that is held, of the memory of this process that is fullest; 0 where it has none."""
    return max((1 - memory.free / memory.total for memory in list(_memories)), default=0.0)


class Memory:
    """`total` bytes to share. A path names the groups of a holder, the widest first, such as its tenant and its client."""

    def __init__(self, total: int = MEMORY_BYTES) -> None:
        self.total = self.free = total
        self._held = Counter[tuple[str, ...]]()
        _memories.add(self)

    def take(self, path: Sequence[str], size: int) -> None:
        """Raises a Problem: 429 where the tenant holds its share, 503 where others hold nearly all."""
        if self.take_now(path, size):
            return
        # All callers without a token are one tenant, and not one organisation.
        if not self._held[tuple(path if not path[0] else path[:1])]:
            raise problems.unavailable("Too many large bodies are held; try again.")
        detail = "Your organisation's large requests under way fill its share of the memory for them; wait for their answers."
        raise problems.too_many(detail)

    def take_now(self, path: Sequence[str], size: int) -> bool:
        """Whether `size` bytes were taken."""
        fits = self.fits(path, size)
        if fits:
            self._add(path, size)
        return fits

    def fits(self, path: Sequence[str], size: int) -> bool:
        left = self.free - size
        if left < 0:
            return False
        for group in _groups(path):
            held = self._held[group]
            if held and held + size > left:
                return False
            if len(group) == 1:
                left -= held + size
        return True

    def give_back(self, path: Sequence[str], size: int) -> None:
        self._add(path, -size)

    def _add(self, path: Sequence[str], size: int) -> None:
        self.free -= size
        for group in _groups(path):
            self._held[group] += size
            if not self._held[group]:
                del self._held[group]


def _groups(path: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(path[:depth]) for depth in range(1, len(path) + 1)]


def reserve_memory(request: Request, size: int, tenant: str | None = None) -> None:
    """Reserves `size` bytes for the caller's tenant, or for `tenant`, until `release_memory`. Raises a Problem: 429, 503."""
    if size <= FREE_OF_CHARGE:
        return
    owner = party_of(request.scope.get("caller")) if tenant is None else (tenant,)
    _of_this_loop().memory.take(owner, size)
    request.scope.setdefault("reserved", []).append((owner, size))


def release_memory(scope: Scope) -> None:
    """Gives back all that the request reserved, and frees its body, also where something still refers to the request."""
    for name in ("body_bytes", "named"):
        scope.get("state", {}).pop(name, None)
    for owner, size in scope.pop("reserved", ()):
        _of_this_loop().memory.give_back(owner, size)


LARGE_BODY = 8 << 10
"""Bytes. The worst body of that size is decoded, or all its faults are found, within a few milliseconds."""
ASIDE_BODY = 32 << 10
"""Bytes. A body of that size holds the loop for a millisecond or two; a larger one is left to a thread."""
SWITCH_SECONDS = 0.00002
"""How long that thread keeps the interpreter while the loop wants it: each request waits so long some ten times."""
MOST_REST = 1.0
"""Seconds. Work in a turn takes a third of that at most, unless the machine is busy."""
MOST_WAITING = 128
MOST_OF_TENANT = 64
MOST_OF_CLIENT = 32


class Line:
    """The line for one kind of work: one request works at a time, the others wait, and organisations and their apps take turns."""

    def __init__(self, **rest: Any) -> None:
        """`rest` as of `Turns`."""
        self.waiting = Lines(MOST_WAITING)
        self.turns = Turns(1, self.waiting, **rest)
        self.tenants = Counter[str]()
        self.clients = Counter[str]()

    @asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator[None]:
        """Raises Problem: 429 where more of the caller's waits than its share, 503 where many tenants wait with one each.

        Raises ClientDisconnect, before any work, where the client has left.
        """
        party = party_of(request.scope.get("caller"))
        if await request.is_disconnected():
            raise ClientDisconnect
        if self.clients[party.client] >= MOST_OF_CLIENT or self.tenants[party.tenant] >= MOST_OF_TENANT:
            raise _share_is_used()
        with _counted(self.clients, party.client), _counted(self.tenants, party.tenant):
            try:
                await self.turns.enter(self.waiting, party, gone=lambda: _disconnected(request))
            except Gone:
                raise ClientDisconnect from None
            except Busy:
                if self.tenants[party.tenant] > 1:
                    raise _share_is_used() from None
                raise problems.unavailable("Too many large requests are being read; try again.") from None
            async with self.turns.held():
                yield


class _OfLoop(Line):
    """The memory that the requests of one event loop share, and the line of large bodies and other work in the thread beside it."""

    def __init__(self) -> None:
        super().__init__(rest=3.0, most_rest=MOST_REST)
        self.memory = Memory()
        long_turns = partial(priority.take_turns_of, priority.LONG_TURN)
        self.thread = ThreadPoolExecutor(1, "large-bodies", long_turns)
        self.holder: asyncio.Task[object] | None = None


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _OfLoop] = WeakKeyDictionary()


@asynccontextmanager
async def turn_if_heavy(request: Request, *, heavy: bool) -> AsyncIterator[None]:
    """Around work that holds the event loop, where it is `heavy`. Raises as `Line.turn` does."""
    if not heavy:
        yield
        return
    line = _of_this_loop()
    async with line.turn(request):
        line.holder = asyncio.current_task()
        try:
            yield
        finally:
            line.holder = None


async def aside(work: Callable[[], Result], *, counts: float = 1.0) -> Result:
    """The result of `work`, done in the one thread for it: others are answered meanwhile. A caller that leaves waits for its end too.

    Its processor time counts by that factor for the rest after the turn. Raises RuntimeError outside a heavy `turn_if_heavy`: work
    without a turn would wait in a line of the thread that no tenant shares fairly, and be done for callers who have left.
    """
    line = _of_this_loop()
    if line.holder is not asyncio.current_task():
        raise RuntimeError("work in the thread beside the event loop needs a heavy turn")
    loop = asyncio.get_running_loop()
    began, used = loop.time(), [0.0]

    def measured() -> Result:
        before = time.thread_time()
        try:
            return work()
        finally:
            used[0] = time.thread_time() - before

    done = loop.run_in_executor(line.thread, copy_context().run, measured)
    try:
        return await asyncio.shield(done)
    finally:
        await asyncio.wait([done])
        line.turns.waited += max(0.0, loop.time() - began - counts * used[0])


def _of_this_loop() -> _OfLoop:
    loop = asyncio.get_running_loop()
    return _loops.get(loop) or _loops.setdefault(loop, _OfLoop())


@contextmanager
def _counted(counts: Counter[str], key: str) -> Iterator[None]:
    counts[key] += 1
    try:
        yield
    finally:
        counts[key] -= 1
        if not counts[key]:
            del counts[key]


async def _disconnected(request: Request) -> None:
    """Returns when the client leaves. Its body is read by then, so that the server has nothing else to report."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _share_is_used() -> problems.Problem:
    most = f"At most {MOST_OF_CLIENT} large requests of one client, and {MOST_OF_TENANT} of one organisation, are read at once"
    fewer = "fewer while many organisations send them"
    return problems.too_many(f"{most}, {fewer}; wait for their answers.")
