"""A process with a wrong clock writes no times, reports the fault, and continues by itself when the clock is right."""

import asyncio
import time
from collections.abc import Iterator
from importlib import import_module

import psycopg
import pytest
import time_machine
from prometheus_client import REGISTRY
from psycopg_pool import AsyncConnectionPool

from deploy.local.databases import Database
from shared.storage import database, jobs
from shared.storage.database import (
    AsyncConnection,
    ClockApart,
    clock,
    open_pool,
    open_tasks_pool,
    task_transaction,
    tenant_transaction,
)
from shared.web.identity import Caller
from tests.shared.asking import request

CALLER = Caller(tenant_id="org_1", client_id="app_1")
import_module("shared.operations")  # exports the gauge


@pytest.fixture(autouse=True)
def measured_anew() -> Iterator[None]:
    """The clock is a global of the process, so it is reset for other tests."""
    forget()
    yield
    forget()


def forget() -> None:
    clock.offset, clock._asked_at = 0.0, float("-inf")


def metric() -> float:
    return REGISTRY.get_sample_value("clock_offset_seconds") or 0.0


async def enters(pool: AsyncConnectionPool[AsyncConnection]) -> bool:
    asking = request()
    asking.scope["state"] = {"pool": pool}
    try:
        async with tenant_transaction(asking, CALLER) as conn:
            await conn.execute("SELECT 1")
    except ClockApart:
        return False
    return True


@pytest.mark.parametrize(
    ("ahead", "took", "is_apart"), [(-600, 10, True), (600, 10, True), (30, 90, False), (600, 1200, False)]
)
def test_a_slow_answer_shows_a_clock_that_is_wrong_whatever_time_it_took(
    ahead: float, took: float, is_apart: bool
) -> None:
    """On a busy machine, refusals were confirmed by a clock that was ten minutes behind."""
    clock.measured([time.time() - took / 2 - ahead], time.monotonic() - took)
    assert clock.is_apart == is_apart


@pytest.mark.parametrize("ahead", [600, -600])
def test_a_request_that_meets_a_wrong_clock_is_answered_again_later_and_the_next_right_one_served(
    producer: Database, ahead: int
) -> None:
    async def go() -> None:
        async with open_pool(producer.app) as pool:
            assert await enters(pool)
            with time_machine.travel(time.time() + ahead):
                clock._asked_at = float("-inf")  # a second later
                assert not await enters(pool)
                assert metric() == pytest.approx(ahead, abs=5)
                with pytest.raises(ClockApart):
                    await database.ping(pool)
            assert await enters(pool)
            await database.ping(pool)
            assert metric() == pytest.approx(0, abs=5)

    asyncio.run(go())
    handler = database.exception_handlers[ClockApart]
    answer = asyncio.run(handler(request(), ClockApart()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_clocks_a_few_seconds_apart_stop_nobody(producer: Database) -> None:
    async def go() -> bool:
        async with open_pool(producer.app) as pool:
            with time_machine.travel(time.time() + database.CLOCK_TOLERATED_SECONDS / 2):
                return await enters(pool)

    assert asyncio.run(go())


def test_the_database_is_asked_once_a_second_however_many_transactions_there_are(producer: Database) -> None:
    async def go() -> int:
        async with open_pool(producer.app) as pool:
            await enters(pool)
            before = clock._asked_at
            for _ in range(20):
                await enters(pool)
            return int(clock._asked_at != before)

    began = time.monotonic()
    changed = asyncio.run(go())
    assert changed == 0 or time.monotonic() - began > 1


def test_tasks_and_relays_measure_and_go_on(producer: Database) -> None:
    """They use the database's clock, or accept a difference of a quarter of an hour."""
    with open_tasks_pool(producer.worker, max_size=4) as pool, time_machine.travel(time.time() + 600):
        with task_transaction(pool) as conn:
            conn.execute("SELECT 1")
        assert metric() == pytest.approx(600, abs=5)
        forget()
        with pool.connection() as conn:
            jobs.measure_outbox(conn)
        assert metric() == pytest.approx(600, abs=5)


def test_what_is_signed_by_the_databases_time_is_right(producer: Database) -> None:
    with psycopg.connect(producer.admin) as conn, time_machine.travel(time.time() + 600):
        asked_at = clock.ask()
        clock.measured(conn.execute(database.ASK_CLOCK).fetchone(), asked_at)
        assert clock.now() == pytest.approx(time.time() - 600, abs=5)
