"""A process whose event loop no longer turns, or whose work never ends, says so, or nothing would restart it."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from deploy.local.databases import Database
from shared.messaging.messages import Received
from shared.process import liveness
from shared.storage.database import Connection, open_tasks_pool
from shared.storage.jobs import Periodic, PeriodicRunner
from tests.shared.support import consuming, link, publish, relay_of, running
from tests.support.waiting import PATIENCE, wait_for

SHORT = 0.2


class Hanging:
    """Work that lasts until it may end."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def wait(self, *_: object) -> int:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        return 0

    def shows(self) -> None:
        """The process is stuck from `SHORT` seconds after the beginning to the end, and alive again after it."""
        assert self.begun.wait(PATIENCE)
        wait_for(lambda: not liveness.is_alive())
        self.may_end.set()
        wait_for(liveness.is_alive)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(liveness, "WORK_SECONDS", SHORT)
    one = Hanging()
    yield one
    one.may_end.set()


def test_a_process_is_alive_while_its_event_loop_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "ANSWER_SECONDS", 0.3)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    liveness.watch(loop)
    blocked, free = threading.Event(), threading.Event()
    try:
        assert liveness.is_alive()

        def block() -> None:
            blocked.set()
            free.wait()

        loop.call_soon_threadsafe(block)
        blocked.wait()
        began = time.monotonic()
        assert not liveness.is_alive()
        assert time.monotonic() - began >= 0.3
        free.set()
        assert liveness.is_alive()
    finally:
        free.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert liveness.is_alive(), "a closed loop belongs to a process that ends"


def test_a_job_that_never_ends_leaves_its_process_stuck(hanging: Hanging, producer: Database) -> None:
    stopping = threading.Event()
    with open_tasks_pool(producer.worker, max_size=2) as pool:
        hangs = Periodic("hangs", 60.0, hanging.wait, lane="alone")
        runner = PeriodicRunner(pool, [hangs, Periodic("works", 60.0, lambda conn: 0)], stopping)
        runner.start()
        hanging.shows()
        stopping.set()
        runner.join(PATIENCE)
    assert liveness.is_alive(), "a lane that waits for its next job is not stuck"


def test_a_job_that_may_hang_leaves_its_process_alive(hanging: Hanging, producer: Database) -> None:
    """As that of an anchor file on another machine: its lane alone waits for it."""
    stopping = threading.Event()
    with open_tasks_pool(producer.worker, max_size=1) as pool:
        runner = PeriodicRunner(pool, [Periodic("hangs", 60.0, hanging.wait, may_hang=True)], stopping)
        runner.start()
        assert hanging.begun.wait(PATIENCE)
        time.sleep(2 * SHORT)
        assert liveness.is_alive()
        hanging.may_end.set()
        stopping.set()
        runner.join(PATIENCE)


def test_a_relay_whose_turn_never_ends_is_stuck(
    hanging: Hanging, producer: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = relay_of(producer, redis_url)
    monkeypatch.setattr(relay, "send_due", hanging.wait)
    with running(relay):
        hanging.shows()


def test_a_worker_whose_task_never_ends_is_stuck(
    hanging: Hanging, producer: Database, consumer: Database, redis_url: str
) -> None:
    def hang(conn: Connection, received: Sequence[Received[Any]]) -> None:
        hanging.wait()

    publish(producer, link())
    with running(relay_of(producer, redis_url)), consuming("device_ingest", consumer, redis_url, hang):
        hanging.shows()
