"""A receiver on this machine: a test sets its behaviour, and it remembers every request."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Behaviour = Callable[["Received", asyncio.StreamWriter], Awaitable[bool]]


@dataclass
class Received:
    """One request, as its bytes came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[Any, ...]

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
        return [request.headers["webhook-id"] for request in self.requests]

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
def running(
    receiver: Receiver, tls: ssl.SSLContext | None = None, addresses: tuple[str, ...] = ("127.0.0.1",)
) -> Iterator[Receiver]:
    """The receiver in a thread of its own, on any free port."""
    loop = asyncio.new_event_loop()
    ready, done = threading.Event(), asyncio.Event()

    async def main() -> None:
        server = await asyncio.start_server(receiver.serve, list(addresses), 0, ssl=tls, limit=1 << 22, backlog=1024)
        receiver.port = server.sockets[0].getsockname()[1]
        receiver.scheme = "https" if tls else "http"
        ready.set()
        await done.wait()
        server.close()
        await asyncio.sleep(0)  # in which pending connections begin
        while serving := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            await asyncio.sleep(0)  # in which the sockets of aborted connections close

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    ready.wait()
    try:
        yield receiver
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
