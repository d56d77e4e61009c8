"""Places at work that costs much, and bounded lines to wait in, so that a crowd costs whoever sends it and nobody else.

Each request names the groups it belongs to, the widest first: say its address' /48, then its /64. Groups take turns, and so do
groups within a group. Where all places to wait are taken, a newcomer displaces the last of the group that has the most waiting.
"""

import asyncio
import ipaddress
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

IPV4 = (24, 32)
IPV6 = (48, 64)
"""Prefix lengths: of the block that one network announces or is assigned, and of one household."""


class Busy(Exception):
    """Too many wait already, none of them more than its share."""


class Waiter:
    """A request that waits for its turn. `path` are its groups, the widest first."""

    __slots__ = ("future", "path", "pool")

    def __init__(self, path: Sequence[str], pool: str = "") -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.path = tuple(path)
        self.pool = pool


class Lines:
    """`places` to wait in, at most `of_pool` of them for one pool, say one connection."""

    def __init__(self, places: int, of_pool: int | None = None) -> None:
        self._places = places
        self._of_pool = of_pool or places
        # Groups in groups by name, whose turn is next first; the innermost hold their waiters.
        self._turns: dict[str, Any] = {}
        self._pools: Counter[str] = Counter()
        self.number = 0

    def join(self, waiter: Waiter) -> None:
        """Raises Busy, or has the one whose place it takes raise it."""
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

    def next(self) -> Waiter | None:
        """The first of the group whose turn it is; that group goes to the end of the turns."""
        if not self._turns:
            return None
        waiter = _take(self._turns)
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
        """Where no group is too large: so many networks at one pool leave places for the others."""
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


def _take(groups: dict[str, Any]) -> Waiter:
    name = next(iter(groups))
    group = groups.pop(name)
    waiter = group.popleft() if isinstance(group, deque) else _take(group)
    if group:
        groups[name] = group
    return waiter


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
    """The last of the group with the most waiting; None where it has no more than the group of a newcomer with `path` would."""
    is_another = False
    for depth, name in enumerate(path):
        sizes = Counter(waiter.path[depth] for waiter in waiting)
        largest, size = sizes.most_common(1)[0] if sizes else (name, 0)
        is_another = is_another or size > sizes[name] + 1
        chosen = largest if is_another else name
        waiting = [waiter for waiter in waiting if waiter.path[depth] == chosen]
    return waiting[-1] if is_another else None


class Turns:
    """At most `at_once` work; whoever waits does so in one of `lines`, of which the earlier ones go first."""

    def __init__(self, at_once: int, *lines: Lines) -> None:
        self.free = at_once
        self._lines = lines

    @asynccontextmanager
    async def take(self, lines: Lines, path: Sequence[str], pool: str = "") -> AsyncIterator[None]:
        """Waits for a place and holds it. Raises Busy."""
        await self.enter(lines, path, pool)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, lines: Lines, path: Sequence[str], pool: str = "") -> None:
        """Raises Busy. Call `leave` afterwards."""
        if self.free:
            self.free -= 1
            return
        waiter = Waiter(path, pool)
        lines.join(waiter)
        future = waiter.future
        try:
            await future
        except asyncio.CancelledError:
            lines.leave(waiter)
            if not future.cancelled() and future.exception() is None:  # its turn had just come
                self.leave()
            raise

    def leave(self) -> None:
        """Gives the place to the next one."""
        for lines in self._lines:
            while (waiter := lines.next()) is not None:
                if not waiter.future.done():  # done: cancelled, and about to learn it
                    waiter.future.set_result(None)
                    return
        self.free += 1


def networks_of(address: str) -> tuple[str, str]:
    """The block and the household that an address belongs to; what is no IP address stands for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address, address
    wide, narrow = (
        ipaddress.ip_network((parsed, length), strict=False) for length in (IPV4 if parsed.version == 4 else IPV6)
    )
    return str(wide), str(narrow) if narrow.prefixlen < parsed.max_prefixlen else str(parsed)
