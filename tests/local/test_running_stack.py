"""The running stack: its description in stack.json and its commands, and its recovery when processes are killed."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import httpx2
import psutil
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import NoPermissionError

from deploy.local import databases
from deploy.local.process import LIBRARIES
from deploy.local.state import State
from deploy.local.table import ROOT, SERVICES
from tests.support.plain import PLAIN
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.full

EVERY_PROCESS = [("gateway", "web"), *((service.name, kind) for service in SERVICES for kind in service.processes)]


def run(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of `deploy.local` on this stack."""
    environment = os.environ | {"KNOGIN_STATE": stack.described["state"], "COLUMNS": "140"}
    command = [sys.executable, "-m", "deploy.local", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_stack_json_names_what_checks_from_outside_read(stack: Stack) -> None:
    described = stack.described
    assert described["ready"] is True
    assert described["hosts"] == {
        "auth": "auth.localhost",
        "api": "api.localhost",
        "docs": "docs.localhost",
        "console": "console.localhost",
    }
    assert described["issuer"] == f"http://auth.localhost:{stack.port}"
    assert set(described["admin"]) >= {"client_id", "client_secret", "access_token", "email", "password"}
    assert set(described["other_tenant"]["admin"]) >= {"client_id", "client_secret", "access_token"}
    assert described["tenant"]["id"] != described["other_tenant"]["id"]
    names = ["auth", "webhook-dispatcher", "graphql-api", "epcr", "device-ingest", "control-plane", "console"]
    assert list(described["services"]) == names
    for name, service in described["services"].items():
        assert set(service) >= {"url", "database_url", "pids"}
        further = {"sender"} if name == "webhook-dispatcher" else set()
        lacking = {"worker"} if name == "console" else set()
        assert set(service["pids"]) == ({"web", "worker", "relay"} | further) - lacking
    assert Path(described["spans"]).is_absolute()


def test_what_holds_secrets_is_for_its_owner_alone(stack: Stack) -> None:
    state = Path(stack.described["state"])
    for name in ("stack.json", "secrets.json", "processes.json", "token", "tenants.json", "bootstrap-input.json"):
        assert (state / name).stat().st_mode & 0o077 == 0, name


def test_no_password_stands_in_the_process_list(stack: Stack) -> None:
    described = stack.described
    secrets = [described["admin"]["client_secret"], described["redis_url"].split(":")[2].split("@")[0]]
    secrets += [service["database_url"].split(":")[2].split("@")[0] for service in described["services"].values()]
    family = [
        psutil.Process(described["supervisor_pid"]),
        *psutil.Process(described["supervisor_pid"]).children(recursive=True),
    ]
    shown = ""
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # a PostgreSQL backend that has ended meanwhile
            shown += " ".join([*process.cmdline(), *process.environ().values()])
    assert [secret for secret in secrets if secret in shown] == []


def test_the_two_administrators_can_use_their_tokens(stack: Stack) -> None:
    catalogues = []
    for tenant in (stack.tenant, stack.other):
        with stack.client("auth", tenant.access_token) as client:
            answer = client.get("/v1/platform/scopes")
        assert answer.status_code == 200
        catalogues.append({scope["name"] for scope in answer.json()["scopes"]})
    assert "argus:telephony:read" in catalogues[0]
    assert "argus:telephony:read" not in catalogues[1]


def metrics_of(ops: str) -> str:
    return httpx2.get(f"{ops}/metrics", trust_env=False, verify=PLAIN).text


@pytest.mark.parametrize(("service", "process"), EVERY_PROCESS, ids=[f"{name}-{kind}" for name, kind in EVERY_PROCESS])
def test_a_killed_process_is_started_again_and_recorded(stack: Stack, service: str, process: str) -> None:
    killed = stack.kill(service, process)
    pid = stack.wait_for_restart(service, process, killed)
    assert psutil.Process(pid).ppid() == stack.described["supervisor_pid"]


def test_no_request_is_refused_while_the_web_process_restarts(stack: Stack) -> None:
    token = stack.app_token("argus:devices:read")
    url = f"{stack.service_url('device-ingest')}/livez"
    killed = stack.kill("device-ingest", "web")
    completed = subprocess.run(
        ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "--max-time", "30", url], capture_output=True, text=True
    )
    assert completed.stdout == "200"
    stack.wait_for_restart("device-ingest", "web", killed)
    with stack.client("api", token) as client:
        assert client.get("/api/v1/devices").status_code == 200


def test_no_service_may_empty_redis_or_read_anothers_queue(stack: Stack) -> None:
    state = json.loads((Path(stack.described["state"]) / "secrets.json").read_text())
    url = databases.address(stack.described["redis_url"], "0", "device_ingest", state["redis user device_ingest"])
    with Redis.from_url(url) as device_ingest:
        assert device_ingest.llen("device_ingest.from.epcr") >= 0
        attempts = (
            device_ingest.flushall,
            lambda: device_ingest.lrange("epcr.from.device_ingest", 0, -1),  # it may write there but not read
            lambda: device_ingest.lpush("epcr.from.auth", "x"),  # nor write where another service writes
            lambda: device_ingest.lpush("graphql_api.from.device_ingest", "x"),  # it sends no messages to graphql-api
        )
        for attempt in attempts:
            with pytest.raises(NoPermissionError):
                attempt()


