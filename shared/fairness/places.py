"""Places: bounded concurrency, shared out fairly between groups, such as organisations and their apps.

A group may hold a multiple of the places that are free (the dynamic threshold of Choudhury and Hahne). One group alone gets most of the
places but not the last ones; its share shrinks as others come, and a newcomer finds a free place. The same holds for groups within a
group, of the places that it can still get. The multiples are few: 4 and 8 give one client alone 182 of 256 places, two organisations 114
each, ten 25 each.

Who finds no place waits in a bounded queue, where groups take turns. In a full queue a newcomer displaces the last waiter of the group
with the most of them, so that a flood delays only its sender.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any


class NoPlace(Exception):
    """No place became free in time, or too many wait."""


class Crowded(NoPlace):
    """The caller's own group holds its share of the places, or of the queue."""


class Gone(Exception):
    """The client of a waiting request has left."""


class Group:
    """The places that a group holds, itself and in the groups within it. `queue` are those within it that wait, the next one first."""

    __slots__ = ("groups", "held", "name", "parent", "queue", "waiting")

    def __init__(self, name: str, parent: "Group | None" = None) -> None:
        self.name = name
        self.parent = parent
        self.held = 0
        self.waiting = 0
        self.groups: dict[str, Group] = {}
        self.queue: deque[Any] = deque()

    def within(self, name: str) -> "Group":
        group = self.groups.get(name)
        if group is None:
            group = self.groups[name] = Group(name, self)
        return group


class Waiter:
    """A request that waits for a place."""

    __slots__ = ("future", "group")

    def __init__(self, group: Group) -> None:
        self.group = group
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def client_gone(self) -> None:
        self.fail(Gone())

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


MOST_GROUPS = 10_000
"""Innermost groups that are remembered, before those that neither hold a place nor wait are forgotten."""


