"""What has been revoked: "not before" watermarks polled from auth, sooner when its bell rings in Redis."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from gateway.connection import UpstreamError
from gateway.fetch import Document
from gateway.metrics import revocations_age

EVERY_SECONDS = 0.5
ALARM_EVERY = 30.0
log = logging.getLogger(__name__)


class Watermark(msgspec.Struct, frozen=True):
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
        try:
            document = await self._fetch(self._etag)
            if document.status == 200:
                self._take(msgspec.json.decode(document.body, type=Watermarks), document)
            elif document.status != 304:
                raise ValueError("status")
        except (UpstreamError, OSError, ValueError) as error:
            self._alarm(type(error).__name__)
            return False
        self._confirmed_at = self._clock()
        self.learned.set()
        return True

    def _take(self, fetched: Watermarks, document: Document) -> None:
        self._marks = {(mark.kind, mark.id): mark.not_before_ms for mark in fetched.watermarks}
        self._etag = document.headers.get(b"etag", b"").decode("latin-1")
        self.version += 1

    def _alarm(self, reason: str) -> None:
        now = self._clock()
        if now - self._alarmed_at < ALARM_EVERY:
            return
        self._alarmed_at = now
        age = now - self._confirmed_at
        level = logging.ERROR if age > self._max_staleness else logging.WARNING
        log.log(level, "revocations not confirmed by auth", extra={"reason": reason, "age": age if age < 1e9 else None})
