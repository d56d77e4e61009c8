"""How a web process sends answers (one write each) and how it ends: without losing requests in flight or on their way."""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from socket import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINGER_SECONDS = 1.0
LEAVING: "set[Callable[[], None]]" = set()
"""Called when this process begins to drain: endpoints that hold answers back must then give them."""


class Server(uvicorn.Server):
    """Returns after SIGTERM. uvicorn's own server raises the signal again, which would end the process before its spans are written.

    `working` is set while it takes new requests.
    """

    def __init__(self, config: uvicorn.Config, working: threading.Event | None = None) -> None:
        super().__init__(config)
        self.working = working or threading.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.working.set()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self.working.clear()
        for leave in list(LEAVING):
            leave()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


class DrainingProtocol(HttpToolsProtocol):
    """After SIGTERM keeps idle connections for `LINGER_SECONDS`: a request may be on its way, and a POST must not be sent twice.

    Answers in that time have `connection: close`, so that the gateway opens new connections.
    """

    draining = False
    transport: Any

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # pyright: ignore[reportArgumentType]
        self.transport = Joining(transport, self.loop)

    def shutdown(self) -> None:
        self.draining = True
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LINGER_SECONDS, self._leave)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.draining:
            self.cycle.keep_alive = False

    def _leave(self) -> None:
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()


class Joining:
    """A transport that holds a write until the end of the loop's turn and sends it together with the next one.

    uvicorn writes the head and the body of an answer separately: two system calls, two packets, two wake-ups of the reader.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data:
            self._held = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Sends the held write if no other followed. Drops it if the connection has closed."""
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
