"""A test that hangs ends its process and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.table import ROOT

pytestmark = pytest.mark.full

CONFTEST = """
from tests.support.scheduling import Scheduling

def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
"""
HANGING = """
import threading

def test_before(): pass
def test_that_hangs(): threading.Event().wait(120)
def test_after(): pass
"""


def test_a_test_that_hangs_fails_and_the_others_of_its_file_go_on(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_hanging.py").write_text(HANGING)
    limit = ["-o", "faulthandler_timeout=2", "-o", "faulthandler_exit_on_timeout=true"]
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "-p", "no:cacheprovider", *limit, "test_hanging.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "1 failed, 2 passed" in run.stdout, run.stdout
    assert "test_that_hangs" in run.stderr
