"""Sends the traffic, as fast as answers arrive or at a given rate, and stores every latency."""

import asyncio
import random
import time
from collections import defaultdict
from typing import Any

import aiohttp
import msgspec

from tests.soak.asking import KINDS, Ask, next_kind
from tests.soak.integration import Integration

CONNECTIONS = 100
PATIENCE = 60
SHOWN = 20
decode = msgspec.json.decode


class Traffic:
    """Latencies in seconds by kind. At a given rate they count from the time a request was due, so that a stall adds to all that wait."""

    def __init__(self, integration: Integration, session: aiohttp.ClientSession) -> None:
        self.integration = integration
        self.session = session
        stack = integration.stack
        self.hosts = {name: f"{host}:{stack.port}" for name, host in stack.described["hosts"].items()}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.failures: list[str] = []
        self.failed = 0
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def answered(self) -> int:
        return sum(map(len, self.seconds.values()))

    def forget(self) -> None:
        """Deletes the latencies; keeps the failures."""
        self.seconds = defaultdict(list)
        self.most_in_flight = 0

    async def as_fast_as_answered(self, clients: int, enough: asyncio.Event) -> None:
        async def client() -> None:
            while not enough.is_set():
                await self._one(next_kind(), time.perf_counter())

        await asyncio.gather(*(client() for _ in range(clients)))

    async def at(self, rate: float, enough: asyncio.Event) -> None:
        """Sends requests at random times, `rate` in a second on average, even if answers are slow."""
        due = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            while not enough.is_set():
                due += random.expovariate(rate)
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                tasks.create_task(self._one(next_kind(), due))

    async def _one(self, kind: str, due: float) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        ask = KINDS[kind][1](self.integration)
        try:
            await self._send(ask)
            self.seconds[kind].append(time.perf_counter() - due)
        except (aiohttp.ClientError, OSError, AssertionError) as error:
            self.failed += 1
            self.failures = [*self.failures, f"{kind}: {ask.method} {ask.path}: {error!r}"][:SHOWN]
        finally:
            self.in_flight -= 1

    async def _send(self, ask: Ask) -> None:
        headers = {"Host": self.hosts[ask.host], **ask.headers}
        if ask.token:
            headers["Authorization"] = f"Bearer {ask.token}"
        async with self.session.request(ask.method, ask.path, json=ask.body, data=ask.form, headers=headers) as answer:
            text = await answer.read()
        right = answer.status == ask.status if ask.status else answer.status in (200, 201)
        assert right, f"{answer.status} {text[:300]!r}"
        assert ask.path != "/graphql" or b'"errors"' not in text, text[:300]
        if ask.then is not None:
            ask.then(decode(text))


def session(stack_url: str) -> aiohttp.ClientSession:
    """A session that does not retry, so that the test sees every failed request."""
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    options: Any = {"base_url": stack_url, "connector": connector, "timeout": aiohttp.ClientTimeout(PATIENCE)}
    made = aiohttp.ClientSession(**options)
    made._retry_connection = False
    return made


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
