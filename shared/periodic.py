"""Work that recurs: run by the relay process, each job under an advisory lock so that several relays may stand side by side."""

import logging
import threading
import time
from collections.abc import Callable
from typing import LiteralString, NamedTuple

import psycopg
from psycopg_pool import ConnectionPool

from shared import logs, tracing
from shared.database import Connection

LOCK: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtext('periodic'), hashtext(%s))"
PORTION = 1000
log = logging.getLogger(__name__)


class Periodic(NamedTuple):
    """A job, in one worker-role transaction of its own, at most once in `every_seconds` per relay and never twice at a time.

    That holds until it commits by itself, as `in_portions` does. Jobs of one lane wait for each other, never for those of another.
    """

    name: str
    every_seconds: float
    run: Callable[[Connection], object]
    lane: str = ""


def in_portions(conn: Connection, statement: LiteralString, *parameters: object, seconds: float) -> int:
    """Deletes by `statement`, whose last parameter is how many at most, until none is left or the time is used. Returns how many.

    Each portion is a transaction of its own and far from the statement time-out. Another relay may be at it too: the statement
    skips what is locked.
    """
    until, deleted, portion = time.monotonic() + seconds, 0, PORTION
    while portion == PORTION and time.monotonic() < until:
        portion = conn.execute(statement, (*parameters, PORTION)).rowcount
        conn.commit()
        deleted += portion
    return deleted


class PeriodicRunner:
    """Runs the jobs until `stopping` is set: a thread for each lane, which holds a connection while one of its jobs works."""

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

    def run(self) -> None:
        while not self.stopping.is_set():
            for job, at in self.due.items():
                if at <= time.monotonic():
                    self.due[job] = time.monotonic() + job.every_seconds
                    self._run(job)
            self.stopping.wait(max(0.0, min(self.due.values()) - time.monotonic()))

    def _run(self, job: Periodic) -> None:
        with tracing.unsampled():
            try:
                with self.pool.connection() as conn:
                    conn.forget_after_commit()
                    if conn.execute(LOCK, (job.name,)).fetchone() == (True,):
                        job.run(conn)
                    conn.commit()
                    conn.run_after_commit()
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
                log.warning("periodic job %s waits: %s", job.name, type(error).__name__)
            except Exception as error:  # one job's bug must not stop the others
                log.error("periodic job %s failed: %s", job.name, logs.describe(error))
