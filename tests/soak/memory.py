"""Measures the memory of each process of a stack over time, and decides whether it grows."""

import itertools
import statistics
import time
from collections import defaultdict
from contextlib import suppress
from typing import NamedTuple

import psutil

from tests.support.stack import Stack

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
