"""What has been revoked: "not before" watermarks polled from auth, sooner when its bell rings in Redis."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from gateway.connection import UpstreamError
from gateway.fetch import Document
from gateway.metrics import revocations_age, revocations_filled, revocations_listed

EVERY_SECONDS = 0.5
ALARM_EVERY = 30.0
LIMIT_BYTES = 32 << 20
"""Of the list, about 300,000 watermarks: a hundred times what is usual. A longer one is not taken, so that memory stays bounded."""
NEARING_LIMIT = 0.25
"""The share of that from which on it is an error, while there is still time to find out who revokes so much."""
log = logging.getLogger(__name__)


class Watermark(msgspec.Struct, frozen=True, gc=False):
    """Tokens of `kind` `id` made before `not_before_ms` (Unix milliseconds of their `jti`) are dead."""

    kind: Literal["client", "grant", "tenant", "token"]
    id: str
    not_before_ms: int
    expires_at: int


class Watermarks(msgspec.Struct, frozen=True):
    version: int
    watermarks: list[Watermark]


class Revocations:
    """`fetch(etag)` gets the list. `version` grows whenever it changes."""

    def __init__(
        self,
        fetch: Callable[[str], Awaitable[Document]],
        max_staleness: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._max_staleness = max_staleness
        self._clock = clock
        self._marks: dict[tuple[str, str], int] = {}
        self._etag = ""
        self._confirmed_at = float("-inf")
        self._alarmed_at = float("-inf")
        self._told_of_limit = False
        self._bell = asyncio.Event()
        self.version = 0
        self.learned = asyncio.Event()
        revocations_age.set_function(lambda: self._clock() - self._confirmed_at)

    @property
    def usable(self) -> bool:
        """False once auth has not been heard for so long that a revoked token might pass."""
        return self._clock() - self._confirmed_at <= self._max_staleness

    def revoked(self, *, client: str, grant: str | None, tenant: str, token: str, made_ms: int) -> bool:
        marks = self._marks
        if not marks:
            return False
        keys = (("client", client), ("grant", grant or ""), ("tenant", tenant), ("token", token))
        return any(made_ms < marks.get(key, 0) for key in keys)

    def ring(self) -> None:
        """Makes the next poll happen now."""
        self._bell.set()

    async def run(self) -> None:
        while True:
            await self.poll()
            try:
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()

    async def poll(self) -> bool:
        # The answer may be as old as the question.
        asked_at = self._clock()
        try:
            document = await self._fetch(self._etag)
            if document.status == 200:
                self._take(msgspec.json.decode(document.body, type=Watermarks), document)
            elif document.status != 304:
                raise ValueError("status")
        except (UpstreamError, OSError, ValueError) as error:
            self._alarm(error)
            return False
        self._confirmed_at = asked_at
        self.learned.set()
        return True

    def _take(self, fetched: Watermarks, document: Document) -> None:
        self._marks = {(mark.kind, mark.id): mark.not_before_ms for mark in fetched.watermarks}
        self._etag = document.headers.get(b"etag", b"").decode("latin-1")
        self.version += 1
        self._watch_size(len(fetched.watermarks), len(document.body) / LIMIT_BYTES)

    def _watch_size(self, count: int, share: float) -> None:
        """Tells once that the list grows towards the limit, and again only after it was much shorter."""
        revocations_listed.set(count)
        revocations_filled.set(share)
        if share >= NEARING_LIMIT and not self._told_of_limit:
            self._told_of_limit = True
            described = {"watermarks": count, "share": round(share, 2)}
            log.error("the list of revocations nears the limit beyond which tokens are refused", extra=described)
        elif share < NEARING_LIMIT / 2:
            self._told_of_limit = False

    def _alarm(self, error: Exception) -> None:
        now = self._clock()
        if now - self._alarmed_at < ALARM_EVERY:
            return
        self._alarmed_at = now
        age = now - self._confirmed_at
        level = logging.ERROR if age > self._max_staleness else logging.WARNING
        described = {"reason": type(error).__name__, "detail": str(error), "age": age if age < 1e9 else None}
        log.log(level, "revocations not confirmed by auth", extra=described)
