"""One HTTP/1.1 connection to a receiver nobody trusts: one request at a time, and of its answer no more than is kept."""

import asyncio
import time
import zlib
from typing import Any

import httptools

BODY_KEPT = 16 * 1024
HEAD_LIMIT = 64 * 1024
LAST_STATUS = 599


class Broken(Exception):
    """The connection ended, or carried what is no answer; the message says so to the receiver's owner.

    `stale` when it was kept from an earlier request and ended before a byte of the answer.
    """

    def __init__(self, fault: str, *, stale: bool = False) -> None:
        super().__init__(fault)
        self.stale = stale


class Answer:
    """What has come of an answer so far; `status` is 0 until its headers have, at `came` (monotonic). Header names as they were sent."""

    def __init__(self) -> None:
        self.status = 0
        self.came = 0.0
        self.headers: list[tuple[str, str]] = []
        self.truncated = False
        self._kept = bytearray()
        self._inflate: Any = None

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known.lower() == name), None)

    @property
    def text(self) -> str:
        """The body kept, with NULs and what is not UTF-8 replaced: PostgreSQL takes neither."""
        return bytes(self._kept[:BODY_KEPT]).decode("utf-8", "replace").replace("\0", "\ufffd")

    def begin(self, status: int) -> None:
        self.status = status
        self.came = time.monotonic()
        if (self.header("content-encoding") or "").strip().lower() in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(47)

    def take(self, data: bytes) -> bool:
        """Keeps the first 16 KiB of the decoded body and never holds more. False when that is all there will be."""
        room = BODY_KEPT + 1 - len(self._kept)
        try:
            self._kept += self._inflate.decompress(data, room) if self._inflate is not None else data[:room]
        except zlib.error:
            self._kept[:] = b"(a body that is not the gzip it says)"
            self.truncated = True
            return False
        self.truncated = len(self._kept) > BODY_KEPT
        return not self.truncated


class Connection(asyncio.Protocol):
    """`post` once, and again while it is `reusable`. `peer` is the address of its far end, empty when it was lost at once."""

    transport: Any = None
    peer: str = ""
    certificate: dict[str, Any] | None = None
    tls_version: str | None = None

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._over: asyncio.Future[None] | None = None
        self._answer = Answer()
        self._heard = 0
        self._until_close = False
        self._used = False
        self.made = self.idle_since = self._loop.time()
        self.reusable = True

    async def post(self, request: bytes, answer: Answer) -> None:
        """Sends a request and reads what is kept of its answer into `answer`, also where this is cancelled or raises Broken."""
        self._answer, self._heard = answer, 0
        self._over = self._loop.create_future()
        self.reusable = self._until_close = False
        if self.transport.is_closing():
            raise Broken("connection_error: the connection was closed before an answer", stale=self._used)
        self.transport.write(request)
        try:
            await self._over
        finally:
            self._over, self._used, self.idle_since = None, True, self._loop.time()
            if not self.reusable:
                self.close()

    def close(self) -> None:
        self.reusable = False
        self.transport.abort()

    def _end(self, *, reusable: bool) -> None:
        self.reusable = reusable
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _fail(self, error: Broken) -> None:
        """Nothing where the answer was complete already: then only the connection is of no further use."""
        self.reusable = False
        if self._over is not None and not self._over.done():
            self._over.set_exception(error)
        else:
            self.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.certificate, self.tls_version = tls.getpeercert(), tls.version()

    def data_received(self, data: bytes) -> None:
        self._heard += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(Broken("protocol_error: the answer is not HTTP, or its headers are too large"))
        else:
            if not self._answer.status and self._heard > HEAD_LIMIT:
                self._fail(Broken("protocol_error: the answer's headers are too large"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_close and exc is None:
            self._end(reusable=False)
        elif self._answer.status:
            self._fail(Broken("connection_error: the answer broke off in its body"))
        else:
            stale = self._used and self._heard == 0
            self._fail(Broken("connection_error: the connection was closed before an answer", stale=stale))

    # Parser callbacks: what they raise ends the exchange as no HTTP

    def on_message_begin(self) -> None:
        if self._over is None or self._over.done() or self._answer.status:
            raise ValueError("an answer nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._answer.status:  # trailers are not kept
            self._answer.headers.append((name.decode("latin-1"), value.decode("utf-8", "replace")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == 101 or status > LAST_STATUS:
            raise ValueError("no answer to a POST")
        if status < 200:
            self._answer.headers.clear()
            return
        self._answer.begin(status)
        framed = self._answer.header("content-length") or self._answer.header("transfer-encoding")
        self._until_close = framed is None and status not in (204, 304)

    def on_body(self, body: bytes) -> None:
        if not self._answer.truncated and not self._answer.take(body):
            # The rest may be endless: the connection is dropped rather than drained.
            self._end(reusable=False)

    def on_message_complete(self) -> None:
        if self._answer.status and not self._answer.truncated:
            self._end(reusable=self._parser.should_keep_alive())
