"""A test that waits for ever ends, and so does the run: each example is a run of pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.table import ROOT

pytestmark = pytest.mark.full

EVENT = "threading.Event().wait()"
HELD = {
    "a lock": EVENT,
    "a child": "subprocess.Popen(['sleep', '600']).wait()",
    "a pipe": "os.read(os.pipe()[0], 1)",
    "a loop": "asyncio.run(asyncio.Event().wait())",
    "a thread": f"thread = threading.Thread(target=lambda: {EVENT}, daemon=True); thread.start(); thread.join()",
}
TEST = """
import asyncio, os, subprocess, threading, pytest

def test_held():
    {body}

def test_next():
    pass
"""


def run(folder: Path, body: str, *words: str) -> "subprocess.CompletedProcess[str]":
    (folder / "test_it.py").write_text(TEST.format(body=body))
    (folder / "empty.ini").write_text("[pytest]\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "KNOGIN"))}
    limits = {"KNOGIN_TEST_SECONDS": "3", "KNOGIN_TEST_AGAIN_SECONDS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-p", "tests.support.ending", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "-c", str(folder / "empty.ini"), "--rootdir", str(folder), *words, str(folder / "test_it.py")],
        env=kept | limits, cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("body", HELD.values(), ids=HELD.keys())
def test_a_test_that_waits_for_ever_fails_with_the_stacks_and_the_next_one_runs(tmp_path: Path, body: str) -> None:
    done = run(tmp_path, body)
    assert "test_held has not ended after 3 s" in done.stdout
    assert '"' + str(tmp_path / "test_it.py") + '", line 5 in' in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert ("sleep 600" in done.stdout) == ("sleep" in body)


def test_one_that_waits_again_in_its_finally_fails_again(tmp_path: Path) -> None:
    done = run(tmp_path, f"try: {EVENT}\n    finally: {EVENT}")
    assert "1 failed, 1 passed" in done.stdout


def test_one_that_catches_everything_is_named_by_xdist_and_the_others_run(tmp_path: Path) -> None:
    body = f"while True:\n        try: {EVENT}\n        except BaseException: pass"
    done = run(tmp_path, body, "-n", "1")
    assert "crashed while running 'test_it.py::test_held'" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert "Timeout" in done.stderr


def test_a_thread_that_never_ends_does_not_keep_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, f"threading.Thread(target=lambda: {EVENT}).start()")
    assert "2 passed" in done.stdout
    assert "Timeout" in done.stderr
    assert done.returncode != 0
