"""A process whose event loop no longer turns says so, or nothing would restart it."""

import asyncio
import threading
import time

import pytest

from shared.process import liveness


def test_a_process_is_alive_while_its_event_loop_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "ANSWER_SECONDS", 0.3)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    liveness.watch(loop)
    blocked, free = threading.Event(), threading.Event()
    try:
        assert liveness.is_alive()

        def block() -> None:
            blocked.set()
            free.wait()

        loop.call_soon_threadsafe(block)
        blocked.wait()
        began = time.monotonic()
        assert not liveness.is_alive()
        assert time.monotonic() - began >= 0.3
        free.set()
        assert liveness.is_alive()
    finally:
        free.set()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert liveness.is_alive(), "a closed loop belongs to a process that ends"
