"""Starts a whole stack for a test session, and stops it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.local import down
from deploy.local.children import start_of_program
from deploy.local.postgres import tail
from deploy.local.state import State, read_json
from deploy.local.table import ROOT
from tests.support.stack import Stack
from tests.support.waiting import wait_for

START_SECONDS = 300


class RunningStack:
    """`python -m deploy.local up` as a child of the tests, with its own state folder, on any free port.

    The databases are below `data`, or below the state folder if `data` is not given.
    """

    program = "deploy.local"

    def __init__(self, folder: Path, *arguments: str, data: Path | None = None, **environment: str) -> None:
        self.state = State(folder)
        self.folder = self.state.folder
        self.output = self.folder.parent / f"{self.folder.name}.out"
        self.arguments = arguments
        named = {"KNOGIN_PORT": "0", "KNOGIN_DATA": str(data or "")}
        self.environment = named | environment | {"KNOGIN_STATE": str(self.folder)}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Stack:
        """Returns when the stack is ready. Fails with its output and its logs if it does not become ready."""
        self.launch()
        try:
            wait_for(self._settled, START_SECONDS, "the stack")
            assert self._ready()
        except AssertionError:
            report = self.report()
            self.stop()
            raise AssertionError(f"the stack did not start:\n{report}") from None
        return Stack(self.state.stack)

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts it without waiting."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.program, "up", "--headless", *self.arguments],
                cwd=ROOT,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=start_of_program(os.getpid(), signal.SIGTERM),
            )
        return self.process

    def stop(self) -> int:
        """Stops it as Ctrl-C does. Returns the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(180)

    def delete(self) -> None:
        """Deletes its data, even if it did not stop well."""
        if self.process:
            self.process.wait(180)
        down.delete(self.state)
        self.output.unlink(missing_ok=True)

    def report(self) -> str:
        """Its output, and the end of every log that is not empty."""
        logs = [
            f"--- {log.name}\n{tail(log, 12)}" for log in sorted(self.state.logs.glob("*.log")) if log.stat().st_size
        ]
        return "\n".join([self.output.read_text(errors="replace"), *logs])

    def _settled(self) -> bool:
        assert self.process
        return self.process.poll() is not None or self._ready()

    def _ready(self) -> bool:
        """Whether its own stack.json says `ready`, and not one that a killed stack left."""
        described = read_json(self.state.stack)
        return bool(self.process and described.get("ready") and described["supervisor_pid"] == self.process.pid)
