"""TLS contexts with client certificates are made once, kept while they are used, and bounded however many webhooks have one."""

import asyncio
import ssl
import time
import weakref
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.webhook_dispatcher.sending import contexts
from services.webhook_dispatcher.sending.access import Identity
from services.webhook_dispatcher.sending.client import Client
from services.webhook_dispatcher.sending.contexts import MOST_CONTEXTS, Certificate, Contexts, UnusableCertificate
from tests.support.receiver import Receiver
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.test_client import LOCAL, Names


class Made:
    """Counts the contexts that are made, those that are evicted and those that live."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.number = self.evicted = 0
        self.living: weakref.WeakSet[ssl.SSLContext] = weakref.WeakSet()
        self.load: Callable[[], None] = lambda: None
        monkeypatch.setattr(contexts, "load", lambda context, identity: self.load())

    def make(self) -> ssl.SSLContext:
        self.number += 1
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.living.add(context)
        return context

    def forget(self, context: ssl.SSLContext) -> None:
        self.evicted += 1

    def contexts(self) -> Contexts:
        return Contexts(self.make, self.forget)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def certificate(number: int, tenant_id: str = "org_1") -> Certificate:
    return Certificate(tenant_id, f"{tenant_id} {number}".encode(), lambda: Identity("", ""))


def run(test: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(30):
            await test

    asyncio.run(within())


async def use(some: Contexts, one: Certificate) -> ssl.SSLContext:
    async with some.lend(one) as context:
        await asyncio.sleep(0)
        return context


def test_deliveries_with_one_certificate_wait_for_one_context(made: Made) -> None:
    async def test() -> None:
        some = made.contexts()
        first = asyncio.create_task(use(some, certificate(1)))
        await asyncio.sleep(0)
        others = [asyncio.create_task(use(some, certificate(1))) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        assert len({*await asyncio.gather(*others)}) == made.number == 1

    run(test())


def test_the_webhooks_of_many_tenants_find_their_contexts_again(made: Made) -> None:
    async def test() -> None:
        some = made.contexts()
        for _ in range(3):
            for number in range(MOST_CONTEXTS):
                await use(some, certificate(number))
        assert (made.number, made.evicted) == (MOST_CONTEXTS, 0)
        await use(some, certificate(MOST_CONTEXTS))
        await use(some, certificate(1))
        assert (made.number, made.evicted, len(made.living)) == (MOST_CONTEXTS + 1, 1, MOST_CONTEXTS)

    run(test())


def test_those_in_use_are_bounded_and_a_tenant_leaves_as_many_to_others(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "MOST_CONTEXTS", 8)

    async def test() -> None:
        some, ends = made.contexts(), asyncio.Event()

        async def hang(one: Certificate) -> None:
            async with some.lend(one):
                await ends.wait()

        greedy = [asyncio.create_task(hang(certificate(number))) for number in range(50)]
        await asyncio.to_thread(wait_for, lambda: made.number == 4)
        await asyncio.sleep(0.2)
        assert made.number == 4
        async with some.lend(certificate(0)), AsyncExitStack() as stack:  # it is in use anyway
            for number in range(2):
                await stack.enter_async_context(some.lend(certificate(number, "org_2")))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await use(some, certificate(2, "org_2"))
            await use(some, certificate(1, "org_3"))
            for _ in range(20):
                assert len(made.living) <= 8 + contexts.MADE_AT_ONCE
                await use(some, certificate(_, "org_3"))
        ends.set()
        await asyncio.gather(*greedy)
        assert made.number >= 50
        await asyncio.to_thread(wait_for, lambda: len(made.living) <= 8)

    run(test())


def test_deliveries_that_share_a_certificate_leave_the_room_that_they_do_not_need_to_the_next(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four places, of which all are free at once; three deliveries of each certificate wait, next to each other."""
    monkeypatch.setattr(contexts, "MOST_CONTEXTS", 8)

    async def test() -> None:
        some, first, second, begun = made.contexts(), asyncio.Event(), asyncio.Event(), set[int]()

        async def hang(number: int, ends: asyncio.Event) -> None:
            async with some.lend(certificate(number)):
                begun.add(number)
                await ends.wait()

        before = [asyncio.create_task(hang(number, first)) for number in range(4)]
        await asyncio.to_thread(wait_for, lambda: made.number == 4)
        waiting = [asyncio.create_task(hang(4 + number // 3, second)) for number in range(12)]
        await asyncio.sleep(0)
        first.set()
        await asyncio.gather(*before)
        await asyncio.to_thread(wait_for, lambda: begun == set(range(8)))
        second.set()
        await asyncio.gather(*waiting)

    run(test())


def test_a_certificate_that_cannot_be_used_fails_each_delivery_and_is_tried_again(made: Made) -> None:
    def refuse() -> None:
        raise ssl.SSLError

    async def test() -> None:
        some, made.load = made.contexts(), refuse
        for _ in range(2):
            results = await asyncio.gather(*(use(some, certificate(1)) for _ in range(3)), return_exceptions=True)
            assert [type(result) for result in results] == [UnusableCertificate] * 3
        assert made.number == 2
        made.load = lambda: None
        await use(some, certificate(1))

    run(test())


def test_the_wait_for_a_context_ends_with_the_deadline_of_its_delivery(made: Made, receiver: Receiver) -> None:
    made.load = lambda: time.sleep(1)

    async def test() -> None:
        async with Client(LOCAL, Names([["127.0.0.1"]]), deadline=0.2) as client:
            began = time.monotonic()
            outcome, _ = await client.post(receiver.url, {}, b"{}", certificate=certificate(1))
            assert time.monotonic() - began < 1
            assert (outcome.status, outcome.timed_out) == (None, False)
            assert outcome.error == "timeout: no turn for the client certificate within 0.2 seconds"

    run(test())
    assert receiver.requests == []
