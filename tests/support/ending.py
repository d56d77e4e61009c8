"""A pytest plugin that ends a test that waits for ever. Each phase of a test has a limit, which holds for every wait and every call in it.

The limit judges no speed. It is far above the time of any test on a busy machine. A run that hangs shows nobody where it does.
"""

import contextlib
import faulthandler
import os
import signal
import tempfile
import threading
from collections.abc import Generator, Iterator
from types import FrameType

import psutil
import pytest

SECONDS = 900.0
"""For the setup, the call and the teardown of a test, each. A setup may start the whole stack."""
MEASURING_SECONDS = 4 * 3600.0
MEASURING = ("bench", "chaos", "compose", "contract", "fuzz", "soak")
AGAIN_SECONDS = 60.0
"""After which the test fails again, because the first failure may have been caught, or a `finally` waits too."""
TIMES = 5
"""After so many failures in vain the process ends, with its stacks on stderr. xdist names the test and goes on with the next."""

_stderr: list[int] = []


def pytest_configure() -> None:
    if not _stderr:  # nothing is captured yet
        _stderr.append(os.dup(2))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    with limited(item, "setup"):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with limited(item, "call"):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    with limited(item, "teardown"):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """An interpreter waits for each thread that is no daemon before it ends."""
    main = threading.main_thread()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not main):
        faulthandler.dump_traceback_later(_again(), exit=True, file=_stderr[0])


@contextlib.contextmanager
def limited(item: pytest.Item, phase: str) -> Iterator[None]:
    """Fails the test when its phase has lasted too long, with the stacks of all threads and the children that live."""
    seconds, again = _limit(item), _again()

    def fail(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"the {phase} of {item.nodeid} has not ended after {seconds:g} s\n{_threads()}{_children()}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds, again)
    faulthandler.dump_traceback_later(seconds + TIMES * again, exit=True, file=_stderr[0])
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _limit(item: pytest.Item) -> float:
    if chosen := os.environ.get("KNOGIN_TEST_SECONDS"):
        return float(chosen)
    return MEASURING_SECONDS if any(item.get_closest_marker(name) for name in MEASURING) else SECONDS


def _again() -> float:
    return float(os.environ.get("KNOGIN_TEST_AGAIN_SECONDS", AGAIN_SECONDS))


def _threads() -> str:
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()


def _children() -> str:
    lines: list[str] = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            lines.append(f"child {child.pid}, {child.status()}: {' '.join(child.cmdline())[:120]}\n")
    return "".join(lines)
