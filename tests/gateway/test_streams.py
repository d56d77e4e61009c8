"""Bodies pass as streams, clients and services may close at any moment, and each failure has its own status."""

import asyncio
import logging
import socket
import threading
from contextlib import ExitStack
from typing import Any

import pytest

from gateway.proxy import COLLECTED
from gateway.upstream import SENDER_RECEIVING
from shared.fairness.places import Places
from tests.gateway.conftest import Running, World
from tests.gateway.origin import Seen, response
from tests.support.waiting import PATIENCE, wait_for

MIB = 1 << 20
BEGUN = b"x" * COLLECTED
"""As much of a body as the gateway reads before it sends the request to the service."""


def post(world: World, path: str = "/api/v1/devices/enrol") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n".encode()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_an_answer_passes_part_by_part_while_it_is_made(world: World) -> None:
    go_on = threading.Event()

    async def slowly(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await asyncio.to_thread(go_on.wait, PATIENCE)
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")
        return True

    world.service.answers["/api/v1/epcr/slow"] = slowly
    with world.start().door() as door:
        door.send(post(world, "/api/v1/epcr/slow") + b"Content-Length: 0\r\n\r\n")
        assert door.head()[0] == 200
        assert (door.line(), door.take(5)) == (b"5", b"first")
        go_on.set()
        assert (door.line(), door.line(), door.take(6)) == (b"", b"6", b"second")


def test_a_body_passes_part_by_part_while_it_is_sent(world: World) -> None:
    arrived: list[bytes] = []

    async def reading(seen: Seen, reader: Any, writer: Any) -> bool:
        arrived.append((await reader.readexactly(COLLECTED + 5))[COLLECTED:])
        arrived.append(await reader.readexactly(6))
        writer.write(response(200))
        return True

    world.service.answers["/api/v1/devices/enrol"] = reading
    with world.start().door() as door:
        door.send(post(world) + b"Content-Length: %d\r\n\r\n" % (COLLECTED + 11) + BEGUN + b"first")
        wait_for(lambda: arrived == [b"first"])
        assert door.send(b"second").reply().status == 200
    assert arrived == [b"first", b"second"]


def test_a_large_answer_is_not_collected_in_memory_when_the_client_does_not_read(world: World) -> None:
    sent: list[int] = [0]

    async def torrent(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MIB))
        for _ in range(1024):
            writer.write(b"x" * 65536)
            await writer.drain()
            sent[0] += 65536
        return True

    world.service.answers["/api/v1/epcr/torrent"] = torrent
    with world.start().door() as door:
        door.send(post(world, "/api/v1/epcr/torrent") + b"Content-Length: 0\r\n\r\n")
        assert door.head()[0] == 200
        settled = wait_for(lambda: sent[0] if sent[0] and _still(sent) else None)
        assert settled < 32 * MIB
        assert len(door.take(64 * MIB)) == 64 * MIB


