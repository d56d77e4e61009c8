"""Every client connection ends, no matter in which state its client becomes silent."""

import itertools
import select
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

from gateway.framing import LENGTH_DIGITS, read
from gateway.problems import Refusal
from gateway.proxy import COLLECTED
from tests.gateway.conftest import World
from tests.gateway.origin import Seen, response
from tests.gateway.test_streams import post
from tests.support.waiting import wait_for

MIB = 1 << 20
UPGRADE = b"Connection: upgrade\r\nUpgrade: x\r\n"
BIG = 4 * MIB


def get(world: World, path: str = "/api/v1/epcr/x", fields: bytes = b"") -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n".encode()
    return head + fields + b"\r\n"


SILENT: dict[str, Any] = {
    "before anything": lambda world: b"",
    "in a head": lambda world: get(world)[:-4],
    "in a body": lambda world: get(world, fields=b"Content-Length: 10\r\n") + b"x",
    "in a long body": lambda world: get(world, fields=b"Content-Length: 99999\r\n") + b"x" * COLLECTED,
    "in a chunk": lambda world: get(world, fields=b"Transfer-Encoding: chunked\r\n") + b"5\r\nab",
    "in trailers": lambda world: get(world, fields=b"Transfer-Encoding: chunked\r\n") + b"0\r\nX-A: 1",
    "after an upgrade that is ignored": lambda world: get(world, fields=UPGRADE),
    "after an upgrade with a length in zeros": lambda world: get(
        world, fields=UPGRADE + b"Content-Length: " + b"0" * 25 + b"63\r\n"
    ),
    "after a length in zeros": lambda world: get(world, fields=b"Content-Length: " + b"0" * 25 + b"63\r\n"),
    "after an upgrade, in the next head": lambda world: get(world, fields=UPGRADE) + b"GET / HT",
    "after an answer": lambda world: get(world),
    "after an answer, in the next body": lambda world: get(world) + get(world, fields=b"Content-Length: 10\r\n") + b"x",
    "after an answer that it did not want to wait for": lambda world: get(world) * 3,
    "after a refusal of what is broken": lambda world: get(world, fields=b"Content-Length: x\r\n"),
    "after a refusal of a long body": lambda world: get(world, fields=b"Content-Length: 99999999\r\n") + b"x",
}


@pytest.mark.full
@pytest.mark.parametrize("state", SILENT)
def test_a_connection_whose_client_falls_silent_ends(state: str, world: World) -> None:
    gateway = world.start(
        client_header_timeout=0.3, client_body_timeout=0.3, client_body_rate=MIB, client_idle_timeout=0.3
    )
    with gateway.door() as door:
        wait_for(lambda: gateway.gateway.watch.count == 1)
        door.send(SILENT[state](world))
        wait_for(lambda: gateway.gateway.watch.count == 0)


def test_a_connection_is_idle_once_its_client_has_read_an_answer_that_it_read_late(world: World) -> None:
    """The client reads only after the answer is written: when writing resumes, there is no exchange any more."""
    world.service.answers["/api/v1/epcr/big"] = lambda seen: response(200, b"x" * BIG)
    with world.start(client_idle_timeout=0.3, client_body_timeout=20).door() as door:
        door.send(get(world, "/api/v1/epcr/big", b"Accept: */*\r\n"))
        time.sleep(0.5)
        assert len(door.reply().body) == BIG
        assert door.ends()


def test_a_client_that_never_reads_its_last_answer_is_left(world: World) -> None:
    """Closing waits until everything is written, but must not wait for ever."""
    gateway = world.start(client_body_timeout=0.3)
    with gateway.door() as door:
        assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).status == 200
        [connection] = gateway.gateway.watch._connections
        protocol: Any = connection
        aborted: list[float] = []

        class Stuck:
            """A transport whose peer reads nothing."""

            def __init__(self, real: Any) -> None:
                self.real, self.closing = real, False

            def close(self) -> None:
                self.closing = True

            def is_closing(self) -> bool:
                return self.closing

            def abort(self) -> None:
                aborted.append(time.monotonic())
                self.real.abort()

            def __getattr__(self, name: str) -> Any:
                return getattr(self.real, name)

        protocol.transport = Stuck(protocol.transport)
        protocol.deadline = 0.0
        wait_for(lambda: aborted)


