"""How a web process writes its answers: complete ones in one write, streams as they come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from shared.web.serving import DrainingProtocol, Joining

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]}


class Written:
    """The transport below, in place of the socket."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.too_late: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        (self.too_late if self.closed else self.parts).append(data)

    def close(self) -> None:
        self.closed = True

    def below_ends(self) -> None:
        """The other side closes the connection, which `Joining` does not see."""
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def joined(steps: Callable[[Joining], Awaitable[None]]) -> Written:
    async def play() -> Written:
        below = Written()
        await steps(Joining(below, asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return below

    return asyncio.run(play())


def test_head_and_body_are_one_write() -> None:
    async def answer(transport: Joining) -> None:
        transport.write(b"head")
        transport.write(b"body")

    assert joined(answer).parts == [b"headbody"]


def test_what_nothing_follows_is_written_before_the_loop_waits() -> None:
    async def answer(transport: Joining) -> None:
        transport.write(b"head")
        await asyncio.sleep(0)
        transport.write(b"")
        transport.write(b"first part")
        await asyncio.sleep(0)

    assert joined(answer).parts == [b"head", b"first part"]


def test_what_is_held_goes_out_before_the_connection_closes() -> None:
    async def answer(transport: Joining) -> None:
        transport.write(b"head")
        transport.close()
        assert transport.is_closing()

    assert joined(answer).parts == [b"head"]


def test_what_is_held_for_a_connection_that_ends_meanwhile_is_dropped() -> None:
    async def answer(transport: Joining) -> None:
        transport.write(b"head")
        transport.below_ends()

    below = joined(answer)
    assert below.closed
    assert below.parts == below.too_late == []


async def whole(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await send({"type": "http.response.body", "body": b"abcd"})


async def slow(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"ab", "more_body": True})
    await asyncio.sleep(0.1)
    await send({"type": "http.response.body", "body": b"cd"})


async def served(app: Any, requests: bytes, ends: int) -> list[bytes]:
    """The pieces read from a real socket, until `ends` bodies have come."""
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()

    def protocol() -> DrainingProtocol:
        return DrainingProtocol(config=config, server_state=ServerState(), app_state={})

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(requests)
    pieces: list[bytes] = []
    while b"".join(pieces).count(b"cd") < ends:
        pieces.append(await reader.read(1 << 16))
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return pieces


@pytest.mark.parametrize("count", [1, 3])
def test_a_whole_answer_arrives_in_one_piece_pipelined_or_not(count: int) -> None:
    pieces = asyncio.run(served(whole, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * count, count))
    assert len(pieces) <= count
    assert b"".join(pieces).count(b"HTTP/1.1 200 OK\r\n") == count


def test_a_stream_arrives_as_it_is_sent() -> None:
    head, *rest = asyncio.run(served(slow, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", 1))
    assert head.endswith(b"\r\n\r\n")
    assert rest == [b"ab", b"cd"]
