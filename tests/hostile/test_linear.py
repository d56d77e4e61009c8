"""Every parser of `entries.py` takes at most linear time for its worst known inputs."""

import gc
import json
import time
from collections.abc import Iterator
from functools import cache

import pytest

from shared.web import strict_json
from tests.hostile.entries import ENTRIES, KIB, MIB, Entry
from tests.hostile.measuring import FLOOR, RUNS, grows_faster_than_linearly, seconds
from tests.hostile.shapes import Shape

pytestmark = pytest.mark.full


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """The garbage collector passes over the objects of other tests, as it passes over imported ones in a web process."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


CASES = [pytest.param(entry, id=entry.name) for entry in ENTRIES]
READING = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 97.5, "unit_code": "%", "observed_at": "2026-01-01T00:00:00Z"}


@cache
def harmless(size: int) -> bytes:
    """A body like those of devices, of about that size."""
    one = READING | {"note": "x" * 200}
    return json.dumps([one] * (size // len(json.dumps(one)))).encode()


def growth(entry: Entry, shape: Shape) -> str:
    def at(size: int, runs: int) -> float:
        return seconds(entry.read, shape(size), entry.refusals, runs)

    return grows_faster_than_linearly(at, entry.limit)


@pytest.mark.parametrize("entry", CASES)
def test_twice_the_bytes_cost_no_more_than_twice_the_time(entry: Entry) -> None:
    grown = {name: reason for name, shape in entry.shapes.items() if (reason := growth(entry, shape))}
    assert not grown


def excess(entry: Entry, body: bytes, unit: bytes) -> str:
    """The cost if it is too high, otherwise "".

    Both bodies are measured together, up to four times, because a busy machine slows runs; the shortest times count.
    """
    reason = ""
    worst = usual = float("inf")
    for runs in (1, RUNS, RUNS, RUNS):
        worst = min(worst, seconds(entry.read, body, entry.refusals, runs))
        usual = min(usual, seconds(strict_json.parse, unit, (), runs) if worst > FLOOR else FLOOR)
        if worst < FLOOR or worst <= usual * entry.most:
            return ""
        reason = f"{worst * 1e3:.1f} ms, {worst / usual:.1f} times {usual * 1e3:.1f} ms"
    return reason


@pytest.mark.parametrize("entry", CASES)
def test_the_worst_body_costs_a_few_times_what_a_harmless_one_does(entry: Entry) -> None:
    unit = harmless(min(max(entry.limit, 64 * KIB), MIB))
    dear = {name: reason for name, shape in entry.shapes.items() if (reason := excess(entry, shape(entry.limit), unit))}
    assert not dear


def test_a_quadratic_parser_is_found() -> None:
    def quadratic(body: bytes) -> None:
        began = time.thread_time()
        while time.thread_time() - began < 1e-10 * len(body) ** 2:
            pass

    assert grows_faster_than_linearly(lambda size, runs: seconds(quadratic, b"x" * size, (), runs), 32 * KIB)
