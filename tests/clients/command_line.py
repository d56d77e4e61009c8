"""The command line as a person runs it: a process of its own, with a folder of its own for its sign-ins."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from tests.support.waiting import PATIENCE, wait_for

SOURCES = Path(__file__).parents[2] / "clients" / "python" / "src"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.out)


class CommandLine:
    """`run` waits for the end, `start` does not. The environment has nothing of the tests' own."""

    def __init__(self, home: Path, base_url: str = "", **environment: str) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "PYTHONPATH": str(SOURCES),
            "USER": "tester",
        } | environment
        if base_url:
            self.environment["KNOGIN_BASE_URL"] = base_url
        self.started: list[Running] = []

    @property
    def file(self) -> Path:
        return self.home / "state" / "knogin" / "default.json"

    @property
    def sign_in(self) -> dict[str, Any]:
        return msgspec.json.decode(self.file.read_bytes())

    def change_sign_in(self, **changes: Any) -> None:
        self.file.write_bytes(msgspec.json.encode(self.sign_in | changes))

    def run(self, *words: str, given: str | bytes = b"", **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "knogin", *words],
            input=given.encode() if isinstance(given, str) else given,
            env=self.environment | environment,
            capture_output=True,
            check=False,
            timeout=3 * PATIENCE,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *words: str) -> "Running":
        running = Running([sys.executable, "-m", "knogin", *words], self.environment, self.home)
        self.started.append(running)
        return running

    def close(self) -> None:
        for running in self.started:
            running.kill()


def _listen_to_ctrl_c() -> None:
    """A test run in the background ignores Ctrl-C, and its children would too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """A command that has not ended. Its output goes into files, so that it never waits for a reader."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], home: Path) -> None:
        name = f"{time.monotonic_ns()}"
        self._files = home / f"{name}.out", home / f"{name}.err"
        opened: list[IO[bytes]] = [path.open("wb") for path in self._files]
        self.process = subprocess.Popen(
            command, stdout=opened[0], stderr=opened[1], env=environment, preexec_fn=_listen_to_ctrl_c
        )
        for file in opened:
            file.close()

    @property
    def out(self) -> str:
        return self._files[0].read_text()

    @property
    def err(self) -> str:
        return self._files[1].read_text()

    def says(self, text: str, times: int = 1) -> None:
        """Waits until it has written that."""
        wait_for(
            lambda: (self.out + self.err).count(text) >= times or self.process.poll() is not None,
            what=f"{text!r} in {self.out + self.err!r}",
        )
        assert (self.out + self.err).count(text) >= times, (self.process.poll(), self.out, self.err)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        return self.process.wait(90)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
