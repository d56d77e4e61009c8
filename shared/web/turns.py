"""Limits expensive work to a few requests at once. The others wait in bounded lines that are fair between groups.

Each request names its groups, the widest first: its tenant and its client, or the /48 and the /64 of its address. Groups take turns,
and so do groups within a group. In a full line a newcomer displaces the last request of the group with the most waiting, so that a
flood delays only its sender.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

# The widest group of requests without a tenant.
STRANGERS = ""


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

    A place that was held for a second stays empty for `rest` seconds afterwards.
    """

    def __init__(self, at_once: int, *lines: Lines, rest: float = 0) -> None:
        self.free = at_once
        self._lines = lines
        self._rest = rest

    @asynccontextmanager
    async def take(self, lines: Lines, path: Sequence[str], pool: str = "") -> AsyncIterator[None]:
        """Waits for a place and holds it. Raises Busy."""
        await self.enter(lines, path, pool)
        async with self.held():
            yield

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Around the work of a request that has entered. Gives the place back after it, and after the rest."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            yield
        finally:
            if self._rest:
                loop.call_later(self._rest * (loop.time() - began), self.leave)
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
