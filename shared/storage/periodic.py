"""Periodic jobs of the relay process. Each job runs under an advisory lock, so several relays may run at the same time."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import LiteralString, NamedTuple, TypeVar

import psycopg
from prometheus_client import Gauge
from psycopg_pool import ConnectionPool

from shared.process import logs, metrics, tracing
from shared.storage.database import Connection
from shared.storage.outages import is_outage

LOCK: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtext('periodic'), hashtext(%s))"
# A job that failed is tried again after its interval, or this.
AGAIN_SECONDS = 60.0
log = logging.getLogger(__name__)
Item = TypeVar("Item")


class Periodic(NamedTuple):
    """A job that runs in its own transaction of the worker role, at most once in `every_seconds` per relay and never twice at a time.

    The lock ends when the job commits by itself, as `retention.forget` does. Jobs wait only for jobs of the same lane. `behind` is the
    gauge that shows how old the oldest work is that waits for the job, or the reason why none waits after a run.
    """

    name: str
    every_seconds: float
    run: Callable[[Connection], object]
    lane: str = ""
    behind: Gauge | str = ""


def apart(
    conn: Connection, items: Sequence[Item], work: Callable[[Sequence[Item]], object], aside: Callable[[Item], object]
) -> None:
    """Does `work` for all items at once; after an error that is no outage for each alone, and `aside` for each that fails.

    A row that no statement or no code can take would otherwise end every later pass, and stop all that wait behind it.
    """
    try:
        with conn.transaction():
            work(items)
        return
    except Exception as error:  # any error of one item must not stop the others
        if is_outage(error):
            raise
    for item in items:
        try:
            with conn.transaction():
                work([item])
        except Exception as error:
            if is_outage(error):
                raise
            log.error("set aside: %s", logs.describe(error))
            aside(item)


class PeriodicRunner:
    """Runs the jobs until `stopping` is set, with one thread for each lane; a lane uses a connection only while a job runs."""

    def __init__(self, pool: ConnectionPool[Connection], jobs: list[Periodic], stopping: threading.Event) -> None:
        lanes = {job.lane: [each for each in jobs if each.lane == job.lane] for job in jobs}
        self.lanes = [Lane(pool, of_lane, stopping) for of_lane in lanes.values()]

    def start(self) -> None:
        for lane in self.lanes:
            lane.start()

    def join(self, timeout: float | None = None) -> None:
        """Waits for each lane, at most `timeout` seconds in all."""
        until = None if timeout is None else time.monotonic() + timeout
        for lane in self.lanes:
            lane.join(None if until is None else max(0.0, until - time.monotonic()))

    def is_alive(self) -> bool:
        return any(lane.is_alive() for lane in self.lanes)


class Lane(threading.Thread):
    def __init__(self, pool: ConnectionPool[Connection], jobs: list[Periodic], stopping: threading.Event) -> None:
        super().__init__(name=f"periodic {jobs[0].lane}".strip(), daemon=True)
        self.pool = pool
        self.stopping = stopping
        self.due = dict.fromkeys(jobs, time.monotonic())
        # When each job had to be done: from then on it is late, also while it runs or hangs.
        self.expected = dict(self.due)
        for job in jobs:
            metrics.periodic_late.labels(job.name).set_function(partial(self._late, job))

    def _late(self, job: Periodic) -> float:
        return max(0.0, time.monotonic() - self.expected[job])

    def run(self) -> None:
        while not self.stopping.is_set():
            for job, at in self.due.items():
                if at <= time.monotonic():
                    began = time.monotonic()
                    if self._run(job):
                        self.due[job] = self.expected[job] = began + job.every_seconds
                    else:
                        self.due[job] = began + min(job.every_seconds, AGAIN_SECONDS)
            self.stopping.wait(max(0.0, min(self.due.values()) - time.monotonic()))

    def _run(self, job: Periodic) -> bool:
        """Whether the job is done, here or by another relay."""
        with tracing.unsampled():
            try:
                with self.pool.connection() as conn:
                    conn.forget_after_commit()
                    if conn.execute(LOCK, (job.name,)).fetchone() == (True,):
                        job.run(conn)
                    conn.commit()
                    conn.run_after_commit()
                return True
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
                log.warning("periodic job %s waits: %s", job.name, type(error).__name__)
            except Exception as error:  # one job's bug must not stop the others
                log.error("periodic job %s failed: %s", job.name, logs.describe(error))
            return False
