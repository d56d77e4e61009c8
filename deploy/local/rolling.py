"""Replaces processes under load: a successor starts on the same socket, and when it is ready the old process gets SIGTERM."""

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum
from typing import Protocol

import psutil

from deploy.local import ports
from deploy.local.process import Process, ended, signal_group, signal_leader
from deploy.local.state import State, born, read_json, write_json

READY_SECONDS = 90
LEAVE_SECONDS = 60
"""Longer than any process drains: a gateway 25 s, a sender of webhooks 30 s."""
SIGNAL = signal.SIGUSR1


class CannotRestart(Exception):
    """Not every process was restarted; the text says why."""


class Readiness(Protocol):
    def ready(self) -> bool: ...
    def close(self) -> None: ...


class Step(Enum):
    RUNNING = "running"
    REPLACED = "replaced"
    FAILED = "failed"


class Replacement:
    """One process and its successor. `replaced` is called when the successor is ready."""

    def __init__(
        self,
        old: Process,
        close: Sequence[int],
        probe: Callable[[int], Readiness],
        replaced: Callable[[Process, Readiness], None],
    ) -> None:
        self.old = old
        self.new = old.successor(ports.free_port())
        self.began = time.monotonic()
        self.trouble = ""
        self._replaced = replaced
        self._probe = probe(self.new.probe_port)
        self._leaving = 0
        self._leaves_at = 0.0
        self.new.start(close)

    @property
    def extra(self) -> dict[str, int]:
        """Processes that run beside those of the stack, by name."""
        if self._leaving:
            return {f"{self.old.name} (leaving)": self._leaving}
        return {} if self.new.ready or not self.new.running else {f"{self.new.name} (coming)": self.new.pid}

    def step(self) -> Step:
        """Checks the successor once. FAILED leaves the old process as it was; `trouble` has the reason."""
        if self.new.ready:
            if self._leaving and ended(self._leaving) is None:
                if time.monotonic() > self._leaves_at:
                    signal_group(self._leaving, signal.SIGKILL)
                return Step.RUNNING
            if self._leaving:
                signal_group(self._leaving, signal.SIGKILL)  # processes that it started
            self._leaving = 0
            return Step.REPLACED
        if ended(self.new.pid) is not None:
            return self._give_up("ended before it was ready")
        if self._probe.ready():
            self.new.ready_at = time.monotonic()
            self._leaving, self._leaves_at = self.old.pid, time.monotonic() + LEAVE_SECONDS
            self._replaced(self.new, self._probe)
            if self._leaving:
                signal_leader(self._leaving, signal.SIGTERM)
        elif time.monotonic() - self.began > READY_SECONDS:
            return self._give_up(f"was not ready within {READY_SECONDS} s")
        return Step.RUNNING

    def _give_up(self, why: str) -> Step:
        signal_group(self.new.pid, signal.SIGKILL)
        self.trouble = f"the successor of {self.old.name} {why}, so the old one stays:\n{self.new.last_words()}"
        self._probe.close()
        self.new.pid = 0
        return Step.FAILED


class Rolling:
    """Replaces the requested processes one after another. It ends at the first failure, because the next would fail too.

    `begin` starts one, `say` prints a line for a person, `record` writes the list of processes.
    """

    def __init__(
        self,
        state: State,
        begin: Callable[[str], Replacement],
        say: Callable[[str, str], None],
        record: Callable[[], None],
    ) -> None:
        self._state = state
        self._begin = begin
        self._say = say
        self._record = record
        self._asked = False
        self._waiting: list[str] = []
        self._done: list[str] = []
        self._current: Replacement | None = None

    @property
    def active(self) -> bool:
        return self._asked or bool(self._waiting)

    @property
    def extra(self) -> dict[str, int]:
        """Processes that run beside those of the stack, by name."""
        return self._current.extra if self._current else {}

    def asked(self, *_: object) -> None:
        """The handler of SIGNAL, which announces a new list in the state folder."""
        self._asked = True

    def step(self) -> None:
        if self._asked and not self._waiting:
            self._waiting, self._done = list(read_json(self._state.restarting).get("waiting", [])), []
        self._asked = False
        if not self._waiting:
            return
        if self._current is None:
            self._current = self._begin(self._waiting[0])
            self._record()
            return
        step = self._current.step()
        if step is Step.REPLACED:
            took = time.monotonic() - self._current.began
            self._done.append(f"{self._waiting.pop(0)} was replaced in {took:.1f} s")
            self._say(self._done[-1], "green")
            self._current = None
            self._tell()
        elif step is Step.FAILED:
            trouble = self._current.trouble
            self._say(trouble, "red")
            self._current, self._waiting = None, []
            self._tell(trouble)

    def _tell(self, failed: str = "") -> None:
        self._record()
        write_json(self._state.restarting, {"waiting": self._waiting, "done": self._done, "failed": failed})


def ask(state: State, names: Sequence[str], report: Callable[[str], None]) -> None:
    """Lets the supervisor of the stack replace those processes one after another, and waits until all are replaced.

    Calls `report` with a line for each. Raises CannotRestart.
    """
    recorded = read_json(state.processes).get("supervisor", {})
    if not recorded or born(recorded["pid"]) != recorded["born"] or not read_json(state.stack).get("ready"):
        raise CannotRestart("no stack is running: start one with `make up`")
    supervisor = psutil.Process(recorded["pid"])
    if read_json(state.restarting).get("waiting"):
        raise CannotRestart("a restart is under way already")
    write_json(state.restarting, {"waiting": list(names), "done": [], "failed": ""})
    supervisor.send_signal(SIGNAL)
    seen = 0
    while supervisor.is_running():
        progress = read_json(state.restarting)
        for line in progress.get("done", [])[seen:]:
            report(line)
        seen = len(progress.get("done", []))
        if progress.get("failed"):
            raise CannotRestart(progress["failed"])
        if not progress.get("waiting"):
            return
        with suppress(psutil.TimeoutExpired):
            supervisor.wait(0.1)
    raise CannotRestart("the stack ended")
