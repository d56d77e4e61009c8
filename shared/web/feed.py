"""A service's connection to auth's revocations: it sends signed requests, and refuses identity headers whose token is revoked."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec
from starlette.middleware import Middleware

from shared.primitives.signatures import Signer
from shared.process import metrics
from shared.process.settings import Service, required
from shared.web import calls
from shared.web.identity import IdentityMiddleware
from shared.web.responses import Fault, ResponseReader
from shared.web.revocations import Answer, Follower, Marks

ANSWER_SECONDS = 5.0
"""Seconds that an answer may take beyond the time that auth was asked to wait."""
LIMIT_BYTES = 4 << 20
Source = Callable[[int, float], Awaitable[Answer | None]]
log = logging.getLogger(__name__)


class Feed:
    """The revocations that a service knows, updated inside `async with`; its middleware reads `marks`.

    Auth itself sets `source`; other services ask `REVOCATIONS_URL`. Without either, or while auth cannot be reached,
    an identity header is valid until it expires.
    """

    def __init__(self, settings: Service, service: str) -> None:
        self.marks = Marks()
        self.follower: Follower | None = None
        self.source: Source | None = None
        self._settings = settings
        self._service = service
        self._task: asyncio.Task[None] | None = None
        if settings.revocations_url:
            self._url = urlsplit(settings.revocations_url)
            self._signer = Signer(required(settings.service_signing_key, "SERVICE_SIGNING_KEY"))
            self.source = self._fetch

    def middleware(self, service_keys: str = "") -> Middleware:
        """Lets in only callers with an identity header of the gateway for this service, until their token is revoked.

        With `service_keys` services may call internal paths in their own name.
        """
        return Middleware(
            IdentityMiddleware,
            public_keys=self._settings.identity_public_keys,
            service=self._service,
            revoked=self.marks,
            lenient=self._settings.identity_audience == "preferred",
            service_keys=service_keys,
        )

    async def __aenter__(self) -> Self:
        if self.source is not None:
            follower = self.follower = Follower(self.marks, self.source)
            metrics.revocations_age.set_function(lambda: follower.age)
            self._task = asyncio.create_task(follower.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _fetch(self, after: int, wait: float) -> Answer:
        target = f"{self._url.path or '/'}?after={after}&wait={wait:g}"
        headers = {calls.HEADER: calls.sign(self._signer, self._service, "GET", target)}
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        secure = self._url.scheme == "https"
        async with asyncio.timeout(wait + ANSWER_SECONDS):
            status, body = await get(self._url.hostname or "", port, target, headers, secure=secure)
        if status != 200:
            raise ConnectionError(f"auth answered {status}")
        return decode(body)


class _Reply(ResponseReader):
    def __init__(self) -> None:
        super().__init__()
        self.body = bytearray()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def broke(self, fault: Fault) -> None:
        if not self.over.done():
            self.over.set_exception(ConnectionError(fault))

    def on_body(self, body: bytes) -> None:
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


def decode(body: bytes) -> Answer:
    """Raises ValueError if `body` is not an answer of the feed."""
    try:
        return msgspec.json.decode(body, type=Answer)
    except msgspec.DecodeError as error:
        raise ValueError("not an answer of the feed") from error
