"""`make` answers a wrong name with the names that there are, and its help can be read."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest

from deploy.house import mutate
from deploy.local.table import ROOT, SERVICES

NAMES = {service.name for service in SERVICES}


def typed(command: Sequence[str]) -> tuple[int, str]:
    """The exit code, and everything printed as one line."""
    wide = os.environ | {"COLUMNS": "300"}
    ended = subprocess.run(command, cwd=ROOT, env=wide, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, re.sub(r"[\s│]+", " ", ended.stdout + ended.stderr)


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    python = [sys.executable, "-m"]
    asked = {
        "make operate CMD=nope": ([*python, "deploy.local", "operate", "nope"], NAMES),
        "python -m deploy.local up --only nope": ([*python, "deploy.local", "up", "--only", "nope"], NAMES),
        "make mutate NAME=nope": ([*python, "deploy.house.mutate", "nope"], set(mutate.CORES)),
        "make logs": ([*python, "deploy.local", "logs", ""], {"ID=<x-trace-id>"}),
    }
    faults = []
    for shown, (command, expected) in asked.items():
        code, printed = typed(command)
        lacking = {name for name in expected if name not in printed}
        if code in (0, 130) or lacking or "Traceback" in printed or ("nope" in shown and "nope" not in printed):
            faults.append(f"{shown}: {code}, lacks {sorted(lacking)}: {printed[-400:]}")
    assert faults == [], "\n".join(faults)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
def test_the_columns_of_make_help_are_aligned() -> None:
    ended = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    lines = ended.stdout.splitlines()
    described = re.findall(r"^([a-z-]+%?):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(lines) == len(described) > 30
    assert {re.match(r"  make \S+ +", line).end() for line in lines} == {len("  make ") + 16}  # type: ignore[union-attr]
