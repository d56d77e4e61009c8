"""Waits for a condition, which is the only way for a test to wait. No limit here decides how fast the product is."""

import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
PATIENCE = 90.0
"""Seconds after which a condition fails: nothing that works takes so long, on however busy a machine."""
CALLS = 5
TIMES = 10


def wait_for(condition: Callable[[], T | None], seconds: float = PATIENCE, what: str = "") -> T:
    """Calls `condition` until its result is true, and returns that. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.03)
    raise AssertionError(f"waited {seconds:g} s in vain for {what or getattr(condition, '__name__', 'a condition')}")


def ended(child: "subprocess.Popen[Any]", seconds: float = PATIENCE) -> int:
    """The exit code of a child that was asked to end. One that does not end is killed, and fails the test."""
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise


def joined(thread: threading.Thread, seconds: float = PATIENCE) -> None:
    """Waits for the end of a thread, and fails if it does not end."""
    thread.join(seconds)
    assert not thread.is_alive(), f"{thread.name} has not ended after {seconds:g} s"


class Control:
    """How slow the machine is while a test judges a promise in seconds: the slowest of some calls of the same kind that promise nothing."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._slowest = 0.0
        self._measure()

    def allows(self, promised: float) -> float:
        """The seconds that are kept if `promised` ones would be kept on a quiet machine. Measures once more."""
        self._measure()
        return promised + TIMES * self._slowest

    def _measure(self) -> None:
        for _ in range(CALLS):
            began = time.perf_counter()
            self._call()
            self._slowest = max(self._slowest, time.perf_counter() - began)
