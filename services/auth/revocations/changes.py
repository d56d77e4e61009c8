"""The changes of revocations for their followers. One read of the database serves all who wait; recent changes stay in memory."""

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
from psycopg_pool import AsyncConnectionPool

from services.auth.revocations import queries
from shared.process import redis_clients
from shared.storage.database import AsyncConnection
from shared.web import problems, serving
from shared.web.revocations import Answer, Watermark

LOOK_SECONDS = 0.5
"""Seconds between two looks at the database without a wake-up. They find revocations by operators' commands and other replicas."""
APART_SECONDS = 0.1
"""Seconds from the start of a look that finds changes to that of the next one. A stream of revocations is few answers to each follower."""
PAGE = 5_000
KEPT = 20_000
ENCODED = 16
"""Encoded answers in memory. Most followers are at the same number, and an answer may have megabytes."""
log = logging.getLogger(__name__)


class Changes:
    """The listener of this process: `run` looks for changes, `answer` waits for them."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection], redis_url: str) -> None:
        self._pool = pool
        self._redis_url = redis_url
        self._sequence = 0
        self._keys: list[str] = []
        # The newest changes, complete after `_kept_after`, and their numbers for a search.
        self._kept: list[Watermark] = []
        self._numbers: list[int] = []
        self._kept_after = 0
        self._encoded: dict[int, bytes] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._looked: asyncio.Future[None] | None = None
        self._reads = False
        self._found_at = -APART_SECONDS
        self._changed = asyncio.Event()

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Looks for ever and calls `changed` after each change."""
        # Another process of auth wakes it at once. Without Redis the regular looks suffice.
        listening = asyncio.create_task(
            redis_clients.follow(self._redis_url, redis_clients.REVOCATIONS, self._wake.set)
        )
        serving.LEAVING.add(self.close)
        try:
            while True:
                before = self._sequence
                with suppress(problems.Problem):
                    await self.look()
                if self._sequence != before:
                    try:
                        await changed()
                    except Exception as error:  # it is tried again after any error
                        log.warning("the call that follows new revocations failed: %s", type(error).__name__)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()
                self._wake.clear()
        finally:
            listening.cancel()
            serving.LEAVING.discard(self.close)

    def close(self) -> None:
        """Ends all waiting, because the process stops."""
        self._closing = True
        self._changed.set()

    async def look(self) -> None:
        """Reads the changes. Callers share a look that has not begun to read. Raises Problem (503) without a database."""
        running = self._looked
        if running is not None and self._reads:
            with suppress(Exception):
                await asyncio.shield(running)
        if self._looked is None or (self._looked is running and self._reads):
            self._reads = False
            self._looked = asyncio.ensure_future(self._look())
        try:
            await asyncio.shield(self._looked)
        except Exception as error:  # the next look tries again after any error
            log.warning("revocations not read: %s", type(error).__name__)
            raise problems.unavailable("Revocations cannot be read at the moment.") from None

    async def answer(self, after: int, wait: float) -> bytes:
        """The answer's JSON: at once if there are changes, else with the first change or after `wait` seconds."""
        await self.look()
        if after == self._sequence and wait > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    while after == self._sequence and not self._closing:
                        await self._changed.wait()
        after = 0 if after > self._sequence else after
        if after < self._kept_after:
            # The oldest changes after a number, from the database, if they are no longer in memory.
            sequence = self._sequence
            async with self._pool.connection() as conn:
                rows = await (await conn.execute(queries.WATERMARKS_AFTER, (after, PAGE))).fetchall()
            more = len(rows) == PAGE
            return self._encode([_watermark(row) for row in rows], rows[-1][0] if more else sequence, more=more)
        # All changes in memory together are about as much as a follower reads from one answer.
        body = self._encoded.get(after)
        if body is None:
            if len(self._encoded) >= ENCODED:
                self._encoded.clear()
            begins = bisect_right(self._numbers, after)
            ends = begins + PAGE
            more = ends < len(self._kept)
            sequence = self._numbers[ends - 1] if more else self._sequence
            body = self._encoded[after] = self._encode(self._kept[begins:ends], sequence, more=more)
        return body

    async def _look(self) -> None:
        await asyncio.sleep(self._found_at + APART_SECONDS - time.monotonic())
        self._reads, began = True, time.monotonic()
        async with self._pool.connection() as conn:
            [(sequence, keys)] = await (await conn.execute(queries.NEWEST)).fetchall()
            if keys != self._keys:
                self._keys = keys
                self._encoded.clear()
            if sequence == self._sequence:
                return
            if not self._sequence or sequence < self._sequence:  # the start, or a database that was restored
                self._kept, self._numbers, self._kept_after = [], [], sequence
                rows: list[Any] = []
            else:
                last = self._numbers[-1] if self._numbers else self._kept_after
                rows = await (await conn.execute(queries.WATERMARKS_AFTER, (last, KEPT))).fetchall()
        self._keep(rows, sequence)
        self._encoded.clear()
        self._found_at = began
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _keep(self, rows: list[Any], sequence: int) -> None:
        self._kept += [_watermark(row) for row in rows]
        self._numbers += [row[0] for row in rows]
        # Complete up to the number that was read first. A row committed since then is sent early, and once more later.
        self._sequence = min(sequence, self._numbers[-1]) if len(rows) == KEPT else sequence
        excess = len(self._kept) - KEPT
        if excess > 0:
            self._kept_after = self._numbers[excess - 1]
            del self._kept[:excess], self._numbers[:excess]

    def _encode(self, watermarks: list[Watermark], sequence: int, *, more: bool) -> bytes:
        return msgspec.json.encode(Answer(watermarks, sequence, more, self._keys))


def _watermark(row: Any) -> Watermark:
    return Watermark(row[1], row[2], row[3], row[4], row[5], row[6])
