"""A closed connection is freed with its last request, and not by the garbage collector, which would stop the loop for all callers."""

import asyncio
import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.protocol import GatewayProtocol
from tests.gateway.conftest import World
from tests.gateway.origin import Seen, response
from tests.support.waiting import PATIENCE, wait_for


def connections() -> int:
    return sum(isinstance(one, GatewayProtocol) for one in gc.get_objects())


@pytest.fixture(autouse=True)
def without_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def until_freed(before: int) -> None:
    wait_for(lambda: connections() == before, PATIENCE, "the connection to be freed")


@pytest.mark.parametrize("request_line", [b"GET /api/v1/devices HTTP/1.1", b"GET /none HTTP/1.1", b"GET  HTTP/9"])
def test_after_an_answer(world: World, request_line: bytes) -> None:
    running, before = world.start(), connections()
    with running.door() as door:
        token = world.issuer.token().encode()
        door.send(request_line + b"\r\nHost: api.test\r\nAuthorization: Bearer " + token + b"\r\n\r\n")
        assert door.reply().status
        assert connections() == before + 1
    until_freed(before)


def test_after_a_client_that_left_before_its_answer(world: World) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    async def slowly(seen: Seen, reader: Any, writer: Any) -> bool:
        arrived.set()
        await asyncio.to_thread(go_on.wait, PATIENCE)
        writer.write(response(200))
        return True

    world.service.answers["/api/v1/epcr/slow"] = slowly
    running, before = world.start(), connections()
    with running.door() as door:
        door.send(
            b"GET /api/v1/epcr/slow HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer "
            + world.issuer.token().encode()
            + b"\r\n\r\n"
        )
        assert arrived.wait(PATIENCE)
    until_freed(before)
    go_on.set()
