"""The work that holds clients and services to their deadlines goes on after an error, such as a full disk of logs."""

import asyncio
import logging
import os

import pytest

from gateway import background
from gateway.account import FLUSH_LINES, Account


def test_lines_that_nobody_takes_are_lost_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        account = Account(writer)
        for _ in range(FLUSH_LINES + 1):
            account.write({"message": "one"})
        account.flush()
    finally:
        os.close(writer)


def test_work_goes_on_after_an_error_and_logs_the_first_of_a_row(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []

    async def job() -> None:
        calls.append(len(calls))
        if calls[-1] in (1, 2, 4):
            raise OSError

    async def run() -> None:
        working = asyncio.create_task(background._every(0.001, job))
        while len(calls) < 7:  # noqa: ASYNC110 the job has no event for it
            await asyncio.sleep(0.001)
        working.cancel()

    caplog.set_level(logging.ERROR)
    asyncio.run(run())
    assert [record.message for record in caplog.records] == ["background work failed, and is tried again"] * 2
