"""Waits for a condition, which is the only way for a test to wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], seconds: float = 30, what: str = "") -> T:
    """Calls `condition` until its result is true, and returns that. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.03)
    raise AssertionError(f"waited {seconds:g} s in vain for {what or getattr(condition, '__name__', 'a condition')}")
