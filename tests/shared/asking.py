"""Calls an ASGI application in this process: builds a request from its parts and reads the answer."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message

CHUNK = 65_536


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


def scope_of(
    method: str = "GET", path: str = "/", query: bytes = b"", headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": pairs,
        "server": ("service", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "state": {},
    }


def received(body: bytes) -> Callable[[], Coroutine[Any, Any, Message]]:
    """The messages that the server passes to the application: the body in chunks of 64 KiB, then nothing, as from a client that waits."""
    chunks = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)] or [b""]
    messages = [
        {"type": "http.request", "body": part, "more_body": number < len(chunks) - 1}
        for number, part in enumerate(chunks)
    ]
    waiting = iter(messages)

    async def receive() -> Message:
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def request(
    body: bytes = b"", *, content_type: str | None = "application/json", query: bytes = b"", **scope: Any
) -> Request:
    headers = dict(scope.pop("headers", {}))
    if content_type is not None:
        headers["content-type"] = content_type
    return Request(scope_of("POST", query=query, headers=headers, **scope), received(body))


async def ask(
    app: ASGIApp,
    method: str = "GET",
    path: str = "/",
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    query: bytes = b"",
    state: Mapping[str, Any] | None = None,
    extra: list[tuple[bytes, bytes]] | None = None,
) -> Answer:
    """One exchange; `extra` are additional raw headers that a mapping cannot represent."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = scope_of(method, path, query, headers)
    scope["headers"] += extra or []
    scope["state"] = dict(state or {})
    await app(scope, received(body), send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    content = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content)
