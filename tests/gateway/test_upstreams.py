"""Services fail in many ways, each with its own status; requests that are safe to repeat are retried within a budget."""

import asyncio
import json
import socket
import threading
from typing import Any

import pytest

from gateway.fetch import Fetcher
from gateway.upstream import FAILURES, OPEN_SECONDS, Unreachable
from shared.web.problems import access_on_request
from tests.gateway.conftest import World
from tests.gateway.origin import Origin, Seen, response
from tests.support.waiting import PATIENCE, wait_for

MIB = 1 << 20


def post(world: World, path: str = "/api/v1/devices/enrol") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n".encode()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_service_that_is_down_is_503(world: World) -> None:
    gateway = world.start(gateway_upstream_epcr=f"http://127.0.0.1:{closed_port()}")
    with gateway.door() as door:
        reply = door.request("GET", "/api/v1/epcr/x", token=world.issuer.token())
        assert (reply.status, reply.get("retry-after")) == (503, "1")
        assert "127.0.0.1" not in reply.body.decode()
        assert door.request("GET", "/api/v1/devices", token=world.issuer.token()).status == 200


def test_a_control_plane_that_is_not_there_is_refused_with_how_to_ask_for_it(world: World) -> None:
    with world.start().door() as door:
        reply = door.request("GET", "/api/v1/platform/packages", token=world.issuer.token())
        document = json.loads(reply.body)
        told = access_on_request("platform_api")
        assert (reply.status, document["type"], document["detail"]) == (403, told.document()["type"], told.detail)
        assert {name: document[name] for name in told.extra} == told.extra
        assert document["trace_id"]
        assert door.request("GET", "/api/v1/platform/packages").status == 401


def test_a_service_that_is_slow_is_504_and_left(world: World) -> None:
    left = threading.Event()

    async def slow(seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.read(1)
        left.set()
        return False

    world.service.answers["/api/v1/epcr/x"] = slow
    with world.start(upstream_timeout=0.3).door() as door:
        assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).status == 504
    assert left.wait(PATIENCE)


BROKEN = {
    "nothing at all": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "length and chunked": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "a status past all classes": b"HTTP/1.1 700 What\r\ncontent-length: 0\r\n\r\n",
    "endless fields": b"HTTP/1.1 200 OK\r\n" + b"x-a: 1\r\n" * 20_000,
    "too many fields": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n" + b"x-a: 1\r\n" * 200 + b"\r\n",
    "interim answers for ever": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 20_000,
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_answer_is_502(case: str, world: World) -> None:
    async def broken(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(BROKEN[case])
        await writer.drain()
        return False

    world.service.answers["/api/v1/epcr/x"] = broken
    with world.start().door() as door:
        reply = door.request("POST", "/api/v1/epcr/x", token=world.issuer.token(), body=b"")
        assert (reply.status, reply.json()["title"]) == (502, "Bad gateway")
        assert door.request("GET", "/api/v1/devices", token=world.issuer.token()).status == 200


def test_an_answer_that_breaks_off_is_never_passed_off_as_whole(world: World) -> None:
    async def half(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        return False

    world.service.answers["/api/v1/epcr/x"] = half
    with world.start().door() as door, pytest.raises(ConnectionError):
        door.request("GET", "/api/v1/epcr/x", token=world.issuer.token())


def test_trailers_without_an_end_break_the_answer_off(world: World) -> None:
    left = threading.Event()

    async def endless(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\nx: ")
        try:
            while True:
                writer.write(b"a" * 4096)
                await writer.drain()
                await asyncio.sleep(0.001)
        finally:
            left.set()

    world.service.answers["/api/v1/epcr/x"] = endless
    with world.start().door() as door, pytest.raises(ConnectionError):
        door.request("GET", "/api/v1/epcr/x", token=world.issuer.token())
    assert left.wait(PATIENCE)


def test_bytes_after_an_answer_are_given_to_nobody(world: World) -> None:
    world.service.answers["/api/v1/epcr/x"] = lambda seen: response(200, b"mine") + response(200, b"another's")
    with world.start().door() as door:
        assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).body == b"mine"
        assert door.request("GET", "/api/v1/epcr/y", token=world.issuer.token()).json() == {"path": "/api/v1/epcr/y"}


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\netag: x\r\ncontent-length: 10\r\n\r\n", 304, b""),
        (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", 201, b""),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\nno", 500, b"no"),
    ],
)
def test_answers_of_every_shape_pass(answer: bytes, status: int, body: bytes, world: World) -> None:
    world.service.answers["/api/v1/epcr/x"] = lambda seen: answer
    with world.start().door() as door:
        for _ in range(2):
            reply = door.request("GET", "/api/v1/epcr/x", token=world.issuer.token())
            assert (reply.status, reply.body) == (status, body)
    assert world.service.connections == 1


def test_an_answer_that_ends_with_its_connection_passes_whole(world: World) -> None:
    async def until_close(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        await writer.drain()
        writer.close()
        return False

    world.service.answers["/api/v1/epcr/x"] = until_close
    with world.start().door() as door:
        assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).body == b"all of it"


def test_head_has_the_fields_and_no_body_and_the_connection_goes_on(world: World) -> None:
    world.service.answers["/api/v1/epcr/x"] = lambda seen: b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
    with world.start().door() as door:
        reply = door.request("HEAD", "/api/v1/epcr/x", token=world.issuer.token())
        assert (reply.status, reply.get("content-length")) == (200, "1000")
        assert door.request("GET", "/api/v1/epcr/y", token=world.issuer.token()).status == 200
    assert world.service.connections == 1


def test_http_1_0_gets_a_length_and_a_closed_connection(world: World) -> None:
    world.service.answers["/api/v1/epcr/x"] = lambda seen: (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    )
    with world.start().door() as door:
        door.send(
            f"GET /api/v1/epcr/x HTTP/1.0\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n\r\n".encode()
        )
        reply = door.reply()
        assert (reply.body, reply.get("content-length"), reply.get("transfer-encoding")) == (b"ok", "2", None)
        assert door.ends()


class Impatient:
    """Answers the first request of each connection and closes at the second, as a service does that restarts."""

    def __init__(self) -> None:
        self.origin = Origin()
        self.counts: dict[int, int] = {}
        self.origin.answers["/api/v1/epcr/x"] = self.answer

    async def answer(self, seen: Seen, reader: Any, writer: Any) -> bool:
        await reader.read(int(seen.get("content-length") or 0)) if seen.get("content-length") not in (
            None,
            "0",
        ) else None
        key = id(writer)
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] == 2:
            return False
        writer.write(response(200))
        return True


