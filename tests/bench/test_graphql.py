"""Quality indicators per second, compared with mercurius and Ariadne as installed, and over a growing history. `make bench-graphql`."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

import httpx2
import psutil
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.ports import free_port
from deploy.local.redis_server import RedisServer
from shared.primitives.crypto import base64url_encode
from shared.primitives.ids import new_id
from shared.web.identity import HEADER, Caller, SigningKey, mint
from tests.bench import facts
from tests.bench.graphql_figures import FIGURES, SDL
from tests.support.cluster import TestDatabases
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk (apt-get install wrk)"),
]
KEY = SigningKey(f"bench-1:{base64url_encode(bytes(range(32)))}")
CONNECTIONS, SECONDS, ROUNDS = 32, 5, 3
# Over a year: from the first on, every day counts a case of most indicators, so that an answer reads and adds the same periods.
HISTORY = (10_000, 100_000, 1_000_000)
# How many times less CPU a request takes than with the peer, in the same run: at least, hot and cold.
HOT, COLD, MERCURIUS = "graphql-api, hot", "graphql-api, cold", "mercurius with JIT, in memory"
ARIADNE = "Ariadne as installed, in memory"
GOALS = {(HOT, ARIADNE): 12.0, (COLD, ARIADNE): 1.7, (HOT, MERCURIUS): 0.55}
GOAL_GROWTH = 2.0
PAGE = (
    "query($from: DateTime!, $to: DateTime!) "
    "{ acqiMetrics(fromDate: $from, toDate: $to) { name value numerator denominator unit } }"
)
# Hot repeats the same request. Cold never repeats a range, so that no stored answer helps.
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
for name, value in pairs(%(headers)s) do wrk.headers[name] = value end
local before, after, cold, turn = '%(before)s', '%(after)s', %(cold)s, 0
request = function()
  if cold then turn = turn + 1 end
  local day, second = math.floor(turn / 86400), turn %% 86400
  local hours, minutes = math.floor(second / 3600), math.floor(second / 60) %% 60
  local moment = string.format("2026-04-01T%%02d:%%02d:%%02d.%%03dZ", hours, minutes, second %% 60, day)
  return wrk.format(nil, "%(path)s", nil, before .. moment .. after)
end
done = function(summary, latency)
  local answered = 1e6 * summary.requests / summary.duration
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('\\n{"failed": %%d, "measured": [%%f, %%f, %%f, %%f]}\\n', failed, answered,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
"""


class Measured(NamedTuple):
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_us: float


class Served(NamedTuple):
    url: str
    pid: int
    headers: Mapping[str, str]
    path: str = "/graphql"


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("graphql-api") as database:
        yield database


@pytest.fixture(scope="module")
def environment(database: Database, redis_server: RedisServer) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database.app,
        "WORKER_DATABASE_URL": database.worker,
        "REDIS_URL": redis_server.url,
        "IDENTITY_PUBLIC_KEYS": KEY.public_text(),
        "ENCRYPTION_KEYS": "1:" + base64url_encode(bytes(32)),
        "OTEL_TRACES_SAMPLER_ARG": "0.05",
    }


@contextmanager
def ours(environment: Mapping[str, str], tenant: str) -> Iterator[Served]:
    scopes = frozenset({"argus:acqi:read"})
    caller = Caller(tenant_id=tenant, client_id=new_id("app"), scopes=scopes, token_use="service")
    port = free_port()
    command = [sys.executable, "-m", "services.graphql_api", "web", "--port", str(port)]
    with running(command, port, environment) as pid:
        yield Served(f"http://127.0.0.1:{port}", pid, {HEADER: mint(caller, KEY, "graphql_api", time.time() + 3600)})


@contextmanager
def ariadne() -> Iterator[Served]:
    port = free_port()
    with running([sys.executable, "-m", "tests.bench.graphql_ariadne"], port, os.environ | {"PORT": str(port)}) as pid:
        yield Served(f"http://127.0.0.1:{port}", pid, {}, "/graphql/")


