"""Threads that answer requests have short turns on a processor, and work that others must not wait for has long ones."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.table import ROOT
from shared.process import priority
from shared.web import fairness
from tests.shared.asking import request

pytestmark = pytest.mark.skipif(not priority.length_of_turns(0), reason="this kernel has no turns of chosen lengths")
SHOW = "from shared.process import priority; print(priority.length_of_turns(0))"
YIELD = "from shared.process import priority; priority.yield_to_all(1); print(priority.length_of_turns(0))"


def shown(program: str) -> int:
    return int(subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True).stdout)


def test_turns_are_those_of_one_thread_and_not_of_the_threads_and_processes_that_it_starts() -> None:
    usual = priority.length_of_turns(0)

    def test() -> tuple[int, int, int]:
        priority.take_turns_of(priority.SHORT_TURN)
        with ThreadPoolExecutor(1) as another:
            return priority.length_of_turns(0), another.submit(priority.length_of_turns, 0).result(), shown(SHOW)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(test).result() == (priority.SHORT_TURN, usual, usual)
    assert priority.length_of_turns(0) == usual


def test_a_process_that_yields_to_all_has_long_turns() -> None:
    assert shown(YIELD) == priority.LONG_TURN


def test_the_work_beside_a_loop_has_long_turns() -> None:
    async def test() -> int:
        async with fairness.turn_if_heavy(request(), heavy=True):
            return await fairness.aside(lambda: priority.length_of_turns(0))

    assert asyncio.run(asyncio.wait_for(test(), 30)) == priority.LONG_TURN
