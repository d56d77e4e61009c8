"""Durable observations per second, compared with PostgreSQL's own commit rate and with other designs. `make bench-ingest`."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from timeit import timeit
from typing import NamedTuple

import httpx2
import msgspec
import psutil
import pytest

from deploy.local import binaries
from deploy.local.ports import free_port
from services.device_ingest import checks
from services.device_ingest.models import ObservationDraft
from shared.primitives.crypto import base64url_encode
from shared.primitives.ids import new_id
from shared.web import http
from shared.web.identity import Caller, SigningKey
from shared.web.problems import Problem
from tests.support.child import start_child
from tests.support.running import RunningStack
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk (apt-get install wrk)"),
]
CONNECTIONS, SECONDS, ROUNDS, DEVICES = 32, 5, 3, 20
# Readings a second beside a peer's in the same run, at least.
THROUGH, DIRECTLY, ALONE = "through the gateway", "directly", "directly, one commit a request"
FASTIFY = "Fastify with pg, one INSERT a request"
GOALS = {(THROUGH, FASTIFY): 0.25, (DIRECTLY, ALONE): 1.3}
# Traces as in production, for one request in twenty; without the clients' rate limit.
SETTINGS = {
    "gateway": {"RATE_LIMIT_INGEST": "off", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
    "device-ingest": {"OTEL_TRACES_SAMPLER_ARG": "0.05"},
}
READING = {"mdc_code": "MDC_PULS_OXIM_SAT_O2", "value": 98.0, "unit_code": "%"}
# A table with the columns and indexes of `observations`, so that a row costs the server the same.
SCRATCH = "CREATE TABLE bench_observations (LIKE observations INCLUDING INDEXES)"
ONE_ROW = """
\\set n random(1, 1000000000)
INSERT INTO bench_observations (id, tenant_id, device_id, mdc_code, mdc_code10, value, unit_code,
    observed_at, recorded_at, flags, test)
VALUES ('obs_' || gen_random_uuid(), 'org', 'dev_' || :n, 'MDC_PULS_OXIM_SAT_O2', 150456, 98.0, '%', now(), now(), '{}', false);
"""
SCRIPT = """
local devices = %(devices)s
local headers = %(headers)s
headers["Content-Type"] = "application/json"
local turn = 0
request = function()
  turn = turn %% #devices + 1
  return wrk.format("POST", "/api/v1/devices/" .. devices[turn] .. "/%(path)s", headers, '%(body)s')
end
"""


class Measured(NamedTuple):
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float = float("nan")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A separate stack whose database flushes to disk as in production."""
    running = RunningStack(tmp_path_factory.mktemp("ingest") / "state", KNOGIN_SETTINGS=json.dumps(SETTINGS))
    yield running.start()
    running.stop()
    running.delete()


def test_durable_observations_per_second(loaded: Stack, tmp_path: Path) -> None:
    devices = enrolled(loaded)
    with loaded.database("device-ingest", "migrator") as conn:
        conn.execute(SCRATCH)
    with ungrouped(loaded) as alone, fastify(loaded, tmp_path) as peer:
        doors: dict[str, Callable[[], Measured]] = {
            "PostgreSQL alone, one row a commit (pgbench)": lambda: pgbench(loaded, tmp_path),
            THROUGH: lambda: through_gateway(loaded, devices, tmp_path),
            DIRECTLY: lambda: directly(loaded, devices, tmp_path, loaded.service_url("device-ingest")),
            ALONE: lambda: directly(loaded, devices, tmp_path, alone),
        }
        if peer:
            doors[FASTIFY] = lambda: directly(loaded, devices, tmp_path, peer)
        doors["directly, batches of 500 (rows)"] = lambda: in_batches(loaded, devices, tmp_path)
        idle = idle_cpu()
        rounds = [{name: with_cpu(measure, idle) for name, measure in doors.items()} for _ in range(ROUNDS)]
    medians = {name: median([measured[name] for measured in rounds]) for name in doors}
    report(medians)
    assert lost(loaded) == 0


