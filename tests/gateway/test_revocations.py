"""Revocations as a gateway follows them: by differences, bounded for the tenant that revokes too much, and trusted for a limited time."""

import asyncio
import time
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY

from gateway.app import Gateway
from gateway.issuer import REVOCATIONS_SECONDS
from gateway.ops import create_ops
from gateway.revocations import Revocations
from shared.web.revocations import TOTAL_MARKS, Answer, Watermark
from tests.gateway.conftest import World
from tests.gateway.origin import Seen
from tests.support.waiting import wait_for

# The number of revocations if every logout is kept for a month.
MANY = 79_200


def sample(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


def test_a_month_of_logouts_is_no_reason_to_refuse_tokens(world: World) -> None:
    for number in range(MANY):
        world.issuer.revoke("grant", f"gnt_{number:026d}", tenant=f"org_{number % 100}")
    with world.start().door() as door:
        assert door.request("GET", "/api/v1/devices", token=world.issuer.token()).status == 200


def test_a_long_list_may_take_longer_than_other_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.fetch.TIMEOUT", 0.2)
    answers = world.issuer.origin.answers["/internal/revocations"]

    async def slowly(seen: Seen, reader: Any, writer: Any) -> bool:
        await asyncio.sleep(0.5)
        return await answers(seen, reader, writer)

    world.issuer.origin.answers["/internal/revocations"] = slowly
    assert REVOCATIONS_SECONDS > 2
    world.start()


def test_only_what_changed_is_asked_for_and_an_idle_gateway_hardly_asks(world: World) -> None:
    gateway = world.start()
    time.sleep(1)
    assert len(world.issuer.asked) <= 3
    world.issuer.revoke("client", "app_9", client="app_9")
    wait_for(lambda: gateway.gateway.revocations.version)
    wait_for(lambda: "after=2&" in world.issuer.asked[-1])
    assert len(world.issuer.asked) <= 4


def test_how_much_is_held_is_measured(world: World) -> None:
    gateway = world.start()
    for number in range(3):
        world.issuer.revoke("grant", f"gnt_{number}")
    wait_for(lambda: gateway.gateway.revocations.marks.count == 3)
    assert sample("gateway_revocations_listed") == 3
    assert sample("gateway_revocations_filled_ratio") == pytest.approx(3 / TOTAL_MARKS)


def test_an_answer_counts_from_when_it_was_asked_for() -> None:
    now = 1000.0

    async def slow(after: int, wait: float) -> Answer:
        nonlocal now
        now += 8
        return Answer([], 5)

    known = Revocations(slow, 10, clock=lambda: now)
    asyncio.run(known.poll())
    now += 3
    assert not known.usable


def test_a_gateway_is_not_ready_while_revocations_are_older_than_it_may_use(world: World) -> None:
    gateway = Gateway(world.settings(revocation_max_staleness=10))
    now, broken = 1000.0, False

    async def fetch(after: int, wait: float) -> Answer:
        if broken:
            raise ConnectionError
        return Answer([Watermark("client", "app_1", 1, 2, "org_1")], 5)

    gateway.revocations = Revocations(fetch, gateway.settings.revocation_max_staleness, clock=lambda: now)

    async def look() -> tuple[int, bool]:
        transport = httpx2.ASGITransport(create_ops(gateway, lambda: True))
        async with httpx2.AsyncClient(transport=transport, base_url="http://ops.test") as ops:
            answer = await ops.get("/readyz")
        return answer.status_code, answer.json()["checks"]["revocations"]

    assert asyncio.run(look()) == (503, False)
    asyncio.run(gateway.revocations.poll())
    assert asyncio.run(look())[1]
    broken = True
    now += 9
    asyncio.run(gateway.revocations.poll())
    assert asyncio.run(look())[1]
    now += 2
    assert asyncio.run(look()) == (503, False)
