"""Places at a service: a tenant alone gets most of them, and no tenant's calls wait for another tenant's."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway import places
from gateway.connection import ClientGone
from gateway.places import CLIENT_WAITING, TENANT_WAITING, Client, Crowded, NoPlace, Places, Sender
from gateway.upstream import FAILURES, SENDER_FAILURES, Breaker
from tests.gateway.conftest import Running, World
from tests.gateway.origin import Seen, response
from tests.support.waiting import PATIENCE, wait_for

HOG = Sender("org_1", "app_1")
SIBLING = Sender("org_1", "app_2")
OTHER = Sender("org_2", "app_3")


def fill(held: Places, sender: Sender) -> list[Client]:
    """Takes as many places as `sender` can get."""
    taken: list[Client] = []
    while (place := held.take(sender)) is not None:
        taken.append(place)
    held.tidy()
    return taken


def test_who_is_alone_gets_most_of_the_places_and_never_the_last() -> None:
    held = Places(256)
    assert 0.6 * 256 < len(fill(held, HOG)) < 0.8 * 256
    assert len(fill(held, SIBLING)) > 5
    assert len(fill(held, OTHER)) > 25


def test_greedy_tenants_get_equal_shares_and_a_newcomer_finds_a_place() -> None:
    held = Places(256)
    shares: dict[str, int] = {}
    for _ in range(256):
        for number in range(10):
            if held.take(Sender(f"org_{number}", "app")) is not None:
                shares[f"org_{number}"] = shares.get(f"org_{number}", 0) + 1
    assert max(shares.values()) - min(shares.values()) <= 1
    assert min(shares.values()) >= 20
    assert held.take(Sender("newcomer", "app")) is not None


def test_a_tenant_with_many_clients_gets_no_more_than_a_tenant() -> None:
    held = Places(256)
    for number in range(300):
        fill(held, Sender("org_1", f"app_{number}"))
    assert held.largest() <= 205
    assert len(fill(held, OTHER)) > 25


def test_a_place_that_becomes_free_goes_to_each_tenant_that_waits_in_turn() -> None:
    async def story() -> None:
        held = Places(2)
        first, second = fill(held, HOG)
        order: list[str] = []

        async def ask(sender: Sender) -> None:
            place = await held.wait(sender, held.waiter(sender))
            order.append(sender.client)
            await asyncio.sleep(0)
            held.leave(place)

        waiting = [asyncio.create_task(ask(sender)) for sender in (HOG, HOG, HOG, OTHER)]
        await asyncio.sleep(0.01)
        assert held.waiting == 4
        held.leave(first)
        held.leave(second)
        await asyncio.gather(*waiting)
        assert order.index("app_3") <= 1
        held.tidy()
        assert (held.held, held.waiting, held._tenants, len(held._queue)) == (0, 0, {}, 0)

    asyncio.run(story())


def test_waiting_is_bounded_in_number_and_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "WAIT_SECONDS", 0.05)

    async def story() -> None:
        held = Places(16)
        fill(held, HOG)
        waiters = [held.waiter(HOG) for _ in range(CLIENT_WAITING)]
        with pytest.raises(Crowded):
            held.waiter(HOG)
        fill(held, SIBLING)
        waiters += [held.waiter(SIBLING) for _ in range(TENANT_WAITING - CLIENT_WAITING)]
        with pytest.raises(NoPlace):
            held.waiter(Sender("org_1", "app_9"))
        for number, waiter in enumerate(waiters):
            with pytest.raises(NoPlace):
                await held.wait(HOG if number < CLIENT_WAITING else SIBLING, waiter)
        assert held.waiting == 0

    asyncio.run(story())


def test_whose_client_leaves_waits_no_longer() -> None:
    async def story() -> None:
        held = Places(1)
        [place] = fill(held, HOG)
        waiter = held.waiter(OTHER)
        waiter.client_gone()
        with pytest.raises(ClientGone):
            await held.wait(OTHER, waiter)
        held.leave(place)
        held.tidy()
        assert (held.held, held.waiting, held._tenants) == (0, 0, {})

    asyncio.run(story())


MOVES = st.lists(st.tuples(st.sampled_from("tlwg"), st.integers(0, 3), st.integers(0, 3)), max_size=80)


@settings(deadline=None)
@given(st.integers(1, 12), MOVES)
def test_no_place_is_ever_lost_or_given_twice(total: int, moves: list[tuple[str, int, int]]) -> None:
    async def story() -> None:
        held = Places(total)
        mine: list[Client] = []
        tasks: list[asyncio.Task[Client]] = []

        async def wait(sender: Sender) -> Client:
            place = await held.wait(sender, held.waiter(sender))
            mine.append(place)
            return place

        for move, tenant, client in moves:
            sender = Sender(f"org_{tenant}", f"app_{client}")
            if move == "t" and (place := held.take(sender)) is not None:
                mine.append(place)
            elif move == "l" and mine:
                held.leave(mine.pop(client % len(mine)))
            elif move == "w":
                tasks.append(asyncio.create_task(wait(sender)))
            elif move == "g" and tasks and client:
                held.tidy()
            elif move == "g" and tasks:
                tasks[client % len(tasks)].cancel()
            await asyncio.sleep(0)
            assert held.held <= total
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while mine:
            held.leave(mine.pop())
        held.tidy()
        assert (held.held, held.waiting, held._tenants, len(held._queue)) == (0, 0, {}, 0)

    asyncio.run(story())


# The same through the gateway


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


def test_280_waiting_calls_of_one_tenant_move_nobody_elses(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other tenant's calls never wait for a place, are answered before any of the 280, and cost the gateway no more than without them.

    Slices with and without the 280 alternate, and the cheapest of each kind are compared.
    """
    gateway = world.start(rate_limit_read="off")
    greedy, other = world.issuer.token(), world.issuer.token(client_id="app_2", tenant_id="org_2")
    held = gateway.gateway.upstreams["epcr"].places
    waits: list[str] = []
    wait = held.waiter
    monkeypatch.setattr(held, "waiter", lambda sender: waits.append(sender.tenant) or wait(sender))
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
    """280 calls that the service answers afterwards; those without a place are refused at once."""
    release = hold(world, "/api/v1/epcr/never")
    places = gateway.gateway.upstreams["epcr"].places
    with ExitStack() as doors:
        waiting = [doors.enter_context(gateway.door()) for _ in range(280)]
        for door in waiting:
            door.send(get(token, "/api/v1/epcr/never"))
        # All have arrived: each has a place or an answer.
        wait_for(lambda: places.held + sum(door.answers() for door in waiting) == len(waiting))
        yield
        refused = [door for door in waiting if door.answers()]
        assert 50 < len(refused) < 130
        for door in refused:
            reply = door.reply()
            assert (reply.status, reply.get("retry-after")) == (429, "1")
        release.set()
        assert {door.reply().status for door in waiting if door not in refused} == {200}
    wait_for(lambda: places.held == 0)


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
        before = upstream.places.held
        doors.enter_context(gateway.door()).send(ask("192.0.2.2"))
        wait_for(lambda: upstream.places.held == before + 1)
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
        wait_for(lambda: gateway.gateway.upstreams["epcr"].places.held >= 4)
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
