"""A crowd of requests from one sender begins few exchanges at a time, so that a service's event loop has room for others between them."""

import asyncio
import threading
import time
from contextlib import ExitStack

import pytest

from gateway import pace
from gateway.connection import ClientGone
from gateway.pace import YOUNG, Begun, Pace, end
from gateway.places import ANONYMOUS, Sender
from tests.gateway.conftest import World
from tests.gateway.origin import Seen, response
from tests.support.waiting import PATIENCE, wait_for

CROWD = Sender("org_1", "app_1")
SIBLING = Sender("org_1", "app_2")
OTHER = Sender("org_2", "app_3")
MANY = 150


def fill(lines: Pace, sender: Sender) -> list[Begun]:
    begun: list[Begun] = []
    while (one := lines.begin(sender)) is not None:
        begun.append(one)
    return begun


def test_a_tenant_begins_so_many_and_another_as_many() -> None:
    async def story() -> None:
        lines = Pace()
        assert len(fill(lines, CROWD)) == YOUNG
        assert fill(lines, SIBLING) == []
        assert len(fill(lines, OTHER)) == YOUNG

    asyncio.run(story())


def test_each_address_without_a_token_has_a_line_of_its_own() -> None:
    async def story() -> None:
        lines = Pace()
        assert len(fill(lines, Sender(ANONYMOUS, "198.51.100.1"))) == YOUNG
        assert len(fill(lines, Sender(ANONYMOUS, "198.51.100.2"))) == YOUNG

    asyncio.run(story())


def test_who_waits_begins_in_turn_once_one_is_answered() -> None:
    async def story() -> None:
        lines = Pace()
        begun = fill(lines, CROWD)
        order: list[int] = []

        async def ask(number: int) -> None:
            one = await lines.wait(CROWD, lines.waiter(CROWD))
            order.append(number)
            await asyncio.sleep(0)
            end(one)

        waiting = [asyncio.create_task(ask(number)) for number in range(50)]
        await asyncio.sleep(0)
        assert lines.waiting == 50
        end(begun[0])
        await asyncio.gather(*waiting)
        assert order == list(range(50))
        for one in begun[1:]:
            end(one)
        lines.tidy()
        assert lines._lines == {}

    asyncio.run(story())


def test_slow_exchanges_hold_up_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "YOUNG_SECONDS", 0.01)

    async def story() -> None:
        lines = Pace()
        slow = fill(lines, CROWD)
        begun = await asyncio.gather(*(lines.wait(CROWD, lines.waiter(CROWD)) for _ in range(3 * YOUNG)))
        assert not any(one.young for one in slow)
        for one in [*slow, *begun]:
            end(one)
        assert len(fill(lines, CROWD)) == YOUNG

    asyncio.run(asyncio.wait_for(story(), PATIENCE))


@pytest.mark.parametrize("gone", [True, False])
def test_who_leaves_the_line_takes_no_turn(gone: bool) -> None:
    async def story() -> None:
        lines = Pace()
        begun = fill(lines, CROWD)
        leaving, turned, staying = (lines.waiter(CROWD) for _ in range(3))
        tasks = [asyncio.create_task(lines.wait(CROWD, waiter)) for waiter in (leaving, turned, staying)]
        await asyncio.sleep(0)
        if gone:
            leaving.client_gone()
        else:
            tasks[0].cancel()
        with pytest.raises(ClientGone if gone else asyncio.CancelledError):
            await tasks[0]
        end(begun[0])
        tasks[1].cancel()  # just when its turn has come
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        await tasks[2]
        assert lines.waiting == 0

    asyncio.run(asyncio.wait_for(story(), PATIENCE))


def test_anothers_call_waits_at_the_service_for_a_few_of_a_crowd(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service answers in order of arrival and each answer blocks its loop; the first waits until the other call is sent."""
    monkeypatch.setattr(pace, "YOUNG_SECONDS", 3600)
    sent = threading.Event()

    def answer(_: Seen) -> bytes:
        sent.wait(PATIENCE)
        time.sleep(0.002)
        return response(200)

    world.service.answers["/api/v1/epcr/x"] = answer
    gateway = world.start(rate_limit_read="off")
    crowd, other = world.issuer.token(), world.issuer.token(client_id="app_2", tenant_id="org_2")
    with ExitStack() as doors:
        ours = doors.enter_context(gateway.door())
        assert ours.request("GET", "/api/v1/epcr/y", token=other).status == 200
        for door in [doors.enter_context(gateway.door()) for _ in range(MANY)]:
            door.send(
                f"GET /api/v1/epcr/x HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {crowd}\r\n\r\n".encode()
            )
        wait_for(lambda: any(seen.path == "/api/v1/epcr/x" for seen in world.service.seen))
        threading.Timer(0.1, sent.set).start()
        assert ours.request("GET", "/api/v1/epcr/y", token=other).status == 200
        wait_for(lambda: sum(seen.path == "/api/v1/epcr/x" for seen in world.service.seen) == MANY)
    arrived = [seen.path for seen in world.service.seen]
    assert arrived.index("/api/v1/epcr/y", 1) < MANY / 2
