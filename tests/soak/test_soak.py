"""`make soak`: ten minutes of mixed traffic at half of the stack's capacity; then every process is replaced under traffic.

`SOAK_SECONDS` shortens it (memory is judged from five minutes on). `SOAK_RATE` sets the requests per second, which are else measured.
"""

import asyncio
import itertools
import os
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import aiohttp
import msgspec
import psutil
import pytest
import uvloop

from deploy.local.table import ROOT
from tests.soak.asking import KINDS, Ask, next_kind
from tests.soak.integration import Heard, Integration
from tests.support.receiver import running
from tests.support.running import RunningStack
from tests.support.stack import Stack
from tests.support.waiting import wait_for

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


MIB = 1 << 20
WARM_UP = 1 / 3
"""The part of the time in which caches and pools fill and the allocator reaches its size."""
GROWTH_MIB = 2.0
GROWTH_SHARE = 0.03


class Growth(NamedTuple):
    """The growth of one process. `slope` is in MiB per hour; `grown` is the growth in MiB over the measured time."""

    first: float
    last: float
    slope: float
    grown: float

    @property
    def flat(self) -> bool:
        return self.grown <= max(GROWTH_MIB, GROWTH_SHARE * self.last)


class Memory:
    """The resident memory of the gateway, every process of every service, the supervisor and Redis. For PostgreSQL the private
    memory of its processes, because each would also count the shared buffers that it has used."""

    def __init__(self, stack: Stack) -> None:
        described = stack.described
        supervisor = psutil.Process(described["supervisor_pid"])
        pids = {"supervisor": supervisor.pid, "gateway": described["gateway_pid"]}
        for name, service in described["services"].items():
            pids |= {f"{name} {kind}": pid for kind, pid in service["pids"].items()}
        servers = {child.name(): child for child in supervisor.children() if child.pid not in pids.values()}
        self._postgres = servers.pop("postgres", None)
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()} | servers
        self.samples: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def sample(self) -> None:
        now = time.monotonic()
        for name, process in self._processes.items():
            self.samples[name].append((now, process.memory_info().rss / MIB))
        if self._postgres is not None:
            self.samples["postgres, private"].append((now, self._private(self._postgres)))

    def _private(self, postmaster: psutil.Process) -> float:
        held = 0
        for process in [postmaster, *postmaster.children()]:
            with suppress(psutil.Error):
                held += process.memory_full_info().uss
        return held / MIB

    def growths(self) -> dict[str, Growth]:
        return {name: growth(samples) for name, samples in self.samples.items()}


def growth(samples: list[tuple[float, float]]) -> Growth:
    """The growth after the warm-up: the median of the slopes of all pairs of samples (Theil and Sen), so that one peak has no effect."""
    began, ended = samples[0][0], samples[-1][0]
    judged = [sample for sample in samples if sample[0] >= began + (ended - began) * WARM_UP]
    slopes = [(b - a) / (t - s) for (s, a), (t, b) in itertools.combinations(judged, 2) if t > s]
    slope = statistics.median(slopes) if slopes else 0.0
    return Growth(judged[0][1], judged[-1][1], slope * 3600, slope * (judged[-1][0] - judged[0][0]))


SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
RATE = float(os.environ.get("SOAK_RATE", "0"))
CALIBRATION_SECONDS = min(30.0, SECONDS / 4)
LONG_ENOUGH = 300
CLIENTS = 16
EVERY_SECONDS = 5.0


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The test's own stack, which flushes to disk as in production."""
    stack = RunningStack(tmp_path_factory.mktemp("soak") / "state")
    yield stack.start()
    stack.stop()
    stack.delete()


@pytest.mark.soak
def test_half_of_capacity_for_ten_minutes_and_every_process_replaced_under_it(system: Stack) -> None:
    with running(Heard()) as receiver:
        assert isinstance(receiver, Heard)
        integration = Integration(system, receiver)
        memory = Memory(system)
        failures = uvloop.run(_soak(integration, memory))
        _everything_arrived(integration, receiver)
    growths = memory.growths()
    _report_memory(growths)
    assert failures == []
    assert integration.dead_letters() == {}
    if SECONDS >= LONG_ENOUGH:
        assert [name for name, one in growths.items() if not one.flat] == []


