"""The state folder: a fault gives an error of one line, and a folder that is no stack's is neither used nor deleted."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.local.state import State
from deploy.local.table import ROOT
from deploy.local.up import invitation


def local(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "KNOGIN_STATE": str(folder), "KNOGIN_PORT": "0"}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *command], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def a_file(folder: Path) -> None:
    folder.touch()


def of_others(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")


def damaged(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "lock").touch()
        (folder / name).write_text('{"a": ')

    return make


@pytest.mark.parametrize(
    ("make", "command", "said"),
    [
        (a_file, ["up"], "cannot be used: Not a directory"),
        (of_others, ["up"], "is not empty: KNOGIN_STATE names another folder"),
        (of_others, ["down", "--delete"], "is not empty: KNOGIN_STATE names another folder"),
        (damaged("secrets.json"), ["up"], "secrets.json is damaged"),
        (damaged("processes.json"), ["down"], "processes.json is damaged"),
        (damaged("stack.json"), ["demo"], "stack.json is damaged"),
    ],
)
def test_a_folder_that_cannot_be_used_is_said_in_one_line(
    make: Callable[[Path], None], command: list[str], said: str, tmp_path: Path
) -> None:
    make(tmp_path / "state")
    ended = local(command, tmp_path / "state")
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    assert (ended.returncode, said in lines[-1], "Traceback" in ended.stderr) == (1, True, False)


def test_what_is_not_a_stacks_is_not_deleted(tmp_path: Path) -> None:
    of_others(tmp_path / "home")
    assert local(["down", "--delete"], tmp_path / "home").returncode == 1
    assert (tmp_path / "home" / "thesis.txt").read_text() == "years of work"


def test_the_token_is_read_by_the_line_that_is_printed_wherever_the_folder_lies(tmp_path: Path) -> None:
    state = State(tmp_path / "sp ace $(false) 'ü'")
    state.folder.mkdir()
    state.write_token("the.token")
    made: Any = SimpleNamespace(state=state, gateway_port=8080, origin=lambda host: f"http://{host}.localhost:8080")
    text = invitation(made, 1.0, {"demo": {"email": "a@b.example", "password": "x"}}).plain
    (line,) = [line for line in text.splitlines() if line.startswith("TOKEN=")]
    said = subprocess.run(["bash", "-c", f'{line}; echo "$TOKEN"'], capture_output=True, text=True)
    assert said.stdout == "the.token\n"
