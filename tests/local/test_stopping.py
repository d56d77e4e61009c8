"""A test run lists the tests that it could not run."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.table import ROOT
from tests.support.waiting import wait_for


def pytest_run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "KNOGIN"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_one_stack_that_does_not_start_stops_the_run_with_one_message() -> None:
    nowhere = {"KNOGIN_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1/none"}
    alone = pytest_run("tests/e2e/test_isolation.py", "tests/e2e/test_otlp.py", **nowhere)
    assert alone.returncode != 0
    assert "the stack did not start; the reason stands above" in alone.stdout
    assert alone.stdout.count("ERROR at setup of") == 1
    several = pytest_run("-n", "2", "--dist", "loadfile", "tests/e2e/test_isolation.py", **nowhere)
    assert "the stack did not start; the reason stands above" in several.stdout
    assert several.stdout.count("ERROR at setup of") == 1


def test_what_is_skipped_is_named_at_the_end_with_its_reason(tmp_path: Path) -> None:
    """Without kubectl on PATH the tests of the Kubernetes tree cannot run."""
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = pytest_run("-q", "tests/deploy/test_kubernetes.py", PATH=str(tmp_path))
    assert "NOT tested here" in done.stdout
    assert "tests/deploy/test_kubernetes.py: kubectl is not installed" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_a_server_that_a_test_started_does_not_outlive_a_killed_run() -> None:
    program = "import sys\nfrom tests.support.child import start_child\n"
    program += (
        "print(start_child([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout
        child = psutil.Process(int(run.stdout.readline()))
        run.kill()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, what="its end")
