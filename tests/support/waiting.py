"""Waiting for a condition: the only way a test may let time pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], seconds: float = 30, what: str = "") -> T:
    """The first truthy result of `condition`, asked again and again. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.03)
    raise AssertionError(f"waited {seconds:g} s in vain for {what or getattr(condition, '__name__', 'a condition')}")