def idle_cpu() -> float:
    """CPU seconds of all servers in a round without work, because polling continues."""
    before = cpu_seconds()
    time.sleep(SECONDS)
    return cpu_seconds() - before


def with_cpu(measure: Callable[[], Measured], idle: float) -> Measured:
    """CPU of all servers for one observation, without the load generator and independent of the machine's other work."""
    before = cpu_seconds()
    measured = measure()
    return measured._replace(cpu_us=1e6 * (cpu_seconds() - before - idle) / (measured.per_second * SECONDS))


def cpu_seconds() -> float:
    """CPU seconds of every running process that these tests started, and of the database's closed connections."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
            if process.name() == "postgres":
                total += times.children_user + times.children_system
    return total


def test_a_reading_is_checked_in_microseconds() -> None:
    body, now = json.dumps(READING).encode(), datetime.now(UTC)
    draft = http.decode_bytes(body, ObservationDraft)
    refused = msgspec.structs.replace(draft, unit_code="percent")
    count = 20_000
    print(
        f"\nread from JSON     {timeit(lambda: http.decode_bytes(body, ObservationDraft), number=count) / count * 1e6:6.2f} us"
    )
    print(
        f"checked, accepted  {timeit(lambda: checks.check(draft, 'oximeter', now), number=count) / count * 1e6:6.2f} us"
    )
    print(f"checked, refused   {timeit(lambda: refuse(refused, now), number=count) / count * 1e6:6.2f} us")


def refuse(draft: ObservationDraft, now: datetime) -> None:
    with suppress(Problem):
        checks.check(draft, "oximeter", now)


def median(measured: list[Measured]) -> Measured:
    return Measured(*(statistics.median(values) for values in zip(*measured, strict=True)))


def report(medians: dict[str, Measured]) -> None:
    print(
        f"\n{CONNECTIONS} connections, {os.cpu_count()} cores, median of {ROUNDS}{'':<12}      /s    p50 ms   p99 ms  CPU us each"
    )
    for name, (rate, p50, p99, cpu) in medians.items():
        print(f"{name:<46}{rate:>10.0f}{p50:>10.1f}{p99:>9.1f}{cpu:>13.0f}")
    missed = list[str]()
    for (own, peer), goal in GOALS.items():
        if peer in medians:
            share = medians[own].per_second / medians[peer].per_second
            print(line := f"{own}: {share:.2f} times as many as {peer}; at least {goal:g}")
            missed += [line] if share < goal else []
    assert missed == []


def lost(stack: Stack) -> int:
    """The difference between stored observations and those in the events for subscribers, after all events are made."""
    with stack.database("device-ingest", "admin") as conn:
        conn.autocommit = True
        wait_for(lambda: conn.execute("SELECT 1 FROM announcements LIMIT 1").rowcount == 0, seconds=120)
        row = conn.execute(
            "SELECT (SELECT count(*) FROM observations) - (SELECT sum((body #>> '{data,count}')::int) FROM outbox)"
        ).fetchone()
    assert row
    return int(row[0])


def enrolled(stack: Stack) -> list[str]:
    with stack.client("api", stack.app_token("argus:devices:write")) as api:
        bodies = [{"serial_number": new_id("sn"), "device_class": "oximeter"} for _ in range(DEVICES)]
        return [api.post("/api/v1/devices/enrol", json=body).raise_for_status().json()["id"] for body in bodies]


def through_gateway(stack: Stack, devices: list[str], folder: Path) -> Measured:
    headers = {
        "Host": f"{stack.described['hosts']['api']}:{stack.port}",
        "Authorization": f"Bearer {stack.admin_token}",
    }
    return wrk(folder, stack.described["gateway"], devices, headers, "observations", READING)


def directly(stack: Stack, devices: list[str], folder: Path, url: str) -> Measured:
    return wrk(folder, url, devices, identity(stack), "observations", READING)


def in_batches(stack: Stack, devices: list[str], folder: Path) -> Measured:
    observations = [READING | {"value": 90 + number / 100} for number in range(500)]
    url, body = stack.service_url("device-ingest"), {"observations": observations}
    measured = wrk(folder, url, devices, identity(stack), "observations:batch", body, connections=4)
    return measured._replace(per_second=measured.per_second * len(observations))


def identity(stack: Stack) -> dict[str, str]:
    scopes = frozenset({"argus:devices:write"})
    caller = Caller(tenant_id=stack.tenant.id, client_id="app_bench", scopes=scopes, token_use="service")
    return stack.identity(caller, "device-ingest", time.time() + 3600)


def wrk(
    folder: Path,
    url: str,
    devices: list[str],
    headers: dict[str, str],
    path: str,
    body: object,
    connections: int = CONNECTIONS,
) -> Measured:
    script = folder / "load.lua"
    values = {"devices": lua(devices), "headers": lua(headers), "path": path, "body": json.dumps(body)}
    script.write_text(SCRIPT % values)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", str(script), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in out, out
    assert "Socket errors" not in out, out
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    assert rate, out
    return Measured(float(rate[1]), percentile(out, 50), percentile(out, 99))


def percentile(out: str, percent: int) -> float:
    found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", out)
    assert found, out
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


def lua(value: list[str] | dict[str, str]) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'["{name}"] = "{text}"' for name, text in value.items()) + "}"
    return "{" + ", ".join(f'"{text}"' for text in value) + "}"


def pgbench(stack: Stack, folder: Path) -> Measured:
    script = folder / "one_row.sql"
    script.write_text(ONE_ROW)
    program = str(binaries.postgres_home() / "bin" / "pgbench")
    dsn = stack.described["services"]["device-ingest"]["migration_database_url"]
    command = [program, "-n", "-M", "prepared", f"-c{CONNECTIONS}", "-j2", f"-T{SECONDS}", "-f", str(script), dsn]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate, latency = re.search(r"tps = ([\d.]+)", out), re.search(r"latency average = ([\d.]+) ms", out)
    assert rate
    assert latency
    return Measured(float(rate[1]), float(latency[1]), float("nan"))


@contextmanager
def ungrouped(stack: Stack) -> Iterator[str]:
    """One more web process of the service on the same database, in which every request has its own commit."""
    described = stack.described
    environment = {
        "DATABASE_URL": described["services"]["device-ingest"]["database_url"],
        "REDIS_URL": described["redis_url"],
        "IDENTITY_PUBLIC_KEYS": SigningKey(described["identity_signing_key"]).public_text(),
        "ENCRYPTION_KEYS": "1:" + base64url_encode(bytes(32)),
        "SPANS_FILE": described["spans"],
        "GROUP_ROWS": "1",
        "GROUP_WRITERS": str(CONNECTIONS),
        **SETTINGS["device-ingest"],
    }
    port = free_port()
    command = [sys.executable, "-m", "services.device_ingest", "web", "--port", str(port)]
    with running(command, port, os.environ | environment):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def fastify(stack: Stack, folder: Path) -> Iterator[str | None]:
    """None if there is no Node, or npm cannot fetch the packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        print("not measured, not installed here: Fastify")
        yield None
        return
    script = str(shutil.copy(Path(__file__).parent / "ingest_fastify.mjs", folder))
    install = ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), "fastify", "pg"]
    subprocess.run(install, check=True)
    port = free_port()
    dsn = stack.described["services"]["device-ingest"]["migration_database_url"]
    environment = {"PORT": str(port), "DATABASE_URL": dsn, "CONNECTIONS": str(CONNECTIONS), "NODE_ENV": "production"}
    with running(["node", script], port, os.environ | environment):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    child = start_child(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(port), what=command[0])
        yield
    finally:
        child.terminate()
        child.wait()


def answers(port: int) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"http://127.0.0.1:{port}/livez").status_code in (200, 404)
    return False
