"""A webhook receiver on this machine: a test sets its behaviour, and it remembers every request."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from standardwebhooks.webhooks import Webhook

from tests.support.listening import Listener

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SECRET = "whsec_cWJ3c2VjLW9mLXRoZS10ZXN0cy1hbG9uZQ=="
R = TypeVar("R", bound="Receiver")
Behaviour = Callable[["Received", asyncio.StreamWriter], Awaitable[bool]]


@dataclass
class Received:
    """One request, as its bytes came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[Any, ...]

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def trace_id(self) -> str:
        return self.headers["traceparent"].split("-")[1]

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def verified_by(self, secret: str | bytes) -> Any:
        """The body, if the reference library of Standard Webhooks accepts the signature; it raises otherwise."""
        return Webhook(secret).verify(self.body, self.headers)


def answer(status: int, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(response: bytes) -> Behaviour:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(response)
        return True

    return behave


async def hang(request: Received, writer: asyncio.StreamWriter) -> bool:
    """Never answers, until the client goes away."""
    await writer.wait_closed()
    return False


def after(opening: threading.Event) -> Behaviour:
    """Answers as soon as the event is set."""

    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        while not opening.is_set():  # noqa: ASYNC110 a thread sets it
            await asyncio.sleep(0.02)
        writer.write(OK)
        return True

    return behave


@dataclass
class Receiver:
    """Answers 200 unless `behaviour` says otherwise; a behaviour returns whether the connection lives on."""

    behaviour: Behaviour = field(default_factory=lambda: always(OK))
    requests: list[Received] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    # Nothing else refers to a connection that its client has ended and that waits for nothing: it would be collected as garbage.
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/hook"

    def ids(self) -> list[str]:
        return [request.id for request in self.requests]

    def about(self, id: str) -> list[Received]:
        """The requests whose body names that id."""
        return [request for request in list(self.requests) if id.encode() in request.body]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while request := await _read(reader, writer):
                self.requests.append(request)
                if not await self.behaviour(request, writer):
                    break
                await writer.drain()
        except asyncio.CancelledError:
            writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()
            self.open.discard(writer)


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Received | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(first.split(" ")[1], headers, body, writer.get_extra_info("peername"))


@contextmanager
def running(receiver: R, tls: ssl.SSLContext | None = None, addresses: Sequence[str] = ("127.0.0.1",)) -> Iterator[R]:
    """The receiver in a thread of its own, on any free port."""
    listener = Listener(receiver.serve, addresses=addresses, tls=tls, limit=1 << 22)
    listener.start()
    receiver.port = listener.port
    receiver.scheme = "https" if tls else "http"
    try:
        yield receiver
    finally:
        listener.stop()
