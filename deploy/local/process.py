"""One process of the stack: forked from a parent that has the libraries, with its own settings and log."""

import atexit
import gc
import io
import os
import runpy
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

from deploy.local.children import die_with_parent, name_process
from deploy.local.environment import chosen_settings
from deploy.local.libraries import LIBRARIES
from deploy.local.postgres import tail
from deploy.local.state import born

RECENT_SECONDS = 60
LONGEST_WAIT = 10.0


@dataclass(eq=False)
class Process:
    """A command and the state of its process. Times are `time.monotonic()`."""

    name: str
    module: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    service: str = ""
    kind: str = ""
    listeners: Sequence[socket.socket] = ()
    probe_port: int = 0
    pid: int = 0
    last_pid: int = 0
    born: float | None = None
    started_at: float = 0
    ready_at: float = 0
    start_at: float = 0
    logged_before: int = 0
    deaths: list[float] = field(default_factory=list)
    restarts: int = 0

    @property
    def running(self) -> bool:
        return self.pid != 0

    @property
    def ready(self) -> bool:
        return self.running and self.ready_at > 0

    @property
    def port(self) -> int:
        return self.listeners[0].getsockname()[1] if self.listeners else 0

    def start(self, close: Iterable[int]) -> None:
        """Forks. The child closes the descriptors in `close`, which are the supervisor's."""
        supervisor = os.getpid()
        self.logged_before = self.log.stat().st_size if self.log.exists() else 0
        self.pid = os.fork()
        if self.pid == 0:
            _live_as(self, supervisor, close)
        self.last_pid = self.pid
        self.born = born(self.pid)
        self.started_at = time.monotonic()
        self.ready_at = 0

    def successor(self, ops_port: int) -> "Process":
        """A second process like this one, to run beside it: on the same socket, with its own ops port."""
        environment = self.environment | {"OPS_PORT": str(ops_port)}
        return replace(
            self, environment=environment, probe_port=ops_port, pid=0, ready_at=0, start_at=0, deaths=[], restarts=0
        )

    def last_words(self) -> str:
        """The end of the log since its last start."""
        return tail(self.log, since=self.logged_before)

    def died(self) -> float:
        """Records the death and ends the processes that it started. Returns the seconds to wait before the next start."""
        signal_group(self.pid, signal.SIGKILL)
        now = time.monotonic()
        self.deaths = [at for at in self.deaths if now - at < RECENT_SECONDS] + [now]
        self.pid, self.ready_at = 0, 0
        self.restarts += 1
        wait = min(0.2 * 2 ** (len(self.deaths) - 1), LONGEST_WAIT)
        self.start_at = now + wait
        return wait


def import_libraries() -> None:
    """Imports the libraries of all children once, in the parent."""
    gc.disable()  # imported modules are never garbage
    for name in LIBRARIES:
        __import__(name)
    gc.freeze()
    gc.enable()


def signal_group(pid: int, number: signal.Signals) -> None:
    """Sends the signal to the process and all processes that it started: each process of the stack leads a group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def signal_leader(pid: int, number: signal.Signals) -> None:
    """Sends the signal only to the process, which then ends the processes that it started."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def ended(pid: int) -> int | None:
    """The exit code of a child, negative for a signal; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _live_as(process: Process, supervisor: int, close: Iterable[int]) -> NoReturn:
    """Runs the child to its end. It never returns into the supervisor's frames."""
    code = 1
    try:
        _enter(process, supervisor, close)
        runpy.run_module(process.module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, int) or end.code is None:
            code = end.code or 0
        else:
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # the end of the process: its traceback belongs in its log
        traceback.print_exc()
    finally:
        with suppress(BaseException):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _enter(process: Process, supervisor: int, close: Iterable[int]) -> None:
    os.setsid()
    die_with_parent(signal.SIGTERM)
    name_process(process.name)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for descriptor in close:
        with suppress(OSError):
            os.close(descriptor)
    output = os.open(process.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    # New text streams, because the supervisor's may hold half a line.
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), line_buffering=True, errors="backslashreplace")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True, errors="backslashreplace")
    settings = process.environment | chosen_settings(process.service)
    os.environ.clear()
    os.environ.update(settings)
    sys.argv = [process.module, *process.arguments]
    if os.getppid() != supervisor:
        os._exit(1)