@pytest.mark.parametrize(
    ("method", "fields", "second"),
    [
        ("GET", {}, 200),
        ("DELETE", {}, 200),
        ("POST", {}, 502),
        ("PATCH", {}, 502),
        ("POST", {"Idempotency_Key": "k"}, 200),
    ],
)
def test_only_what_may_be_repeated_is_sent_again(
    method: str, fields: dict[str, str], second: int, world: World
) -> None:
    impatient = Impatient()
    impatient.origin.start()
    gateway = world.start(gateway_upstream_epcr=impatient.origin.url)
    body = b"{}" if method in ("POST", "PATCH") else None
    with gateway.door() as door:
        for expected in (200, second):
            assert (
                door.request(method, "/api/v1/epcr/x", token=world.issuer.token(), body=body, **fields).status
                == expected
            )
    assert len(impatient.origin.seen) == (3 if second == 200 else 2)
    impatient.origin.stop()


def test_retries_have_a_budget(world: World) -> None:
    gateway = world.start(gateway_upstream_epcr=f"http://127.0.0.1:{closed_port()}")
    upstream = gateway.gateway.upstreams["epcr"]
    upstream._retries = 0.0
    with gateway.door() as door:
        for _ in range(5):
            assert door.request("GET", "/api/v1/epcr/x", token=world.issuer.token()).status == 503
    assert upstream.breaker.failures == 5


def test_the_circuit_opens_after_failures_in_a_row_and_closes_after_a_success(world: World) -> None:
    port = closed_port()
    gateway = world.start(gateway_upstream_epcr=f"http://127.0.0.1:{port}")
    with gateway.door() as door:

        def status() -> int:
            return door.request("POST", "/api/v1/epcr/x", token=world.issuer.token(), body=b"").status

        assert {status() for _ in range(FAILURES + 5)} == {503}
        assert gateway.gateway.upstreams["epcr"].breaker.failures == FAILURES
        back = Origin(port=port).start()
        wait_for(lambda: status() == 200)
        assert {status() for _ in range(5)} == {200}
        back.stop()


def test_the_circuit_of_what_the_gateway_itself_fetches_closes_after_a_success() -> None:
    """Only failures in a row count: they must not add up over weeks until the gateway fetches nothing any more."""
    port = closed_port()

    async def story() -> None:
        fetcher = Fetcher(f"http://127.0.0.1:{port}", 1024)
        for _ in range(FAILURES):
            with pytest.raises(Unreachable):
                await fetcher.get("/x", {})
        back = Origin(port=port).start()
        try:
            await asyncio.sleep(OPEN_SECONDS)
            for _ in range(5):
                assert (await fetcher.get("/x", {})).status == 200
        finally:
            fetcher.close()
            back.stop()

    asyncio.run(story())


def test_a_service_has_only_so_many_exchanges_at_a_time(world: World) -> None:
    release = threading.Event()

    async def hold(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.to_thread(release.wait, PATIENCE)
        writer.write(response(200))
        return True

    world.service.answers["/api/v1/epcr/x"] = hold
    gateway = world.start(upstream_concurrency=2)
    ask = f"GET /api/v1/epcr/x HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {world.issuer.token()}\r\n\r\n".encode()
    with gateway.door() as first, gateway.door() as second, gateway.door() as third:
        first.send(ask)
        second.send(ask)
        wait_for(lambda: len(world.service.seen) == 2)
        assert third.send(ask).reply().status == 503
        assert third.request("GET", "/api/v1/devices", token=world.issuer.token()).status == 200
        release.set()
        assert [first.reply().status, second.reply().status] == [200, 200]
        assert third.send(ask).reply().status == 200


def test_a_service_that_says_it_closes_is_left_by_all_idle_connections(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.upstream.IDLE_SECONDS", 3600)
    closing = threading.Event()
    world.service.answers["/api/v1/epcr/x"] = lambda seen: (
        response(200, b"", ("connection", "close")) if closing.is_set() else response(200)
    )
    hold = threading.Event()

    async def held(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.to_thread(hold.wait, PATIENCE)
        writer.write(response(200))
        return True

    world.service.answers["/api/v1/epcr/held"] = held
    gateway = world.start()
    token = world.issuer.token()
    upstream = gateway.gateway.upstreams["epcr"]
    with gateway.door() as first, gateway.door() as second:
        first.send(
            f"GET /api/v1/epcr/held HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        wait_for(lambda: world.service.seen)
        assert second.request("GET", "/api/v1/epcr/x", token=token).status == 200
        hold.set()
        assert first.reply().status == 200
        wait_for(lambda: len(upstream._idle) == 2)
        closing.set()
        assert second.request("GET", "/api/v1/epcr/x", token=token).status == 200
        wait_for(lambda: len(upstream._idle) == 0)
