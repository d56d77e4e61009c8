"""The loop that keeps the stack running: it starts processes, notices deaths and asks processes whether they are ready."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deploy.local import stackfile
from deploy.local.mailbox import Mailbox
from deploy.local.plan import Plan
from deploy.local.postgres import Cluster, ServerFailed
from deploy.local.probe import Probe
from deploy.local.process import Process, ended, signal_group, signal_leader
from deploy.local.redis_server import RedisServer
from deploy.local.rolling import SIGNAL, Readiness, Replacement, Rolling
from deploy.local.screen import Screen

READY_SECONDS = 90
DEATHS_BEFORE_READY = 3
DEATHS_WORTH_A_LOG = 3
STOP_SECONDS = 10
Server = Cluster | RedisServer | Mailbox


class StartFailed(Exception):
    """The stack cannot start; the text names the process and ends with its log."""


class Supervisor:
    """One thread, one loop. The stack is ready when every process is ready and the `bootstrap` command has ended well."""

    def __init__(
        self, plan: Plan, screen: Screen, processes: Sequence[Process], servers: Sequence[Server], lock: int
    ) -> None:
        self.plan = plan
        self.screen = screen
        self.processes = list(processes)
        self.servers = servers
        self.tenants: Mapping[str, Any] = {}
        self.ready = False
        self.stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._probes: dict[str, Readiness] = {process.name: self._probe(process.probe_port) for process in processes}
        self.rolling = Rolling(plan.state, self._begin_replacement, screen.say, self._record)
        self._lock = lock

    def run(
        self, bootstrap: Process, read_tenants: Callable[[], Mapping[str, Any]], on_ready: Callable[[], None]
    ) -> None:
        """Runs until a signal stops it. Raises StartFailed if a process keeps dying before the stack was ready once."""
        self._listen_for_signals()
        bootstrap.start(self._not_for(bootstrap))
        while not self.stopping:
            now = time.monotonic()
            due = [process for process in self.processes if not process.running and process.start_at <= now]
            for process in due:
                process.start(self._not_for(process))
            if due:
                self._record()
            if not self.tenants and (code := ended(bootstrap.pid)) is not None:
                if code:
                    raise StartFailed(f"{bootstrap.name} ended with code {code}:\n{bootstrap.last_words()}")
                self.tenants = read_tenants()
            self._reap()
            for server in self.servers:
                if not server.running:
                    self.screen.say(f"{server.name} died; starting it again", "yellow")
                    # It may fail while sessions of a killed PostgreSQL still hold memory; the next round retries.
                    server.launch()
                    try:
                        server.wait()
                    except ServerFailed as error:
                        self.screen.say(str(error), "yellow")
                    else:
                        self.screen.say(f"{server.name} is back", "green")
                        self._record()
            self._look_for_ready()
            if not self.ready and self.tenants and all(process.ready for process in self.processes):
                self.ready = True
                self._record()
                on_ready()
            if self.ready:
                self.rolling.step()
            idle = self.ready and not self.rolling.active and all(process.ready for process in self.processes)
            self._sleep(1.0 if idle else 0.05)

    def stop(self) -> None:
        """Ends every process, after STOP_SECONDS by SIGKILL. The caller, who started the servers, stops them."""
        for pid in self.rolling.extra.values():
            signal_group(pid, signal.SIGKILL)
        for process in self.processes:
            if process.running:
                signal_leader(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(process.running for process in self.processes) and time.monotonic() < deadline:
            for process in self.processes:
                if process.running and ended(process.pid) is not None:
                    process.pid = 0
            self._sleep(0.05)
        for process in self.processes:
            if process.running:
                self.screen.say(f"{process.name} did not end in {STOP_SECONDS} s and was killed", "yellow")
                signal_group(process.pid, signal.SIGKILL)
                os.waitpid(process.pid, 0)
                process.pid = 0

    def _begin_replacement(self, name: str) -> Replacement:
        old = next(process for process in self.processes if process.name == name)
        return Replacement(old, self._not_for(old), self._probe, self._replaced)

    def _replaced(self, new: Process, probe: Readiness) -> None:
        names = [process.name for process in self.processes]
        self.processes[names.index(new.name)] = new
        self._probes[new.name].close()
        self._probes[new.name] = probe
        self.plan.ops_ports[new.name] = new.probe_port
        self._record()

    def _reap(self) -> None:
        for process in self.processes:
            if process.running and (code := ended(process.pid)) is not None:
                wait = process.died()
                self._probes[process.name].close()
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
                if not self.ready and len(process.deaths) >= DEATHS_BEFORE_READY:
                    raise StartFailed(f"{process.name} {how} {len(process.deaths)} times:\n{process.last_words()}")
                self.screen.say(f"{process.name} {how}; starting it again in {wait:.1f} s", "yellow")
                if len(process.deaths) == DEATHS_WORTH_A_LOG:
                    self.screen.say(
                        f"{process.name} keeps dying. The end of {process.log}:\n{process.last_words()}", "red"
                    )

    def _look_for_ready(self) -> None:
        for process in self.processes:
            if process.running and not process.ready:
                if self._probes[process.name].ready():
                    process.ready_at = time.monotonic()
                    if process.restarts and self.ready:
                        self.screen.say(f"{process.name} is back (pid {process.pid})", "green")
                elif not self.ready and time.monotonic() - process.started_at > READY_SECONDS:
                    raise StartFailed(f"{process.name} was not ready within {READY_SECONDS} s:\n{process.last_words()}")
        if not self.ready:
            self.screen.show(self.processes)

    def _sleep(self, seconds: float) -> None:
        """Sleeps until a probe's answer, a signal or the death of a child, for at most `seconds`."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._wake:
                self._wake.recv(512)

    def _record(self) -> None:
        """Writes processes and stack.json; called after every change of a pid."""
        running = {process.name: process.pid for process in self.processes if process.running}
        running |= self.rolling.extra
        running |= {server.name: server.server.pid for server in self.servers if server.server}
        self.plan.state.record_processes(running)
        stackfile.write(self.plan, self.processes, self.tenants, self.ready)

    def _probe(self, port: int) -> Readiness:
        return Probe(self._selector, port)

    def _not_for(self, process: Process) -> list[int]:
        """The supervisor's descriptors that this child must close."""
        others = [other.fileno() for other in self.plan.listeners.values() if other not in process.listeners]
        return [*others, self._lock, self._selector.fileno(), self._wake.fileno(), self._woken.fileno()]

    def _listen_for_signals(self) -> None:
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(SIGNAL, self.rolling.asked)

        def stop_soon(*_: object) -> None:
            self.stopping = True

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop_soon)
