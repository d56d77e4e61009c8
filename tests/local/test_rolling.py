"""`make restart` replaces every process while it serves, without a failed request."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from deploy.local import rolling
from deploy.local.rolling import CannotRestart
from deploy.local.state import State, read_json
from tests.support.plain import PLAIN
from tests.support.running import RunningStack
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

PROCESSES = ["gateway", "auth-web", "auth-worker", "auth-relay"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, in_memory: Path | None) -> Iterator[RunningStack]:
    """A stack with only the gateway and auth."""
    running = RunningStack(tmp_path_factory.mktemp("rolling") / "state", "--only", "auth", data=in_memory)
    running.start()
    yield running
    running.stop()
    running.delete()


@pytest.fixture
def system(small: RunningStack) -> Stack:
    return Stack(small.state.stack)


class Traffic(threading.Thread):
    """Sends requests without a pause, half of them on a kept connection; any status but 200 is a failure."""

    def __init__(self, system: Stack) -> None:
        super().__init__()
        self.system = system
        self.answered = 0
        self.failures: list[str] = []
        self.enough = threading.Event()

    def run(self) -> None:
        with self.system.client("auth", self.system.admin_token) as kept:
            while not self.enough.is_set():
                self._ask(kept)
                with self.system.client("auth", self.system.admin_token) as fresh:
                    self._ask(fresh)

    def _ask(self, client: httpx2.Client) -> None:
        try:
            status = client.get("/v1/platform/scopes").status_code
        except httpx2.TransportError as error:
            self.failures.append(repr(error))
        else:
            self.answered += 1
            if status != 200:
                self.failures.append(str(status))


def pids(small: RunningStack) -> dict[str, int]:
    children: dict[str, Any] = read_json(small.state.processes)["children"]
    return {name: child["pid"] for name, child in children.items()}


def test_every_process_is_replaced_under_load_without_a_failed_request(small: RunningStack, system: Stack) -> None:
    before, lines = pids(small), list[str]()
    clients = [Traffic(system) for _ in range(3)]
    for client in clients:
        client.start()
    wait_for(lambda: all(client.answered > 5 for client in clients), what="traffic")
    rolling.ask(small.state, PROCESSES, lines.append)
    answered = sum(client.answered for client in clients)
    wait_for(lambda: sum(client.answered for client in clients) > answered + 30, what="traffic after the last")
    for client in clients:
        client.enough.set()
        client.join()
    assert [client.failures for client in clients] == [[], [], []]
    after = pids(small)
    assert [name for name in PROCESSES if after[name] == before[name]] == []
    assert [line.split()[0] for line in lines] == PROCESSES
    assert not any(psutil.pid_exists(before[name]) for name in PROCESSES)
    assert after.keys() == before.keys()


def test_what_was_replaced_is_described_watched_and_started_again(small: RunningStack, system: Stack) -> None:
    rolling.ask(small.state, ["auth-web"], lambda _: None)
    described = system.described["services"]["auth"]
    assert described["pids"]["web"] == pids(small)["auth-web"]
    assert httpx2.get(f"{described['ops']['web']}/readyz", trust_env=False, verify=PLAIN).status_code == 200
    killed = system.kill("auth", "web")
    assert system.wait_for_restart("auth", "web", killed) != killed


def test_a_successor_that_dies_leaves_the_old_process_at_work(small: RunningStack, system: Stack) -> None:
    before = pids(small)
    waiting = threading.Thread(target=_kill_the_successor, args=(small, "auth-relay"))
    waiting.start()
    with pytest.raises(CannotRestart, match="the successor of auth-relay ended before it was ready"):
        rolling.ask(small.state, ["auth-relay", "auth-web"], lambda _: None)
    waiting.join()
    assert pids(small) == before
    rolling.ask(small.state, ["auth-relay"], lambda _: None)  # a second try works
    assert pids(small)["auth-relay"] != before["auth-relay"]


def test_of_a_restart_that_is_under_way_there_is_no_second(small: RunningStack) -> None:
    small.state.restarting.write_text('{"waiting": ["auth-web"]}')
    with pytest.raises(CannotRestart, match="under way"):
        rolling.ask(small.state, ["auth-web"], lambda _: None)
    small.state.restarting.unlink()


def test_without_a_stack_there_is_nothing_to_restart(tmp_path: Path) -> None:
    with pytest.raises(CannotRestart, match="no stack is running"):
        rolling.ask(State(tmp_path), ["gateway"], lambda _: None)


def _kill_the_successor(small: RunningStack, name: str) -> None:
    coming = wait_for(lambda: pids(small).get(f"{name} (coming)"), what="a successor")
    os.kill(coming, signal.SIGKILL)
