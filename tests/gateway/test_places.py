"""Places at a service: a tenant alone gets most of them, and no tenant's calls wait for another tenant's."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from gateway.upstream import FAILURES, SENDER_FAILURES, Breaker
from tests.gateway.conftest import Running, World
from tests.gateway.origin import Seen, response
from tests.support.waiting import PATIENCE, wait_for


def get(token: str, path: str = "/api/v1/epcr/x") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def hold(world: World, path: str) -> threading.Event:
    """Makes the service answer that path only after the event is set."""
    release = threading.Event()

    async def held(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.to_thread(release.wait, PATIENCE)
        writer.write(response(200))
        return True

    world.service.answers[path] = held
    return release


def work_of(gateway: Running, token: str, calls: int = 100) -> float:
    """The processor time of the gateway for so many calls, each of them answered."""
    with gateway.door() as door:
        before = gateway.cpu_seconds()
        for _ in range(calls):
            assert door.request("GET", "/api/v1/epcr/x", token=token).status == 200
        return gateway.cpu_seconds() - before


@pytest.mark.full
def test_280_waiting_calls_of_one_tenant_move_nobody_elses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tenant's calls never wait for a place, are answered before any of the 280, and cost the gateway no more than without them.

    Slices with and without the 280 alternate, and the cheapest of each kind are compared.
    """
    gateway = world.start(rate_limit_read="off")
    greedy, other = world.issuer.token(), world.issuer.token(client_id="app_2", tenant_id="org_2")
    held = gateway.gateway.upstreams["epcr"].places
    waits: list[str] = []
    wait = held.waiter
    monkeypatch.setattr(held, "waiter", lambda path: waits.append(path[0]) or wait(path))
    work_of(gateway, other)  # warm
    alone: list[float] = []
    crowded: list[float] = []
    for _ in range(6):
        alone.append(work_of(gateway, other))
        with crowd_of_280(world, gateway, greedy):
            crowded.append(work_of(gateway, other))
    assert "org_1" in waits
    assert "org_2" not in waits
    assert min(crowded) < 2 * min(alone)


@contextmanager
def crowd_of_280(world: World, gateway: Running, token: str) -> Iterator[None]:
    """280 calls that the service answers afterwards; those without a place wait for one, and are refused after a second."""
    release = hold(world, "/api/v1/epcr/never")
    places = gateway.gateway.upstreams["epcr"].places
    with ExitStack() as doors:
        waiting = [doors.enter_context(gateway.door()) for _ in range(280)]
        for door in waiting:
            door.send(get(token, "/api/v1/epcr/never"))
        wait_for(lambda: places.taken + places.waiting + sum(door.answers() for door in waiting) == len(waiting))
        yield
        wait_for(lambda: not places.waiting)
        refused = [door for door in waiting if door.answers()]
        assert 50 < len(refused) < 130
        for door in refused:
            reply = door.reply()
            assert (reply.status, reply.get("retry-after")) == (429, "1")
        release.set()
        assert {door.reply().status for door in waiting if door not in refused} == {200}
    wait_for(lambda: places.taken == 0)


def test_anonymous_callers_share_by_address(world: World) -> None:
    release = hold(world, "/api/v1/epcr/never")
    world.issuer.origin.answers["/v1/oauth/token"] = world.service.answers["/api/v1/epcr/never"]
    gateway = world.start(upstream_concurrency=16, trusted_proxies="127.0.0.1")
    upstream = gateway.gateway.upstreams["auth"]

    def ask(address: str) -> bytes:
        fields = f"Host: auth.test\r\nX-Forwarded-For: {address}\r\nContent-Length: 0\r\n\r\n"
        return f"POST /v1/oauth/token HTTP/1.1\r\n{fields}".encode()

    with ExitStack() as doors:
        for _ in range(16):
            doors.enter_context(gateway.door()).send(ask("192.0.2.1"))
        wait_for(lambda: upstream.places.waiting > 0)
        before = upstream.places.taken
        doors.enter_context(gateway.door()).send(ask("192.0.2.2"))
        wait_for(lambda: upstream.places.taken == before + 1)
        release.set()


def test_who_reads_slowly_keeps_its_own_place_and_no_others(world: World) -> None:
    async def torrent(seen: Seen, reader: Any, writer: Any) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 << 20))
        for _ in range(1024):
            writer.write(b"x" * 65536)
            await writer.drain()
        return True

    world.service.answers["/api/v1/epcr/torrent"] = torrent
    gateway = world.start(upstream_concurrency=8)
    other = world.issuer.token(client_id="app_2", tenant_id="org_2")
    with ExitStack() as doors:
        for _ in range(10):
            doors.enter_context(gateway.door()).send(get(world.issuer.token(), "/api/v1/epcr/torrent"))
        wait_for(lambda: gateway.gateway.upstreams["epcr"].places.taken >= 4)
        with gateway.door() as door:
            assert door.request("GET", "/api/v1/epcr/x", token=other).status == 200


def test_places_are_measured_by_service_and_state_alone(world: World) -> None:
    release = hold(world, "/api/v1/epcr/never")
    gateway = world.start()

    def taken(state: str) -> float | None:
        labels = {"upstream": "epcr", "state": state}
        return REGISTRY.get_sample_value("gateway_upstream_places", labels)

    with gateway.door() as door:
        door.send(get(world.issuer.token(), "/api/v1/epcr/never"))
        wait_for(lambda: taken("taken") == 1)
        assert taken("free") == 255
        assert REGISTRY.get_sample_value("gateway_upstream_places_largest", {"upstream": "epcr"}) == 1
        release.set()
        assert door.reply().status == 200
        wait_for(lambda: taken("taken") == 0)


def test_one_tenants_hanging_calls_open_the_circuit_for_nobody() -> None:
    breaker = Breaker()
    for _ in range(100):
        breaker.failed(1.0, "org_1")
    assert breaker.allows(1.0)
    for number in range(FAILURES // SENDER_FAILURES + 1):
        for _ in range(SENDER_FAILURES):
            breaker.failed(1.0, f"org_{number}")
    assert not breaker.allows(1.0)


def test_no_address_takes_the_last_connections(world: World) -> None:
    gateway = world.start(client_connections=10)
    with ExitStack() as doors:
        opened = [doors.enter_context(gateway.door()) for _ in range(10)]
        wait_for(lambda: sum(door.closed() for door in opened) == 5)
        assert gateway.gateway.watch.count == 5


def test_a_trusted_proxy_carries_the_connections_of_many(world: World) -> None:
    gateway = world.start(client_connections=10, trusted_proxies="127.0.0.1")
    with ExitStack() as doors:
        for _ in range(10):
            doors.enter_context(gateway.door())
        wait_for(lambda: gateway.gateway.watch.count == 10)