@contextmanager
def mercurius(folder: Path) -> Iterator[Served | None]:
    """None if there is no Node, or npm cannot fetch the packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        print("not measured, not installed here: mercurius")
        yield None
        return
    script = str(shutil.copy(Path(__file__).parent / "graphql_mercurius.mjs", folder))
    install = [
        "npm",
        "install",
        "--silent",
        "--no-fund",
        "--no-audit",
        "--prefix",
        str(folder),
        "fastify@5",
        "mercurius@16",
        "graphql@16",
    ]
    if subprocess.run(install, check=False).returncode:
        print("not measured, npm could not fetch it: mercurius")
        yield None
        return
    port = free_port()
    given = {"PORT": str(port), "SDL": SDL, "FIGURES": json.dumps(FIGURES), "NODE_ENV": "production"}
    with running(["node", script], port, os.environ | given) as pid:
        yield Served(f"http://127.0.0.1:{port}", pid, {})


def test_figures_per_second_beside_what_others_make_of_them(
    database: Database, environment: dict[str, str], tmp_path: Path
) -> None:
    tenant = new_id("org")
    load(database, environment, tenant, 100_000)
    with ours(environment, tenant) as here, ariadne() as stock, mercurius(tmp_path) as node:
        doors: dict[str, tuple[Served, bool]] = {
            HOT: (here, False),
            COLD: (here, True),
            ARIADNE: (stock, True),
        }
        if node:
            doors[MERCURIUS] = (node, True)
        rounds = [{name: wrk(tmp_path, *door) for name, door in doors.items()} for _ in range(ROUNDS)]
    medians = {name: median([one[name] for one in rounds]) for name in doors}
    report(medians)
    missed = list[str]()
    for (own, peer), goal in GOALS.items():
        if peer in medians:
            gain = medians[peer].cpu_us / medians[own].cpu_us
            print(line := f"{own}: {peer} takes {gain:.2f} times its CPU; at least {goal:g}")
            missed += [line] if gain < goal else []
    assert missed == []


def test_latency_does_not_grow_with_history(database: Database, environment: dict[str, str], tmp_path: Path) -> None:
    """Cold requests, while the aggregates change all the time, so that they are read from the database each time."""
    tenants = {f"{count:,} encounters": new_id("org") for count in HISTORY}
    for count, tenant in zip(HISTORY, tenants.values(), strict=True):
        load(database, environment, tenant, count)
    with ExitStack() as stack:
        doors = {name: stack.enter_context(ours(environment, tenant)) for name, tenant in tenants.items()}
        for tenant in tenants.values():
            stack.enter_context(changing(database, tenant))
        # In turns, so that a busy moment of the machine affects all equally.
        rounds = [
            {name: wrk(tmp_path, door, True, connections=4) for name, door in doors.items()} for _ in range(ROUNDS)
        ]
    medians = {name: median([one[name] for one in rounds]) for name in doors}
    report(medians)
    slowest, fastest = (pick(one.p95_ms for one in medians.values()) for pick in (max, min))
    print(f"p95 within {GOAL_GROWTH:g} ×: {slowest / fastest:.2f} ×")
    assert slowest <= GOAL_GROWTH * fastest


def load(database: Database, environment: Mapping[str, str], tenant: str, count: int) -> None:
    """Stores that many encounters over a year as facts, then makes their aggregates with the operator's command."""
    began = time.perf_counter()
    with psycopg.connect(database.admin) as conn:
        facts.store(conn, tenant, count, date(2025, 7, 1))
    loaded = time.perf_counter()
    command = [sys.executable, "-m", "services.graphql_api", "rebuild-acqi", "--tenant", tenant]
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)
    print(f"\n{count:,} encounters: loaded in {loaded - began:.0f} s, rebuilt in {time.perf_counter() - loaded:.0f} s")


@contextmanager
def changing(database: Database, tenant: str) -> Iterator[None]:
    """Raises the version of the tenant's aggregates fifty times a second."""
    program = (
        "import psycopg, sys, time\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as conn:\n"
        "    while True:\n"
        "        conn.execute('UPDATE acqi_tenants SET version = version + 1 WHERE tenant_id = %s', (sys.argv[2],))\n"
        "        time.sleep(0.02)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, database.admin, tenant], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def wrk(folder: Path, served: Served, cold: bool, connections: int = CONNECTIONS) -> Measured:
    body = json.dumps({"query": PAGE, "variables": {"from": "@", "to": "2026-04-17T00:00:00Z"}})
    before, after = body.split("@")
    headers = "{" + ", ".join(f'["{name}"] = "{value}"' for name, value in served.headers.items()) + "}"
    script = folder / "load.lua"
    values = {
        "headers": headers,
        "before": before,
        "after": after,
        "cold": "true" if cold else "false",
        "path": served.path,
    }
    script.write_text(SCRIPT % values)
    check(served, body.replace("@", "2026-04-01T00:00:00Z"))
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--timeout", "30s", "-s", str(script), served.url]
    before_it = cpu_seconds(served)
    out = subprocess.run(pinned(1, command), capture_output=True, text=True, check=True).stdout
    result = json.loads(next(line for line in out.splitlines() if line.startswith("{")))
    assert result["failed"] == 0, out
    per_second, p50, p95, p99 = result["measured"]
    cpu_us = 1e6 * (cpu_seconds(served) - before_it) / (per_second * SECONDS)
    return Measured(per_second, p50, p95, p99, cpu_us)


def cpu_seconds(served: Served) -> float:
    """CPU seconds of the server so far; per request they are the same on a busy and on a quiet machine."""
    times = psutil.Process(served.pid).cpu_times()
    return times.user + times.system


def check(served: Served, body: str) -> None:
    """Makes sure that the measured response is an answer, not a refusal."""
    headers = {"content-type": "application/json", **served.headers}
    answer = httpx2.post(served.url + served.path, content=body, headers=headers, trust_env=False).json()
    assert "errors" not in answer
    assert len(answer["data"]["acqiMetrics"]) == len(FIGURES)


def median(measured: list[Measured]) -> Measured:
    return Measured(*(statistics.median(values) for values in zip(*measured, strict=True)))


def report(medians: dict[str, Measured]) -> None:
    print(
        f"\n{'':<34}{'/s':>10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'CPU µs':>8}   median of {ROUNDS}, servers on one core each"
    )
    for name, (rate, p50, p95, p99, cpu) in medians.items():
        print(f"{name:<34}{rate:>10.0f}{p50:>9.2f}{p95:>9.2f}{p99:>9.2f}{cpu:>8.0f}")


def pinned(core: int, command: list[str]) -> list[str]:
    """Runs servers on one core and the load on another, if `taskset` exists."""
    return ["taskset", "-c", str(core % (os.cpu_count() or 1)), *command] if shutil.which("taskset") else command


@contextmanager
def running(command: list[str], port: int, environment: Mapping[str, str]) -> Iterator[int]:
    child = subprocess.Popen(pinned(0, command), env=dict(environment), stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(port), what=command[0])
        yield child.pid
    finally:
        child.terminate()
        child.wait()


def answers(port: int) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"http://127.0.0.1:{port}/livez", trust_env=False).status_code == 200
    return False
