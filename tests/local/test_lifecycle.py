"""A person starts a stack, stops it and removes its data."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import psycopg
import pytest

from deploy.local import down, ports
from deploy.local.postgres import Cluster
from deploy.local.redis_server import RedisServer
from deploy.local.state import read_json
from tests.support.cluster import start_cluster
from tests.support.plain import PLAIN
from tests.support.running import RunningStack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

SMALL = ("--only", "auth")


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory, in_memory: Path | None) -> Iterator[Cluster]:
    """A new cluster that was never used."""
    cluster = start_cluster(tmp_path_factory.mktemp("blank"), within=in_memory)
    cluster.stop()
    yield cluster
    cluster.delete()


@pytest.fixture
def small(tmp_path: Path, in_memory: Path | None, blank: Cluster) -> Iterator[RunningStack]:
    """A stack with only the gateway and auth, not started yet. Its cluster exists, because making one takes longest."""
    running = RunningStack(tmp_path / "state", *SMALL, data=in_memory)
    folder = running.folder / "postgres"
    folder.mkdir(parents=True)
    password = running.state.secret("postgres", lambda: blank.password)
    cluster = Cluster(folder, password, within=in_memory)
    subprocess.run(["cp", "-a", blank.place / "data", cluster.place], check=True)
    yield running
    down.down(running.state)
    running.delete()


def children(running: RunningStack) -> list[psutil.Process]:
    recorded = read_json(running.state.processes)["children"]
    return [psutil.Process(child["pid"]) for child in recorded.values()]


def test_stopping_leaves_no_process_and_no_stack_json(small: RunningStack) -> None:
    small.start()
    started = children(small)
    assert {process.name() for process in started} >= {"gateway", "auth-web", "auth-worker", "auth-relay", "postgres"}
    assert small.stop() == 0
    assert [process for process in started if process.is_running()] == []
    assert not small.state.stack.exists()


def test_a_second_start_finds_its_data_and_addresses_again(small: RunningStack) -> None:
    first = small.start().described
    small.stop()
    second = small.start().described
    assert second["tenant"] == first["tenant"]
    assert second["admin"]["client_secret"] == first["admin"]["client_secret"]
    assert second["admin"]["access_token"] != first["admin"]["access_token"]
    assert second["services"]["auth"]["database_url"] == first["services"]["auth"]["database_url"]


def test_several_web_processes_of_a_service_answer_on_its_socket(small: RunningStack) -> None:
    small.environment["KNOGIN_WEB_PROCESSES"] = "2"
    stack = small.start()
    ops, url = stack.described["services"]["auth"]["ops"], f"{stack.service_url('auth')}/.well-known/jwks.json"

    def status() -> int:
        """Over a connection of its own, and without an identity from the gateway."""
        return httpx2.get(url, trust_env=False, verify=PLAIN).status_code

    def answered(kind: str) -> bool:
        assert status() == 401
        return "http_requests_total{" in httpx2.get(f"{ops[kind]}/metrics", trust_env=False, verify=PLAIN).text

    assert {"auth-web", "auth-web-2"} <= {process.name() for process in children(small)}
    for kind in ("web", "web-2"):
        wait_for(lambda kind=kind: answered(kind), what=f"{kind} to answer")
    for kind in ("web", "web-2"):
        killed = stack.kill("auth", kind)
        assert status() == 401
        stack.wait_for_restart("auth", kind, killed)


def test_a_port_that_is_taken_is_said_so(small: RunningStack) -> None:
    with ports.listen(0) as listener:
        port = ports.port_of(listener)
        small.environment["KNOGIN_PORT"] = str(port)
        assert small.launch().wait(60) == 1
    assert f"port {port} is taken by process {os.getpid()}" in small.report()
    assert "KNOGIN_PORT" in small.report()


def test_one_state_folder_holds_one_stack(small: RunningStack) -> None:
    small.start()
    again = RunningStack(small.folder, *SMALL)
    again.output = small.folder.parent / "again.out"
    assert again.launch().wait(60) == 1
    assert "already running" in again.output.read_text()
    assert small.process is not None
    assert small.process.poll() is None


def test_down_stops_a_stack_that_was_left_running(small: RunningStack) -> None:
    small.start()
    started = children(small)
    assert "auth-web" in down.down(small.state)
    assert [process for process in started if process.is_running()] == []
    assert down.down(small.state) == []


def test_down_stops_a_stack_that_is_still_starting(small: RunningStack) -> None:
    launched = small.launch()
    wait_for(small.state.processes.exists, what="the supervisor to begin")
    assert "supervisor" in down.down(small.state)
    launched.wait(60)
    assert not small.state.stack.exists()
    assert down.down(small.state) == []


def test_children_do_not_outlive_a_killed_supervisor(small: RunningStack) -> None:
    small.start()
    started = children(small)
    assert small.process
    small.process.kill()
    small.process.wait()
    wait_for(lambda: all(_gone(process) for process in started), what="every child to end")
    small.start()
    assert small.stop() == 0


def test_what_outlived_a_killed_supervisor_is_ended_by_the_next_start(small: RunningStack) -> None:
    small.start()
    relay = next(process for process in children(small) if process.name() == "auth-relay")
    relay.suspend()  # so that it ignores the signal at its parent's death
    assert small.process
    small.process.kill()
    small.process.wait()
    assert relay.is_running()
    small.start()
    assert not relay.is_running()
    small.stop()


def test_a_process_that_cannot_start_is_named_with_its_last_words(small: RunningStack, tmp_path: Path) -> None:
    small.environment["KNOGIN_SETTINGS"] = '{"gateway": {"RATE_LIMIT_READ": "many"}}'
    assert small.launch().wait(90) == 1
    output = small.output.read_text()
    assert "3 times" in output
    assert "setting RATE_LIMIT_READ is malformed: expected <requests>/<seconds> or off" in output
    assert "stopping" not in output


def test_a_postgres_that_cannot_come_back_at_once_is_tried_again(small: RunningStack) -> None:
    stack = small.start()
    postmaster = next(process for process in children(small) if process.name() == "postgres")
    backend = next(child for child in postmaster.children() if "checkpointer" in " ".join(child.cmdline()))
    backend.suspend()  # it keeps the shared memory of the killed server, so that a new one refuses to start
    postmaster.kill()
    wait_for(lambda: "did not start" in small.output.read_text(), what="a first attempt that fails")
    backend.kill()
    wait_for(lambda: "postgres is back" in small.output.read_text(), what="PostgreSQL to come back")
    with stack.database("auth", "admin") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_servers_that_are_named_are_used_and_left_running(
    small: RunningStack, redis_server: RedisServer, tmp_path: Path, in_memory: Path | None
) -> None:
    cluster = start_cluster(tmp_path / "named", within=in_memory)
    small.environment |= {"KNOGIN_POSTGRES_URL": cluster.url, "KNOGIN_REDIS_URL": redis_server.url}
    described = small.start().described
    names = {process.name() for process in children(small)}
    assert names == {"gateway", "auth-web", "auth-worker", "auth-relay", "python"}, "python is the mailbox"
    assert f":{cluster.port}/auth" in described["services"]["auth"]["database_url"]
    assert described["redis_url"] == redis_server.url
    small.stop()
    psycopg.connect(cluster.url).close()
    cluster.stop()
    cluster.delete()


def test_a_terminal_that_goes_away_stops_the_stack(small: RunningStack) -> None:
    small.start()
    started = children(small)
    assert small.process
    small.process.send_signal(signal.SIGHUP)
    small.process.wait(60)
    assert [process for process in started if process.is_running()] == []


def _gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
