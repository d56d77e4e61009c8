"""A Line: heavy work goes on in other processes, callers take turns, and the end of a process is the end of its work alone."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import psutil
import pytest

from shared.fairness.line import NICE, BrokenOff, Line, WorkFailed
from shared.fairness.places import Gone
from shared.web.problems import Problem
from tests.shared.works import broken, priority, refused, slowly, whose
from tests.support.waiting import wait_for


@asynccontextmanager
async def lines(processes: int = 1) -> AsyncIterator[Line]:
    line = Line(Problem, processes=processes)
    try:
        yield line
    finally:
        line.close()


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


def test_work_is_done_in_another_process_and_its_refusals_come_back() -> None:
    async def story() -> None:
        async with lines() as line:
            assert await line.make(("org_1", "app_1"), whose) != os.getpid()
            with pytest.raises(Problem) as problem:
                await line.make(("org_1", "app_1"), refused)
            assert (problem.value.status, problem.value.extra) == (409, {"encounter_id": "enc_1"})
            with pytest.raises(WorkFailed, match="ValueError in broken") as failed:
                await line.make(("org_1", "app_1"), broken)
            assert "Rossi" not in f"{failed.value}{failed.value.__cause__}{failed.value.__context__}"

    run(story)


def test_work_has_a_lower_priority_than_the_loop_that_answers_all() -> None:
    async def story() -> None:
        async with lines() as line:
            assert await line.make(("org_1", "app_1"), priority) == max(NICE, priority())

    run(story)


def test_the_work_of_one_organisation_delays_anothers_by_one_work() -> None:
    async def story() -> None:
        async with lines() as line:
            await line.make(("org_1", "app_1"), whose)
            ended: list[str] = []

            async def ask(tenant: str) -> None:
                await line.make((tenant, "app"), slowly, 0.02)
                ended.append(tenant)

            crowd = [asyncio.create_task(ask("org_1")) for _ in range(20)]
            await asyncio.sleep(0.01)
            await asyncio.gather(asyncio.create_task(ask("org_2")), *crowd)
            assert ended.index("org_2") <= 2

    run(story)


def test_a_process_that_is_killed_breaks_its_work_off_and_the_next_work_has_another() -> None:
    async def story() -> None:
        async with lines() as line:
            first = await line.make(("org_1", "app_1"), whose)
            asked = asyncio.create_task(line.make(("org_1", "app_1"), slowly, 30))
            await asyncio.sleep(0.1)
            os.kill(first, signal.SIGKILL)
            with pytest.raises(BrokenOff):
                await asked
            assert await line.make(("org_1", "app_1"), whose) != first

    run(story)


def test_work_of_a_caller_that_left_is_not_begun_and_keeps_its_place_while_it_goes_on() -> None:
    async def story() -> None:
        async with lines() as line:
            await line.make(("org_1", "app_1"), whose)
            begun = asyncio.create_task(line.make(("org_1", "app_1"), slowly, 0.3))
            await asyncio.sleep(0.05)

            async def leaves() -> None:
                await asyncio.sleep(0.01)

            with pytest.raises(Gone):
                await line.make(("org_2", "app_2"), slowly, 30, gone=leaves)
            begun.cancel()
            with suppress(asyncio.CancelledError):
                await begun
            assert line._places.taken == 1
            assert await line.make(("org_2", "app_2"), whose)
            assert line._places.taken == 0

    run(story)


def test_no_process_outlives_the_one_that_it_works_for() -> None:
    program = (
        "import asyncio, sys\n"
        "from shared.fairness.line import Line\n"
        "from tests.shared.works import whose\n"
        "async def main():\n"
        "    print(await Line(processes=1).make(('org_1', 'app_1'), whose), flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    wait_for(lambda: not psutil.pid_exists(child), what="the end of the process")