class Places:
    """`total` places, and a queue of `waiting`. `shares` are the multiples of the groups, the widest first; the last one is also that of
    all narrower groups. Without shares a group may hold all places, and groups only take turns. No innermost group holds more than `most`.

    A path names the groups of a request, the widest first. Each place that was taken is given back with `leave`.
    """

    def __init__(
        self, total: int, *, shares: Sequence[float] = (), waiting: int = 128, most: int | None = None
    ) -> None:
        self.total = total
        self._shares = tuple(shares)
        self._most = total if most is None else most
        self._room = waiting
        self._root = Group("")
        self._innermost = 0
        # While so few are taken, nobody has reached a share: who is alone and holds them all has not.
        self._easily = next(
            (held for held in range(total) if not self._may_hold([held] * len(self._shares), held)), total
        )

    @property
    def taken(self) -> int:
        return self._root.held

    @property
    def waiting(self) -> int:
        return self._root.waiting

    def take(self, path: Sequence[str]) -> Group | None:
        """A place now, or None: there is none for these groups, or requests of the same group wait already."""
        group = self._group(path)
        if group.waiting or not self._may(group):
            return None
        self._hold(group)
        return group

    def waiter(self, path: Sequence[str]) -> Waiter:
        """Puts a request into the queue. Raises NoPlace, or makes the waiter that it displaces raise it."""
        group = self._group(path)
        if self._root.waiting >= self._room:
            loser = self._largest(path)
            if loser is None:
                raise self.refusal(path)
            self._dequeue(loser)
            loser.fail(Crowded())
        waiter = Waiter(group)
        group.queue.append(waiter)
        while True:
            group.waiting += 1
            parent = group.parent
            if parent is None:
                return waiter
            if group.waiting == 1:
                parent.queue.append(group)
            group = parent

    async def wait(self, waiter: Waiter, seconds: float) -> Group:
        """The place that `waiter` gets in time. Raises NoPlace, and Gone when its client leaves first."""
        try:
            async with asyncio.timeout(seconds):
                await waiter.future
        except TimeoutError:
            self._give_up(waiter)
            raise self._reason(waiter.group) from None
        except BaseException:
            self._give_up(waiter)
            raise
        return waiter.group

    def leave(self, place: Group) -> None:
        """Gives a place back; the next waiting group below its share gets it."""
        self._release(place)
        while self._root.waiting and self._root.held < self.total and (waiter := self._next(self._root)) is not None:
            self._dequeue(waiter)
            if not waiter.future.done():
                self._hold(waiter.group)
                waiter.future.set_result(None)

    async def enter(
        self, path: Sequence[str], seconds: float, gone: Callable[[], Awaitable[None]] | None = None
    ) -> Group:
        """A place, now or after a wait. Raises NoPlace; and Gone, where `gone` returns during the wait."""
        place = self.take(path)
        if place is not None:
            return place
        waiter = self.waiter(path)
        watch = None if gone is None else asyncio.create_task(_watch(waiter, gone))
        try:
            return await self.wait(waiter, seconds)
        finally:
            if watch is not None:
                watch.cancel()

    @asynccontextmanager
    async def held(self, path: Sequence[str], seconds: float) -> AsyncIterator[None]:
        """Around work that needs a place. Raises NoPlace."""
        place = await self.enter(path, seconds)
        try:
            yield
        finally:
            self.leave(place)

    def refusal(self, path: Sequence[str]) -> NoPlace:
        """Why these groups get no place now."""
        return self._reason(self._group(path))

    def held_by(self, *path: str) -> int:
        group: Group | None = self._root
        for name in path:
            group = group.groups.get(name) if group is not None else None
        return group.held if group is not None else 0

    def largest(self) -> int:
        """The most places that one of the widest groups holds."""
        return max((group.held for group in self._root.groups.values()), default=0)

    def tidy(self) -> None:
        """Forgets groups that neither hold a place nor wait. Most come back, so it is not done at once."""
        self._innermost = _tidied(self._root)

    def _group(self, path: Sequence[str]) -> Group:
        group = self._root
        for name in path:
            within = group.groups.get(name)
            if within is None:
                if self._innermost >= MOST_GROUPS:
                    self.tidy()
                self._innermost += 1
                # Looked up again from the widest: `tidy` may have forgotten a group on the way.
                group = self._root
                for each in path:
                    group = group.within(each)
                return group
            group = within
        return group

    def _may(self, group: Group) -> bool:
        taken = self._root.held
        if group.held >= self._most or taken >= self.total:
            return False
        if taken < self._easily:
            return True
        held: list[int] = []
        while group.parent is not None:
            held.append(group.held)
            group = group.parent
        return self._may_hold(held[::-1], taken)

    def _may_hold(self, held: Sequence[int], taken: int) -> bool:
        """Whether groups that hold so many, the widest first, may hold one more."""
        left: float = self.total - taken
        for depth, one in enumerate(held if self._shares else ()):
            share = self._shares[min(depth, len(self._shares) - 1)]
            more = share * left - one
            if more <= 0:
                return False
            # One more place for the group is one free place less, so it can still get only so many.
            left = more / (1 + share)
        return True

    def _next(self, group: Group) -> Waiter | None:
        """The next waiter within the group that may have a place. The groups on the way to it go to the end."""
        for _ in range(len(group.queue)):
            one = group.queue[0]
            if isinstance(one, Waiter):
                return one if self._may(group) else None
            group.queue.rotate(-1)
            if (found := self._next(one)) is not None:
                return found
        return None

    def _largest(self, path: Sequence[str]) -> Waiter | None:
        """The last waiter of the group with the most; None where that is no larger than the newcomer's would be."""
        group, is_another, names = self._root, False, iter(path)
        while group.queue and not isinstance(group.queue[-1], Waiter):
            largest = max(group.queue, key=lambda one: one.waiting)
            own = None if is_another else group.groups.get(next(names, ""))
            if is_another or largest.waiting > (0 if own is None else own.waiting) + 1:
                group, is_another = largest, True
            elif own is None:
                return None
            else:
                group = own
        return group.queue[-1] if is_another else None

    def _reason(self, group: Group) -> NoPlace:
        while group.parent is not None and group.parent.parent is not None:
            group = group.parent
        return Crowded() if group.held else NoPlace()

    def _hold(self, group: Group) -> None:
        step: Group | None = group
        while step is not None:
            step.held += 1
            step = step.parent

    def _release(self, group: Group) -> None:
        step: Group | None = group
        while step is not None:
            step.held -= 1
            step = step.parent

    def _give_up(self, waiter: Waiter) -> None:
        """Ends a wait without a place. If the place came at the same moment, gives it back."""
        future = waiter.future
        if future.done() and not future.cancelled() and future.exception() is None:
            self.leave(waiter.group)
        elif waiter in waiter.group.queue:
            self._dequeue(waiter)

    def _dequeue(self, waiter: Waiter) -> None:
        waiter.group.queue.remove(waiter)
        group = waiter.group
        while True:
            group.waiting -= 1
            parent = group.parent
            if parent is None:
                return
            if not group.waiting:
                parent.queue.remove(group)
            group = parent


def _tidied(group: Group) -> int:
    """The number of innermost groups that are left."""
    left = 0
    for name, one in list(group.groups.items()):
        number = _tidied(one)
        if one.held or one.waiting:
            left += max(number, 1)
        else:
            del group.groups[name]
    return left


async def _watch(waiter: Waiter, gone: Callable[[], Awaitable[None]]) -> None:
    await gone()
    waiter.client_gone()
