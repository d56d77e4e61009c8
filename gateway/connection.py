"""One HTTP/1.1 connection to a service: one exchange at a time, read and written as streams."""

import asyncio
from collections import deque
from collections.abc import Callable
from copy import copy

from shared.web.responses import Fault, ResponseReader

HIGH_WATER = 32 * 1024
NEVER = float("inf")


class UpstreamError(Exception):
    """The exchange failed. `stale`: a reused connection closed before the first byte of the answer."""

    stale = False


class Broken(UpstreamError):
    """The connection ended, or its bytes were not an HTTP answer."""

    def __init__(self, detail: str, *, stale: bool = False) -> None:
        super().__init__(detail)
        self.stale = stale


class Slow(UpstreamError):
    """The service sent or read nothing within the time allowed."""


class ClientGone(UpstreamError):
    """The client closed its connection before the answer."""


class Connection(ResponseReader):
    """An exchange is `start`, `write` for the body, `answer`, then `chunk` until None. `reusable`: another exchange may follow.

    Set `unsent` when a part of the body was not sent. `nudge` is called when the answer begins or the connection ends.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        super().__init__()
        self._loop = loop
        self._patience = patience
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reading = True
        self.used = False
        self.closed = False
        self.busy = False
        self.idle_since = 0.0
        self.deadline = NEVER
        self._clear()

    def _clear(self) -> None:
        self.error: UpstreamError | None = None
        self.unsent = False
        self.nudge: Callable[[], None] | None = None
        self._chunks: deque[bytes] = deque()
        self._buffered = 0

    # The exchange

    def start(self, head: bytes, *, bodiless: bool) -> None:
        """Sends the request line and fields. `bodiless`: the answer has no body, even if its fields announce one (HEAD)."""
        self.expect(bodiless=bodiless)
        self._clear()
        self.busy = True
        self.transport.write(head)

    async def write(self, data: bytes) -> None:
        """Sends a part of the body; waits while the service reads slower than the client sends."""
        if self.error is not None:
            return
        self.transport.write(data)
        if self._writable is not None:
            await self._until(self._writable)

    async def answer(self) -> None:
        """Waits for the answer's status and fields. Raises UpstreamError."""
        while not self.status:
            await self._more()

    async def chunk(self) -> bytes | None:
        """The part of the body received since the last call, or None at its end. Raises UpstreamError when the body breaks off."""
        while not self._chunks:
            if self.complete:
                return None
            await self._more()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if not self._reading and not self.closed:
            self._reading = True
            self.transport.resume_reading()
        return data

    @property
    def reusable(self) -> bool:
        return self.complete and self.keep_alive and self.error is None and not self.closed and not self.unsent

    @property
    def announced_close(self) -> bool:
        """Whether the answer announced `connection: close`, as a service that restarts does."""
        return self.status > 0 and not self.keep_alive

    @property
    def finished(self) -> bool:
        """Whether the whole body has been read."""
        return self.complete and not self._chunks

    @property
    def sized(self) -> bool:
        """Whether the answer has a `Content-Length`."""
        return any(name == b"content-length" for name, _ in self.headers)

    def fail(self, error: UpstreamError) -> None:
        """Ends the exchange and the connection."""
        if self.error is None:
            self.error = error
        self.close()
        self._wake()

    def client_gone(self) -> None:
        self.fail(ClientGone("client gone"))

    def close(self) -> None:
        self.closed = True
        if self.transport is not None:
            self.transport.abort()

    async def _more(self) -> None:
        # A copy, because the traceback of a raised error refers to this connection.
        if self.error is not None:
            raise copy(self.error)
        self._waiter = self._loop.create_future()
        await self._until(self._waiter)
        if self.error is not None and not self._chunks:
            raise copy(self.error)

    async def _until(self, future: "asyncio.Future[None]") -> None:
        self.deadline = self._loop.time() + self._patience
        try:
            await future
        finally:
            self.deadline = NEVER

    def _wake(self) -> None:
        for future in (self._waiter, self._writable if self.error is not None else None):
            if future is not None and not future.done():
                future.set_result(None)
        self._waiter = None
        if self.nudge is not None:
            self.nudge()

    def broke(self, fault: Fault) -> None:
        self.fail(Broken(fault, stale=self.used and not self.received))

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        if not self.busy:
            self.broke(Fault.NOT_HTTP)
            return
        super().data_received(data)
        if self.status:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self.error is None:
            super().connection_lost(exc)
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # Parser callbacks

    def on_headers_complete(self) -> None:
        self.headers = [(name.lower(), value) for name, value in self.headers]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > HIGH_WATER and self._reading:
            self._reading = False
            self.transport.pause_reading()
