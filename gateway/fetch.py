"""Fetches small documents from a service for the gateway itself: size and time are bounded, redirects are not followed."""

import asyncio
from typing import NamedTuple
from urllib.parse import urlsplit

from gateway.connection import Broken
from gateway.upstream import Upstream
from shared.web.responses import watch_peer

TIMEOUT = 2.0


class Document(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Fetcher:
    """Requests to one origin. Raises UpstreamError or TimeoutError when the answer is missing or not complete."""

    def __init__(self, origin: str, limit: int) -> None:
        self._host = urlsplit(origin).netloc.encode()
        self._limit = limit
        self._upstream = Upstream(origin, origin, connect_timeout=TIMEOUT, patience=TIMEOUT, concurrency=8)

    async def get(self, path: str, headers: dict[str, str], seconds: float = TIMEOUT) -> Document:
        return await self._exchange(b"GET", path, headers, b"", seconds)

    async def post(self, path: str, headers: dict[str, str], body: bytes) -> Document:
        described = {"content-type": "application/json", "content-length": str(len(body))}
        return await self._exchange(b"POST", path, headers | described, body, TIMEOUT)

    def close(self) -> None:
        self._upstream.close()

    async def _exchange(
        self, method: bytes, path: str, headers: dict[str, str], body: bytes, seconds: float
    ) -> Document:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        head = b"%s %s HTTP/1.1\r\nhost: %s\r\n%s\r\n" % (method, path.encode(), self._host, lines)
        async with asyncio.timeout(seconds):
            connection = await self._upstream.acquire()
            if not connection.used:
                watch_peer(connection.transport.get_extra_info("socket"))
            try:
                connection.start(head + body, bodiless=False)
                await connection.answer()
                self._upstream.breaker.succeeded()
                parts: list[bytes] = []
                size = 0
                while (part := await connection.chunk()) is not None:
                    size += len(part)
                    if size > self._limit:
                        raise Broken("document too large")
                    parts.append(part)
                return Document(connection.status, dict(connection.headers), b"".join(parts))
            finally:
                self._upstream.release(connection, asyncio.get_running_loop().time())
