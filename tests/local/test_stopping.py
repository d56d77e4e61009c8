"""A test run lists the tests that it could not run."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.local.table import ROOT


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