@pytest.mark.parametrize("zeros", range(LENGTH_DIGITS + 3))
def test_a_length_is_read_whole_or_refused(zeros: int) -> None:
    for number in itertools.chain(range(3), (10**6, 2**63)):
        text = b"0" * zeros + str(number).encode()
        fields = [(b"host", b"api.test"), (b"content-length", text)]
        if len(text) <= LENGTH_DIGITS:
            assert read(fields, "1.1").length == number
        else:
            with pytest.raises(Refusal):
                read(fields, "1.1")


def sends(door: Any, world: World, pieces: int, size: int, every: float) -> float:
    """Sends a body in so many pieces, or until an answer comes; returns the seconds that this took."""
    began = time.monotonic()
    door.send(post(world) + b"Content-Length: %d\r\n\r\n" % (pieces * size))
    for _ in range(pieces):
        time.sleep(every)
        try:
            door.send(b"x" * size)
        except ConnectionError:
            break
        if select.select([door.socket], [], [], 0)[0]:
            break
    return time.monotonic() - began


@pytest.mark.parametrize("size", [COLLECTED // 40, COLLECTED // 10])
def test_a_slow_and_steady_body_arrives_whole_though_it_takes_longer_than_a_silent_one_may(
    size: int, world: World
) -> None:
    """With sizes above and below the one up to which the gateway reads the whole body first."""
    world.service.answers["/api/v1/devices/enrol"] = lambda seen: response(200, b"%d" % len(seen.body))
    gateway = world.start(client_body_timeout=1, client_body_rate=size * 2)
    with gateway.door() as door:
        assert sends(door, world, 20, size, 0.1) > 2 * 1
        reply = door.reply()
        assert (reply.status, reply.body) == (200, b"%d" % (20 * size))


@pytest.mark.parametrize("start", [0, COLLECTED + 1])
def test_a_dripped_body_ends_when_a_silent_one_does(start: int, world: World) -> None:
    """Even if much of it came at once: bytes extend the deadline only by their own share."""

    async def reading(seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.read()
        return False

    world.service.answers["/api/v1/devices/enrol"] = reading
    gateway = world.start(client_body_timeout=0.5, client_body_rate=COLLECTED * 2)
    with gateway.door() as silent, gateway.door() as door:
        for each in (silent, door):
            each.send(post(world) + b"Content-Length: 900000\r\n\r\n" + b"x" * start)
        ended = threading.Event()

        def drip() -> None:
            with suppress(OSError):
                while not ended.wait(0.05):
                    door.send(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert silent.reply().status == 408
            with gateway.door() as later:
                later.send(post(world) + b"Content-Length: 900000\r\n\r\n" + b"x" * start)
                assert later.reply().status == 408
            # By the time that a silent one ends which began when the first had ended.
            assert select.select([door.socket], [], [], 0)[0]
            assert door.reply().status == 408
        finally:
            ended.set()
            dripping.join()


def test_bytes_of_a_body_that_was_answered_buy_no_time(world: World) -> None:
    """A chunked body may never end: it would hold the connection for ever."""

    async def early(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(response(415))
        return False

    world.service.answers["/api/v1/devices/enrol"] = early
    gateway = world.start(client_body_timeout=0.5, client_body_rate=COLLECTED)
    with gateway.door() as door:
        door.send(post(world) + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % (COLLECTED + 1))
        door.send(b"x" * (COLLECTED + 1) + b"\r\n")
        assert door.reply().status == 415
        with suppress(OSError):
            for _ in range(100):
                door.send(b"%x\r\n" % COLLECTED + b"x" * COLLECTED + b"\r\n")
                time.sleep(0.1)
        wait_for(lambda: gateway.gateway.watch.count == 0)