async def _soak(integration: Integration, memory: Memory) -> list[str]:
    """Measures the capacity, watches the memory and replaces the processes. Returns the failures."""
    async with session(integration.stack.described["gateway"]) as client:
        traffic = Traffic(integration, client)
        rate = RATE or await _half_of_capacity(traffic)
        traffic.forget()
        async with _offered(traffic, rate):
            await _watch(traffic, memory)
            _report(traffic, f"{SECONDS:.0f} s at {rate:.0f} requests a second")
            traffic.forget()
            await _replace_everything(integration.stack)
            await asyncio.sleep(EVERY_SECONDS)
        _report(traffic, "while every process was replaced")
        return traffic.failures


async def _half_of_capacity(traffic: Traffic) -> float:
    """Half of the requests per second that the stack answers when each client asks again at once, after a warm-up."""
    async with _running(lambda enough: traffic.as_fast_as_answered(CLIENTS, enough)):
        await asyncio.sleep(CALIBRATION_SECONDS / 3)
        before = traffic.answered
        await asyncio.sleep(CALIBRATION_SECONDS)
        capacity = (traffic.answered - before) / CALIBRATION_SECONDS
    _say(f"capacity: {capacity:.0f} requests a second with {CLIENTS} clients")
    return capacity / 2


async def _watch(traffic: Traffic, memory: Memory) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (elapsed := loop.time() - began) < SECONDS:
        await asyncio.to_thread(memory.sample)
        _say(
            f"{elapsed:5.0f} s  {traffic.answered:7} answered, {traffic.failed} failed, {traffic.in_flight} in flight;"
            f" gateway {memory.samples['gateway'][-1][1]:.1f} MiB"
        )
        await asyncio.sleep(min(EVERY_SECONDS, SECONDS - elapsed))


async def _replace_everything(stack: Stack) -> None:
    """`make restart`."""
    environment = os.environ | {"KNOGIN_STATE": stack.described["state"]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.local", "restart", cwd=ROOT, env=environment
    )
    assert await process.wait() == 0


@asynccontextmanager
async def _offered(traffic: Traffic, rate: float) -> AsyncIterator[None]:
    async with _running(lambda enough: traffic.at(rate, enough)):
        yield


@asynccontextmanager
async def _running(start: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    enough = asyncio.Event()
    task = asyncio.ensure_future(start(enough))
    try:
        yield
    finally:
        enough.set()
        await task


def _everything_arrived(integration: Integration, receiver: Heard) -> None:
    """No message is lost: every expected event was delivered, every observation is in the record, every outbox is empty."""
    wait_for(lambda: integration.promised <= receiver.told, 120, "every event to be delivered")
    wait_for(lambda: integration.unacknowledged() == {}, 120, "every message to be acknowledged")
    assert integration.not_at_epcr() == set()
    _say(
        f"\n{len(integration.promised)} events promised and delivered ({receiver.deliveries} deliveries),"
        f" {len(integration.readings)} readings in their records, no message unacknowledged"
    )


def _report(traffic: Traffic, title: str) -> None:
    _say(f"\n{title}: {traffic.answered} answered, {traffic.failed} failed, at most {traffic.most_in_flight} in flight")
    _say(f"{'':24}{'requests':>10}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}")
    for kind, seconds in sorted(traffic.seconds.items()):
        figures = (1000 * percentile(seconds, share) for share in (0.5, 0.99, 1))
        _say(f"{kind:24}{len(seconds):>10}" + "".join(f"{figure:>10.1f}" for figure in figures))
    for failure in traffic.failures:
        _say(f"  failed: {failure}")


def _report_memory(growths: dict[str, Growth]) -> None:
    _say(f"\nmemory; flat is to grow by no more than {GROWTH_MIB} MiB or {GROWTH_SHARE:.0%} in the time judged")
    _say(f"{'':28}{'first MiB':>10}{'last MiB':>10}{'MiB/hour':>10}{'grown':>8}")
    for name, one in growths.items():
        _say(
            f"{name:28}{one.first:>10.1f}{one.last:>10.1f}{one.slope:>10.1f}{one.grown:>8.2f}{'' if one.flat else '  GROWS'}"
        )


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 progress of a test that takes minutes


@pytest.mark.parametrize(("per_hour", "flat"), [(0, True), (10, True), (40, False)])
def test_a_leak_is_told_from_a_peak_and_from_a_warm_up(per_hour: float, flat: bool) -> None:
    samples = [(float(at), 80 + min(at, 100) / 10 + per_hour * at / 3600) for at in range(0, 600, 5)]
    samples[90] = (450.0, 300.0)
    assert growth(samples).flat is flat
    assert growth(samples).slope == pytest.approx(per_hour, abs=0.01)
