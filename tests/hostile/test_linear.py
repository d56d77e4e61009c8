"""Every parser of `entries.py` takes at most linear time for its worst known inputs."""

import json
import time
from functools import cache

import pytest

from shared import strict_json
from tests.hostile.entries import ENTRIES, KIB, MIB, Entry
from tests.hostile.measuring import FLOOR, ROUNDS, grows_faster_than_linearly, seconds
from tests.hostile.shapes import Shape

CASES = [pytest.param(entry, id=entry.name) for entry in ENTRIES]
READING = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 97.5, "unit_code": "%", "observed_at": "2026-01-01T00:00:00Z"}


@cache
def harmless(size: int) -> bytes:
    """A body like those of devices, of about that size."""
    one = READING | {"note": "x" * 200}
    return json.dumps([one] * (size // len(json.dumps(one)))).encode()


def growth(entry: Entry, shape: Shape) -> str:
    return grows_faster_than_linearly(lambda size: seconds(entry.read, shape(size), entry.refusals), entry.limit)


@pytest.mark.parametrize("entry", CASES)
def test_twice_the_bytes_cost_no_more_than_twice_the_time(entry: Entry) -> None:
    grown = {name: reason for name, shape in entry.shapes.items() if (reason := growth(entry, shape))}
    assert not grown


def excess(entry: Entry, body: bytes, unit: bytes) -> str:
    """The cost if it is too high, otherwise "". Both bodies are measured in turn; a busy machine slows runs, so the shortest count."""
    worst = usual = float("inf")
    for _ in range(ROUNDS):
        worst = min(worst, seconds(entry.read, body, entry.refusals))
        usual = min(usual, seconds(strict_json.parse, unit, ()))
        if worst < FLOOR or worst <= usual * entry.most:
            return ""
    return f"{worst * 1e3:.1f} ms, {worst / usual:.1f} times {usual * 1e3:.1f} ms"


@pytest.mark.parametrize("entry", CASES)
def test_the_worst_body_costs_a_few_times_what_a_harmless_one_does(entry: Entry) -> None:
    unit = harmless(min(max(entry.limit, 64 * KIB), MIB))
    dear = {name: reason for name, shape in entry.shapes.items() if (reason := excess(entry, shape(entry.limit), unit))}
    assert not dear


def test_a_quadratic_parser_is_found() -> None:
    def quadratic(body: bytes) -> None:
        began = time.process_time()
        while time.process_time() - began < 1e-10 * len(body) ** 2:
            pass

    assert grows_faster_than_linearly(lambda size: seconds(quadratic, b"x" * size, ()), 64 * KIB)
