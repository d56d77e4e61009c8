"""Writes HTTP by hand to a socket, so that a test can send bytes that no client library would."""

import json
import select
import socket
from dataclasses import dataclass
from typing import Any

from tests.support.waiting import PATIENCE


@dataclass
class Reply:
    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def json(self) -> Any:
        return json.loads(self.body)


class Door:
    """One connection to the gateway."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held = bytearray()

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> "Door":
        self.socket.sendall(data)
        return self

    def request(
        self,
        method: str,
        path: str,
        *,
        host: str = "api.test",
        token: str | None = None,
        body: bytes | None = None,
        **fields: str,
    ) -> Reply:
        """Sends a well-formed request. Keyword arguments are header fields, with `_` for `-`."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"Authorization: Bearer {token}"] if token else []
        lines += [f"Content-Length: {len(body)}"] if body is not None else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return self.reply(bodiless=method == "HEAD")

    def reply(self, *, bodiless: bool = False) -> Reply:
        """The next answer, without any 100 Continue before it."""
        status, fields = self.head()
        while status == 100:
            status, fields = self.head()
        reply = Reply(status, fields, b"")
        if bodiless or status in (204, 304):
            return reply
        if reply.get("transfer-encoding") == "chunked":
            while size := int(self.line(), 16):
                reply.body += self.take(size)
                self.line()
            self.line()
        else:
            reply.body = self.take(int(reply.get("content-length") or 0))
        return reply

    def ends(self) -> bool:
        """Whether the gateway closes the connection without further bytes."""
        try:
            return not self._held and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def answers(self) -> bool:
        """Whether bytes can be read now."""
        poll = select.poll()  # unlike `select`, for any number of open files
        poll.register(self.socket, select.POLLIN)
        return bool(self._held) or bool(poll.poll(0))

    def closed(self) -> bool:
        """Whether the gateway has closed, without waiting for it."""
        return self.answers() and self.ends()

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        first = self.line().decode("latin-1")
        assert first.startswith("HTTP/1.1 "), first
        fields: list[tuple[str, str]] = []
        while line := self.line().decode("latin-1"):
            name, _, value = line.partition(": ")
            fields.append((name.lower(), value))
        return int(first.split(" ")[1]), fields

    def line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            self._more()
        line = bytes(self._held[:end])
        del self._held[: end + 2]
        return line

    def take(self, size: int) -> bytes:
        while len(self._held) < size:
            self._more()
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def _more(self) -> None:
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError(f"closed after {bytes(self._held[:200])!r}")
        self._held += data