def test_a_large_answer_without_a_length_is_not_collected_in_memory_for_an_http_1_0_client(world: World) -> None:
    """The client reads nothing until the service can send no more. All of the answer reaches it, in clear, and the end closes."""
    sent: list[int] = [0]

    async def torrent(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(1024):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            sent[0] += 65536
        writer.write(b"0\r\n\r\n")
        return True

    world.service.answers["/api/v1/epcr/torrent"] = torrent
    with world.start().door() as door:
        door.send(get_1_0(world, "/api/v1/epcr/torrent"))
        settled = wait_for(lambda: sent[0] if sent[0] and _still(sent) else None)
        assert settled < 32 * MIB
        status, fields = door.head()
        named = dict(fields)
        assert (status, named.get("connection"), named.get("content-length")) == (200, "close", None)
        assert "transfer-encoding" not in named
        assert set(door.take(64 * MIB)) == {ord("x")}
        assert door.ends()


def test_an_http_1_0_client_notices_that_an_answer_without_a_length_broke_off(world: World) -> None:
    go_on = threading.Event()

    async def broken(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await asyncio.to_thread(go_on.wait, PATIENCE)
        return False

    world.service.answers["/api/v1/epcr/broken"] = broken
    with world.start().door() as door:
        door.send(get_1_0(world, "/api/v1/epcr/broken"))
        assert door.head()[0] == 200
        assert door.take(5) == b"first"
        go_on.set()
        with pytest.raises(ConnectionResetError):
            door.socket.recv(1)


def get_1_0(world: World, path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n\r\n".encode()


def _still(counter: list[int]) -> bool:
    before = counter[0]
    threading.Event().wait(0.3)
    return counter[0] == before


def test_the_service_is_left_when_the_client_leaves(world: World) -> None:
    left = threading.Event()

    async def waiting(seen: Seen, reader: Any, writer: Any) -> bool:
        assert await reader.read(1) == b""
        left.set()
        return False

    world.service.answers["/api/v1/epcr/wait"] = waiting
    running = world.start()
    with running.door() as door:
        door.send(
            f"GET /api/v1/epcr/wait HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n\r\n".encode()
        )
        wait_for(lambda: world.service.seen)
    assert left.wait(PATIENCE)
    assert not running.gateway.upstreams["epcr"].active


def test_the_service_is_left_when_the_client_leaves_in_the_middle_of_its_body(world: World) -> None:
    left = threading.Event()

    async def waiting(seen: Seen, reader: Any, writer: Any) -> bool:
        assert await reader.readexactly(COLLECTED) == BEGUN
        assert await reader.read(1) == b""
        left.set()
        return False

    world.service.answers["/api/v1/devices/enrol"] = waiting
    with world.start().door() as door:
        door.send(post(world) + b"Content-Length: %d\r\n\r\n" % (COLLECTED + 1) + BEGUN)
        wait_for(lambda: world.service.seen)
    assert left.wait(PATIENCE)


@pytest.mark.parametrize(
    "framing", [b"Content-Length: %d\r\n\r\n", b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"]
)
def test_a_body_over_one_mebibyte_is_refused_before_it_is_sent(
    framing: bytes, gateway: Running, shared_world: World
) -> None:
    before = len(shared_world.service.seen)
    with gateway.door() as door:
        reply = door.send(post(shared_world) + framing % (MIB + 1)).reply()
    assert (reply.status, reply.json()["title"], reply.get("connection")) == (413, "Content too large", "close")
    assert len(shared_world.service.seen) == before


def test_a_client_that_sends_its_whole_large_body_first_still_reads_the_refusal(
    gateway: Running, shared_world: World
) -> None:
    with gateway.door() as door:
        door.send(post(shared_world) + b"Content-Length: %d\r\n\r\n" % (3 * MIB) + b"x" * 3 * MIB)
        assert door.reply().status == 413


def test_a_body_in_chunks_is_counted_as_it_comes(gateway: Running, shared_world: World) -> None:
    with gateway.door() as door:
        door.send(post(shared_world) + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%s\r\n" % (b"x" * 65536) * 17)
        assert door.reply().status == 413
    with gateway.door() as door:
        door.send(
            post(shared_world)
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"10000\r\n%s\r\n" % (b"x" * 65536) * 16
            + b"0\r\n\r\n"
        )
        assert door.reply().status == 200
    assert len(shared_world.service.last("/api/v1/devices/enrol").body) == MIB


def test_one_hundred_continue_is_said_once_the_body_is_wanted(gateway: Running, shared_world: World) -> None:
    with gateway.door() as door:
        door.send(post(shared_world) + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert door.head()[0] == 100
        assert door.send(b"abcd").reply().status == 200
    seen = shared_world.service.last("/api/v1/devices/enrol")
    assert (seen.body, seen.get("expect")) == (b"abcd", None)


def test_an_answer_before_the_body_is_through_reaches_the_client_and_ends_that_connection_to_the_service(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.IDLE_SECONDS", 3600)
    left = threading.Event()

    async def early(seen: Seen, reader: Any, writer: Any) -> bool:
        assert await reader.readexactly(COLLECTED) == BEGUN
        writer.write(response(415))
        if await reader.read(1000) == b"":
            left.set()
        return False

    world.service.answers["/api/v1/devices/enrol"] = early
    with world.start().door() as door:
        door.send(post(world) + b"Content-Length: %d\r\n\r\n" % (COLLECTED + 1000) + BEGUN)
        wait_for(lambda: world.service.seen)
        assert door.reply().status == 415
        assert left.wait(PATIENCE)
        door.send(b"d" * 1000)
        assert door.request("GET", "/api/v1/epcr/next", token=world.issuer.token()).status == 200


def test_a_head_that_never_ends_is_408_and_a_silent_connection_is_closed(world: World) -> None:
    gateway = world.start(client_header_timeout=0.3)
    with gateway.door() as silent, gateway.door() as slow:
        slow.send(b"GET /api/v1/devices HTTP/1.1\r\nHost: api")
        assert slow.reply().status == 408
        assert slow.ends()
        assert silent.ends()


def test_a_body_that_never_ends_is_408_and_the_service_is_left(world: World) -> None:
    left = threading.Event()

    async def reading(seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.read()
        left.set()
        return False

    world.service.answers["/api/v1/devices/enrol"] = reading
    with world.start(client_body_timeout=0.3).door() as door:
        asked = post(world) + b"Content-Length: %d\r\n\r\n" % (COLLECTED + 1) + BEGUN
        assert door.send(asked).reply().status == 408
        assert door.ends()
    assert left.wait(PATIENCE)


def test_who_sends_short_bodies_slowly_holds_no_place_at_the_service(world: World) -> None:
    gateway = world.start(upstream_concurrency=4)
    with ExitStack() as doors:
        for _ in range(20):
            doors.enter_context(gateway.door()).send(post(world) + b"Content-Length: 5000\r\n\r\nx")
        with gateway.door() as door:
            assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).status == 200
        assert [seen.path for seen in world.service.seen] == ["/api/v1/epcr/x"]


def test_long_bodies_that_come_slowly_leave_most_places_to_others_and_one_sender_has_few(world: World) -> None:
    async def reading(seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.read()
        return False

    world.service.answers["/api/v1/devices/enrol"] = reading
    gateway = world.start(upstream_concurrency=4 * 2 * SENDER_RECEIVING)
    long = b"Content-Length: %d\r\n\r\n" % (COLLECTED + 1) + BEGUN

    def asks(client_id: str, tenant_id: str) -> bytes:
        token = world.issuer.token(client_id=client_id, tenant_id=tenant_id)
        return (
            f"POST /api/v1/devices/enrol HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n".encode()
            + long
        )

    with ExitStack() as doors:

        def held_by(client_id: str, tenant_id: str, count: int) -> None:
            before = len(world.service.seen)
            for _ in range(count):
                doors.enter_context(gateway.door()).send(asks(client_id, tenant_id))
            wait_for(lambda: len(world.service.seen) == before + count)

        held_by("app_1", "org_1", SENDER_RECEIVING)
        with gateway.door() as door:
            reply = door.send(asks("app_1", "org_1")).reply()
            assert (reply.status, reply.get("retry-after")) == (429, "1")
        held_by("app_2", "org_1", 6)
        held_by("app_3", "org_2", 6)
        with gateway.door() as door:
            assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).status == 200


def test_an_idle_connection_is_closed_after_its_time(world: World) -> None:
    with world.start(client_idle_timeout=0.3).door() as door:
        assert door.request("GET", "/api/v1/devices", token=world.issuer.token()).status == 200
        assert door.ends()


def test_more_connections_than_allowed_are_turned_away_and_places_are_given_again(world: World) -> None:
    gateway = world.start(client_connections=1)
    token = world.issuer.token()
    with gateway.door() as first, gateway.door() as second:
        assert first.request("GET", "/api/v1/devices", token=token).status == 200
        assert second.ends()
    wait_for(lambda: _answers(gateway, token))


def _answers(gateway: Running, token: str) -> bool:
    with gateway.door() as door:
        try:
            return door.request("GET", "/api/v1/devices", token=token).status == 200
        except ConnectionError:
            return False


def test_a_fault_of_the_gateway_itself_is_a_problem_document_with_its_trace(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = world.start()
    monkeypatch.setattr(gateway.gateway.addresses, "of", lambda *_: 1 / 0)
    with gateway.door() as door:
        reply = door.request("GET", "/api/v1/devices", token=world.issuer.token())
    assert (reply.status, reply.get("content-type")) == (500, "application/problem+json")
    assert reply.json()["trace_id"] == reply.get("x-trace-id")
    assert "division" not in reply.body.decode()


def test_a_client_that_pipelines_without_reading_is_answered_no_further_than_its_buffers_reach(world: World) -> None:
    world.service.answers["/api/v1/epcr/x"] = lambda seen: response(200, b"x" * 60_000)
    asked = 600
    one = f"GET /api/v1/epcr/x HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n\r\n".encode()
    with world.start(rate_limit_read="off").door() as door:
        sender = threading.Thread(target=door.send, args=[one * asked])
        sender.start()
        counter = [0]

        def settled() -> bool:
            counter[0] = len(world.service.seen)
            return counter[0] > 0 and _still_seen(world)

        wait_for(settled)
        assert counter[0] < asked
        assert {door.reply().status for _ in range(asked)} == {200}
        sender.join()


def test_who_pipelines_and_leaves_writes_no_error_into_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.service.answers["/api/v1/epcr/x"] = lambda seen: response(200, b"x")
    one = f"GET /api/v1/epcr/x HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n\r\n".encode()
    running = world.start()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            with running.door() as door:
                door.send(one * 3)
                door.reply()
        wait_for(lambda: not running.server.server_state.connections)
        running.stop()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def _still_seen(world: World) -> bool:
    before = len(world.service.seen)
    threading.Event().wait(0.3)
    return len(world.service.seen) == before


def test_a_client_that_stops_reading_is_left_after_a_while_and_the_service_with_it(world: World) -> None:
    left = threading.Event()

    async def torrent(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MIB))
        try:
            for _ in range(1024):
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            left.set()
        return False

    world.service.answers["/api/v1/epcr/torrent"] = torrent
    with world.start(client_body_timeout=0.3).door() as door:
        door.send(post(world, "/api/v1/epcr/torrent") + b"Content-Length: 0\r\n\r\n")
        assert left.wait(PATIENCE)


# --- Unfinished requests -----------------------------------------------------------------------------------------------------


def few_unfinished(running: Running, number: int) -> Places:
    """Gives the gateway few places for unfinished requests, so that few connections use them up."""
    unfinished = running.gateway.watch.unfinished = Places(number, shares=(1, 2))
    return unfinished


def test_stalled_bodies_of_one_sender_take_some_of_the_places_and_others_are_served(world: World) -> None:
    """Each connection announces a long body, sends nearly 64 KiB of it, and waits."""

    async def reading(seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.read()
        return False

    world.service.answers["/api/v1/devices/enrol"] = reading
    gateway = world.start(rate_limit_write="off")
    unfinished = few_unfinished(gateway, 16)
    part = b"Content-Length: 500000\r\n\r\n" + b"x" * 60_000
    with ExitStack() as doors:
        flood = [doors.enter_context(gateway.door()) for _ in range(60)]
        for door in flood:
            door.send(post(world) + part)
        least = len(flood) - SENDER_RECEIVING - 6
        wait_for(lambda: sum(door.answers() for door in flood) >= least)
        refused = [door.reply() for door in flood if door.answers()]
        assert {(reply.status, reply.get("retry-after")) for reply in refused} == {(429, "1")}
        assert unfinished.taken == 6
        token = world.issuer.token(client_id="app_2", tenant_id="org_2")
        with gateway.door() as door:
            door.send(f"POST /api/v1/epcr/x HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n".encode())
            door.send(b"Content-Length: 60000\r\n\r\n" + b"x" * 30_000)
            wait_for(lambda: unfinished.held_by("org_2") == 1)
            assert door.send(b"x" * 30_000).reply().status == 200
    wait_for(lambda: not unfinished.taken)


def test_requests_in_one_packet_wait_in_a_bounded_number(world: World) -> None:
    """A request of 40 bytes takes a hundred times as many while it waits for the answer to the one before."""
    go_on = threading.Event()

    async def waiting(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.to_thread(go_on.wait, PATIENCE)
        writer.write(response(200))
        return True

    world.service.answers["/api/v1/epcr/wait"] = waiting
    gateway = world.start()
    unfinished = few_unfinished(gateway, 100)
    with gateway.door() as door:
        first = get_1_1(world, "/api/v1/epcr/wait")
        door.send(first + b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n" * 400)
        wait_for(lambda: world.service.seen)
        [connection] = gateway.gateway.watch._connections
        protocol: Any = connection
        wait_for(lambda: protocol.refused)
        assert not protocol.pipeline
        go_on.set()
        assert door.reply().status == 200
        assert door.ends()
    wait_for(lambda: not unfinished.taken)


def test_long_heads_without_an_end_take_some_of_the_places(world: World) -> None:
    gateway = world.start()
    unfinished = few_unfinished(gateway, 9)
    head = get_1_1(world, "/api/v1/epcr/x")[:-2]
    with ExitStack() as doors:
        flood = [doors.enter_context(gateway.door()) for _ in range(20)]
        for door in flood:
            door.send(head + b"X-A: " + b"a" * 20_000)
        wait_for(lambda: sum(door.answers() for door in flood) == 17)
        refused = [door.reply() for door in flood if door.answers()]
        assert {(reply.status, reply.get("retry-after")) for reply in refused} == {(503, "1")}
        with gateway.door() as door:
            assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).status == 200
        kept = next(door for door in flood if not door.answers())
        assert kept.send(b"\r\n\r\n").reply().status == 200
    wait_for(lambda: not unfinished.taken)


def get_1_1(world: World, path: str) -> bytes:
    return get_1_0(world, path).replace(b"HTTP/1.0", b"HTTP/1.1")
