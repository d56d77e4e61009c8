"""Compares the gateway with HAProxy, Fastify and plain Python proxies: same token, service and core, in turn. `make bench-gateway`."""

import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from deploy.local.ports import free_port
from tests.gateway.conftest import World
from tests.gateway.issuer import FIRST, KEYS
from tests.gateway.raw import Door
from tests.support.child import start_child
from tests.support.waiting import wait_for

HAPROXY = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout client 80s
    timeout server 80s
    timeout connect 2s
frontend gateway
    bind 127.0.0.1:{port}
    http-request deny deny_status 421 unless {{ hdr(host) api.test }}
    http-request set-var(txn.token) http_auth_bearer
    http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
    http-request set-var(txn.issuer) var(txn.token),jwt_payload_query('$.iss')
    http-request set-var(txn.until) var(txn.token),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
    http-request deny deny_status 401 unless {{ var(txn.issuer) -m str http://auth.test }}
    http-request deny deny_status 401 if {{ var(txn.until),sub(txn.now) -m int lt 0 }}
    http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.alg,"{key}") 1 }}
    http-request del-header authorization
    http-request set-header x-knogin-identity %[var(txn.token),jwt_payload_query('$.tenant_id')]
    default_backend service
backend service
    http-reuse always
    server service 127.0.0.1:{origin}
"""
ORIGIN = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout client 80s
    timeout server 80s
    timeout connect 2s
frontend service
    bind 127.0.0.1:{port}
    http-request return status 200 content-type application/json string '{{"deliveries":[]}}'
"""
FASTIFY = """
const fs = require("fs")
const [port, origin, key] = process.argv.slice(2)
const fastify = require("fastify")()
fastify.register(require("@fastify/jwt"), {
  secret: { public: fs.readFileSync(key) },
  verify: { algorithms: ["RS256"], allowedIss: "http://auth.test", cache: 1000 },
})
fastify.register(require("@fastify/http-proxy"), {
  upstream: "http://127.0.0.1:" + origin,
  preHandler: async (request) => { await request.jwtVerify() },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => {
      const { authorization, ...kept } = headers
      return { ...kept, "x-knogin-identity": request.user.tenant_id }
    },
  },
})
fastify.listen({ port: Number(port), host: "127.0.0.1" })
"""
PACKAGES = ["fastify@5", "@fastify/http-proxy@11", "@fastify/jwt@10"]


def origin_command(folder: Path, port: int) -> list[str]:
    return _haproxy(folder / "origin.cfg", ORIGIN.format(port=port))


def haproxy(folder: Path, port: int, origin: int, key: Path) -> list[str]:
    return _haproxy(folder / "haproxy.cfg", HAPROXY.format(port=port, origin=origin, key=key))


def fastify(folder: Path, port: int, origin: int, key: Path) -> list[str] | None:
    """None if there is no Node, or npm cannot fetch the packages."""
    if not (shutil.which("node") and shutil.which("npm")):
        return None
    script = folder / "fastify.js"
    script.write_text(FASTIFY)
    installed = subprocess.run(
        ["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *PACKAGES], check=False
    )
    return ["node", str(script), str(port), str(origin), str(key)] if installed.returncode == 0 else None


def python(kind: str) -> Callable[[Path, int, int, Path], list[str]]:
    """`httpx2` behind Starlette, or another client behind plain ASGI, under uvicorn."""

    def command(folder: Path, port: int, origin: int, key: Path) -> list[str]:
        os.environ |= {"BENCH_ORIGIN": f"http://127.0.0.1:{origin}", "BENCH_KEY": str(key)}
        application = f"tests.bench.gateway_python:{kind}"
        return [
            sys.executable,
            "-m",
            "uvicorn",
            application,
            "--port",
            str(port),
            "--no-access-log",
            "--log-level",
            "error",
        ]

    return command


def _haproxy(file: Path, text: str) -> list[str]:
    file.write_text(text)
    return ["haproxy", "-db", "-f", str(file)]


pytestmark = pytest.mark.bench
ROUNDS = 3
SECONDS = 3
# The requests for each second of CPU, as a share of HAProxy's in the same run; by the share of requests that is sampled.
GOALS_OF_HAPROXY = {0: 0.45, 5: 0.4, 100: 0.24}
TICKS = os.sysconf("SC_CLK_TCK")
SERVER, CLIENT = ("0", "1") if (os.cpu_count() or 1) > 1 else ("0", "0")


@dataclass
class Contender:
    name: str
    command: list[str]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def capacity(self) -> float:
        """Requests per second of one core used only for this. Unlike `rate`, it is the same on a machine that is busy with other work."""
        return 1e6 / min(self.cpu)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@contextmanager
def running(command: list[str], port: int, core: str, environment: dict[str, str] | None = None) -> Iterator[int]:
    child = start_child(
        ["taskset", "-c", core, *command], env=os.environ | (environment or {}), stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: _accepts(port), what=command[0])
        yield child.pid
    finally:
        child.terminate()
        child.wait()


def _accepts(port: int) -> bool:
    with suppress(OSError), Door(port):
        return True
    return False


def measure(contender: Contender, pid: int, token: str, connections: int) -> tuple[float, float, float, float]:
    """Requests per second, CPU microseconds of the server per request, p50 and p99 in milliseconds."""
    before = cpu_seconds(pid)
    url = f"http://127.0.0.1:{contender.port}/api/v1/devices"
    command = ["taskset", "-c", CLIENT, "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency"]
    output = subprocess.run(
        [*command, "-H", "Host: api.test", "-H", f"Authorization: Bearer {token}", url], capture_output=True, text=True
    ).stdout
    assert "Non-2xx" not in output, output
    requests = int(re.search(r"(\d+) requests in", output)[1])  # pyright: ignore[reportOptionalSubscript]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])  # pyright: ignore[reportOptionalSubscript]
    return rate, 1e6 * (cpu_seconds(pid) - before) / requests, _percentile(output, 50), _percentile(output, 99)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _percentile(output: str, percent: int) -> float:
    match = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)", output)
    assert match, output
    return float(match[1]) * {"us": 0.001, "ms": 1, "s": 1000}[match[2]]


