"""A server that records exactly the bytes that reached it and sends exactly the answer of a test."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.listening import Listener


@dataclass
class Seen:
    """A request as it arrived; field names in lower case."""

    method: str
    target: str
    fields: list[tuple[str, str]]
    raw: bytes
    body: bytes = b""
    writer: Any = None

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Answer = Callable[..., Any]


def response(status: int, body: bytes = b"", *fields: tuple[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        *(f"{name}: {value}" for name, value in fields),
        f"content-length: {len(body)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def json_response(content: object, *fields: tuple[str, str]) -> bytes:
    return response(200, json.dumps(content).encode(), ("content-type", "application/json"), *fields)


@dataclass
class Origin:
    """`answers[path]` makes the answer for a path: bytes, None to close at once, or a coroutine that writes to the connection itself."""

    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def start(self) -> "Origin":
        self._listener = Listener(self._serve, self.port)
        self._listener.start()
        self.port = self._listener.port
        return self

    def stop(self) -> None:
        """Stops listening and breaks every connection."""
        self._listener.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def last(self, path: str) -> Seen:
        return [seen for seen in self.seen if seen.path == path][-1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        raw = await reader.readuntil(b"\r\n\r\n")
        request, *lines = raw[:-4].decode("latin-1").split("\r\n")
        method, target, _ = request.split(" ")
        pairs = [line.partition(": ") for line in lines]
        seen = Seen(method, target, [(name.lower(), value) for name, _, value in pairs], raw, writer=writer)
        self.seen.append(seen)
        answer = self.answers.get(seen.path)
        if answer is not None and asyncio.iscoroutinefunction(answer):
            return bool(await answer(seen, reader, writer))
        seen.body = await _body(seen, reader)
        made = answer(seen) if answer else json_response({"path": seen.path})
        if made is None:
            return False
        writer.write(made)
        await writer.drain()
        return True


async def _body(seen: Seen, reader: asyncio.StreamReader) -> bytes:
    if seen.get("transfer-encoding") == "chunked":
        parts: list[bytes] = []
        while size := int((await reader.readline()).strip(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        return b"".join(parts)
    return await reader.readexactly(int(seen.get("content-length") or 0))
