"""The settings of a web process keep its own work from blocking the event loop for long."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from typing import Any

import pytest
import uvicorn

from deploy.local.table import ROOT
from shared.web import serving

PROGRAM = """
import gc, time
import services.epcr.app
from shared.web import serving
def full() -> float:
    began = time.process_time()
    gc.collect()
    return time.process_time() - began
before = min(full() for _ in range(3))
serving.freeze()
print(before / min(full() for _ in range(3)))
"""


def test_a_full_garbage_collection_does_not_go_through_all_that_was_imported() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 10


READING = """
import gc, json
from services.epcr.records.models import EncounterDraft
from shared.web import http, serving
from tests.support.records import heavy
body = json.dumps(heavy()).encode()
serving.freeze()
collections = []
gc.callbacks.append(lambda phase, _: collections.append(phase))
for _ in range(20):
    http.decode_bytes(body, EncounterDraft)
print(len(collections))
"""


def test_the_largest_bodies_are_read_without_a_garbage_collection() -> None:
    """A collection stops the loop for all callers, whichever thread it begins in."""
    done = subprocess.run([sys.executable, "-c", READING], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers no request."""


def test_a_server_without_requests_sleeps_and_ends_at_once_when_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "TICK_SECONDS", 3600)
    config = uvicorn.Config(nothing, host="127.0.0.1", port=0, lifespan="off", log_config=None)

    async def run() -> int:
        server, ticks, ticked = serving.CalmServer(config), 0, asyncio.Event()
        tick = server.on_tick

        async def counted(counter: int) -> bool:
            nonlocal ticks
            ticks += 1
            is_over = await tick(counter)
            ticked.set()
            return is_over

        monkeypatch.setattr(server, "on_tick", counted)
        monkeypatch.setattr(server, "capture_signals", contextlib.nullcontext)
        served = asyncio.create_task(server.serve())
        await ticked.wait()
        await asyncio.sleep(0.3)
        assert ticks == 1
        assert dict(server.server_state.default_headers)[b"date"]
        server.handle_exit(signal.SIGTERM, None)
        await served
        return ticks

    assert asyncio.run(run()) == 2