def gateway_contender(world: World, name: str, origin: int, **changes: Any) -> Contender:
    port = free_port()
    urls = {
        f"gateway_upstream_{name}": f"http://127.0.0.1:{origin}" for name in ("webhooks", "graphql", "epcr", "devices")
    }
    settings = world.settings(**{"ops_port": free_port(), "rate_limit_read": "99999999/60", **urls, **changes})
    environment = {key.upper(): str(value) for key, value in msgspec.structs.asdict(settings).items()}
    return Contender(name, [sys.executable, "-m", "gateway", "web", "--port", str(port)], port, environment)


def contenders(world: World, folder: Path, origin: int) -> list[Contender]:
    key = folder / "key.pem"
    key.write_bytes(KEYS[FIRST].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    spans = str(folder / "spans")
    made = [
        gateway_contender(world, "gateway, sampling 0 %", origin, otel_traces_sampler_arg=0.0, spans_file=spans),
        gateway_contender(world, "gateway, sampling 5 %", origin, otel_traces_sampler_arg=0.05, spans_file=spans),
        gateway_contender(world, "gateway, sampling 100 %", origin, otel_traces_sampler_arg=1.0, spans_file=spans),
    ]
    others = {
        "HAProxy, jwt_verify": haproxy,
        "Fastify, http-proxy, JWT cache": fastify,
        "uvicorn, bare ASGI, pyreqwest": python("asgi_pyreqwest"),
        "uvicorn, bare ASGI, our client": python("asgi_own"),
        "uvicorn, Starlette, httpx2": python("starlette_httpx2"),
    }
    for name, build in others.items():
        command = build(folder, port := free_port(), origin, key)
        if command is None:
            print(f"not measured, not installed here: {name}")
        else:
            made.append(Contender(name, command, port))
    return [*made, Contender("the service itself", [], origin)]


@pytest.mark.skipif(
    not (shutil.which("wrk") and shutil.which("haproxy")), reason="needs wrk and haproxy (apt-get install wrk haproxy)"
)
def test_requests_per_second_beside_others(world: World, tmp_path: Path) -> None:
    origin = free_port()
    with running(origin_command(tmp_path, origin), origin, CLIENT) as origin_pid:
        field = contenders(world, tmp_path, origin)
        token = world.issuer.token()
        for _ in range(ROUNDS):
            for contender in field:
                if contender.port == origin:
                    _round(contender, origin_pid, token)
                    continue
                with running(contender.command, contender.port, SERVER, contender.environment) as pid:
                    wait_for(lambda port=contender.port: _answers(port, token), what=contender.name)
                    _round(contender, pid, token)
    report(field)
    capacities = {contender.name: contender.capacity for contender in field}
    shares = {
        sampled: capacities[f"gateway, sampling {sampled} %"] / capacities["HAProxy, jwt_verify"]
        for sampled in GOALS_OF_HAPROXY
    }
    print(f"of HAProxy's requests per CPU: {shares}; at least {GOALS_OF_HAPROXY}")
    assert {sampled: share for sampled, share in shares.items() if share < GOALS_OF_HAPROXY[sampled]} == {}


def _answers(port: int, token: str) -> bool:
    with suppress(OSError, AssertionError), Door(port) as door:
        return door.request("GET", "/api/v1/devices", token=token).status == 200
    return False


def _round(contender: Contender, pid: int, token: str) -> None:
    rate, cpu, _, _ = measure(contender, pid, token, 32)
    contender.rates.append(rate)
    contender.cpu.append(cpu)
    _, _, p50, p99 = measure(contender, pid, token, 1)
    contender.p50.append(p50)
    contender.p99.append(p99)


def report(field: list[Contender]) -> None:
    haproxy = next(contender for contender in field if contender.name.startswith("HAProxy"))
    direct = field[-1]
    print(
        f"\n{'32 connections; 1 connection':<32}{'req/s':>9}{'of HAProxy':>12}{'CPU µs/req':>12}{'of HAProxy':>12}"
        f"{'added p50':>14}{'added p99':>14}"
    )
    for one in field:
        added = [
            statistics.median(values) - statistics.median(base)
            for values, base in ((one.p50, direct.p50), (one.p99, direct.p99))
        ]
        print(
            f"{one.name:<32}{one.rate:>9,.0f}{one.rate / haproxy.rate:>12.2f}{min(one.cpu):>12.0f}"
            f"{one.capacity / haproxy.capacity:>12.2f}{added[0]:>11.2f} ms{added[1]:>11.2f} ms"
        )