def test_redis_is_started_again_on_the_same_address(stack: Stack) -> None:
    with Redis.from_url(stack.described["redis_url"]) as client:
        pid = client.info("server")["process_id"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: _redis_pid(stack.described["redis_url"]) not in (0, pid), what="another Redis")


def test_postgres_is_started_again_and_the_services_find_it(stack: Stack) -> None:
    supervisor = psutil.Process(stack.described["supervisor_pid"])
    postmaster = next(child for child in supervisor.children() if child.name() == "postgres")
    postmaster.kill()
    wait_for(
        lambda: postmaster.pid not in {child.pid for child in supervisor.children()}, what="the postmaster to be buried"
    )
    for service in SERVICES:
        wait_for(partial(_steady, stack.service_url(service.name)), what=f"{service.name} to be well again")
    with stack.client("api", stack.app_token("argus:devices:read")) as client:
        assert client.get("/api/v1/devices").status_code == 200


@pytest.mark.parametrize(("service", "process"), EVERY_PROCESS, ids=[f"{name}-{kind}" for name, kind in EVERY_PROCESS])
def test_every_process_measures_itself_on_its_ops_port_and_nowhere_else(
    stack: Stack, service: str, process: str
) -> None:
    described = stack.described
    ops = described["gateway_ops"] if service == "gateway" else described["services"][service]["ops"][process]
    measured = metrics_of(ops)
    assert 'build_info{python="' in measured
    if service != "gateway":
        assert re.search(r'^pool_connections{state="(idle|used)"} \d', measured, re.MULTILINE)
        # Its own work may wait for a moment.
        wait_for(lambda: re.search(r"^pool_requests_waiting 0", metrics_of(ops), re.MULTILINE))
    if process == "web":
        public = described["gateway"] if service == "gateway" else stack.service_url(service)
        headers = {"host": described["hosts"]["api"]} if service == "gateway" else {}
        assert httpx2.get(f"{public}/metrics", headers=headers, trust_env=False, verify=PLAIN).status_code in (401, 404)


def test_migrate_says_that_there_is_nothing_left_to_do(stack: Stack) -> None:
    completed = run(stack, "migrate")
    assert completed.stdout.splitlines() == [f"{service.name}: up to date" for service in SERVICES]


def test_the_demo_plays_to_its_end(stack: Stack) -> None:
    completed = run(stack, "demo")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "signature verified" in completed.stdout
    assert "same trace" in completed.stdout
    assert stack.admin_token not in completed.stdout
    trace_id = completed.stdout.rpartition("ID=")[2].split()[0]
    drawn = run(stack, "trace", trace_id).stdout
    assert {"gateway", "epcr", "webhook-dispatcher"} <= set(drawn.split())
    assert {"outbox wait", "queue wait", "deliver"} <= {
        name for name in ("outbox wait", "queue wait", "deliver") if name in drawn
    }


def test_a_trace_that_is_not_there_is_said_so(stack: Stack) -> None:
    completed = run(stack, "trace", "f" * 32)
    assert completed.returncode == 1
    assert "no spans of trace" in completed.stdout


def test_without_an_id_the_trace_of_the_newest_request_of_a_client_is_drawn(stack: Stack) -> None:
    with stack.client(token=stack.admin_token) as client:
        asked = client.get("/v1/platform/apps").headers["x-trace-id"]
    file = State(Path(stack.described["state"])).spans

    def is_followed_by_a_poll() -> bool:
        spans = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
        began = max((one["start_ns"] for one in spans if one["trace_id"] == asked), default=None)
        own = [one["start_ns"] for one in spans if one["parent_id"] is None and one["service"] != "gateway"]
        return began is not None and max(own, default=0) > began

    wait_for(is_followed_by_a_poll, what="a call of the platform itself after the request")
    assert f"trace {asked}" in run(stack, "trace").stdout


def test_what_the_parent_imports_starts_no_thread() -> None:
    """A fork does not copy threads, but copies the locks that they hold."""
    code = f"import os\nfor name in {LIBRARIES!r}: __import__(name)\nprint(len(os.listdir('/proc/self/task')))"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert completed.stdout.strip() == "1", completed.stderr


def _redis_pid(url: str) -> int:
    try:
        with Redis.from_url(url) as client:
            return client.info("server")["process_id"]
    except RedisGone:
        return 0


def _steady(url: str) -> bool:
    """Ready many times in a row, because a pool notices a broken connection only when it uses it."""
    return all(httpx2.get(f"{url}/readyz", trust_env=False, verify=PLAIN).status_code == 200 for _ in range(20))
