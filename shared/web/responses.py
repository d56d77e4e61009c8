"""Reads HTTP/1.1 responses from a peer that may send anything (RFC 9112)."""

import asyncio
import socket
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any

import httptools

HEAD_LIMIT = 64 * 1024
MOST_FIELDS = 200
"""Of a head. Each costs some 150 bytes of memory, however short it is; common clients refuse more than 100."""
ASIDE_LIMIT = 8 * 1024
"""Of the bytes after the head without one of the body: trailers, and extensions of chunks."""
LAST_STATUS = 599
LIMIT_BYTES = 4 << 20
"""Of the body that `get` reads."""


class Fault(StrEnum):
    NOT_HTTP = "the bytes are no HTTP response"
    HEAD_TOO_LARGE = "the response's fields are too large"
    UNANSWERED = "the connection ended before a response"
    BROKEN_OFF = "the connection ended within the body"


class ResponseReader(asyncio.Protocol, ABC):
    """One connection of a client: one response for each `expect`. It skips interim responses and drops trailers.

    `status` is 0 until the head is complete; `complete` turns true at the end of the body. A subclass takes the body in `on_body`,
    which it passes on, and ends the connection in `broke`.
    """

    transport: Any = None

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.expect()
        self._awaited, self.complete = False, True

    def expect(self, *, bodiless: bool = False) -> None:
        """Call it before each request. `bodiless`: the response has no body, even if its fields announce one (HEAD)."""
        self._awaited, self.complete = True, False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.received = self._aside = 0
        self.keep_alive = False
        self._bodiless = bodiless
        self._until_close = False

    @abstractmethod
    def broke(self, fault: Fault) -> None:
        """The response is not complete, or bytes came that belong to no response."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.status:
            self._aside += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.broke(Fault.HEAD_TOO_LARGE if len(self.headers) > MOST_FIELDS else Fault.NOT_HTTP)
        else:
            if self._aside > ASIDE_LIMIT or (not self.status and self.received > HEAD_LIMIT):
                self.broke(Fault.HEAD_TOO_LARGE)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_close and exc is None:
            self.on_message_complete()
        elif not self.complete:
            self.broke(Fault.BROKEN_OFF if self.status else Fault.UNANSWERED)

    # Callbacks of the parser. An exception from one becomes Fault.NOT_HTTP in `data_received`.

    def on_message_begin(self) -> None:
        if not self._awaited:
            raise ValueError("a response without a request")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaited:  # otherwise it is a trailer
            self.headers.append((name, value))
            if len(self.headers) > MOST_FIELDS:
                raise ValueError("too many fields")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == 101 or status > LAST_STATUS:
            raise ValueError("an upgrade without a request for it, or no status of HTTP")
        if status < 200:
            return
        self.status = status
        self._awaited = False
        self.keep_alive = self._parser.should_keep_alive()
        names = {name.lower() for name, _ in self.headers}
        framed = self._bodiless or status in (204, 304)
        self._until_close = not framed and names.isdisjoint((b"content-length", b"transfer-encoding"))
        if self._bodiless:
            # The parser would wait for the body that the fields announce.
            self._parser = httptools.HttpResponseParser(self)
            self.complete = True

    @abstractmethod
    def on_body(self, body: bytes) -> None:
        self._aside = 0

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True


class _Reply(ResponseReader):
    def __init__(self) -> None:
        super().__init__()
        self.body = bytearray()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def broke(self, fault: Fault) -> None:
        if not self.over.done():
            self.over.set_exception(ConnectionError(fault))

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self.body += body
        if len(self.body) > LIMIT_BYTES:
            raise ValueError("the answer is too large")

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.complete and not self.over.done():
            self.over.set_result(None)


async def get(host: str, port: int, target: str, headers: dict[str, str], *, secure: bool = False) -> tuple[int, bytes]:
    """One GET on a new connection. The kernel detects a dead peer within seconds, even if the answer may take long."""
    _, reply = await asyncio.get_running_loop().create_connection(_Reply, host, port, ssl=secure or None)
    watch_peer(reply.transport.get_extra_info("socket"))
    try:
        lines = {"host": f"{host}:{port}", "connection": "close"} | headers
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        reply.expect()
        reply.transport.write(f"GET {target} HTTP/1.1\r\n{fields}\r\n".encode())
        await reply.over
        return reply.status, bytes(reply.body)
    finally:
        reply.transport.abort()


def watch_peer(connection: Any) -> None:
    """Makes the kernel probe an idle peer every second, and end the connection after three probes without an answer."""
    options = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
