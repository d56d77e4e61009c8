"""Everyday calls of an innocent tenant, their durations, and the machine's share in them."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import sqrt
from pathlib import Path
from statistics import median, quantiles

import httpx2
import psutil

from deploy.local.table import ROOT
from tests.support.plain import PLAIN
from tests.support.stack import Stack

Calls = dict[str, Callable[[], httpx2.Response]]
Seconds = dict[str, list[float]]
PAUSE = 0.05
TIMES = 3
NOTHING = "nothing"
"""A call to a server that does no work, on the same machine at the same time: it shows the machine's share in the durations."""
ATTACKERS_NICE = 12
OWN = Path("/proc/thread-self/schedstat")
SERVERS = {"postgres": "postgres", "redis-server": "redis", "valkey-server": "redis"}


@contextmanager
def everyday(stack: Stack) -> Iterator[Calls]:
    """One call for each service, and one to a server that does no work."""
    scopes = ["webhooks:write", "argus:epcr:write", "argus:devices:write"]
    app = stack.register_app(scopes, stack.other.access_token)
    token = stack.token(app, " ".join(scopes))
    grant = {"grant_type": "client_credentials"}
    with (
        stack.client("api", token) as api,
        stack.client("auth", token) as auth,
        stack.client("auth") as anonymous,
        stub() as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=PLAIN) as bare,
    ):
        yield {
            "list devices": lambda: api.get("/api/v1/devices"),
            "list encounters": lambda: api.get("/api/v1/epcr/encounters"),
            "list webhooks": lambda: auth.get("/v1/webhooks"),
            "bundles": lambda: api.get("/api/v1/graphql/bundles"),
            "token": lambda: anonymous.post("/v1/oauth/token", data=grant, auth=(app.client_id, app.client_secret)),
            NOTHING: lambda: bare.get("/"),
        }


@contextmanager
def stub() -> Iterator[int]:
    """The port of a server that reads requests and does no work."""
    server = subprocess.Popen([sys.executable, "-m", "tests.chaos.stub"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.communicate()


def rounds(calls: Calls, count: int) -> Seconds:
    return while_there_are(calls, iter(range(count)))


def while_there_are(calls: Calls, turns: Iterator[object]) -> Seconds:
    """Makes each call once per turn; returns the seconds that each took, less those in which this thread waited for a processor.

    A client has a machine of its own. Here it shares one with the attackers and the system.
    """
    taken: Seconds = {name: [] for name in calls}
    for _ in turns:
        for name, call in calls.items():
            began, waited = time.perf_counter(), own_wait()
            answer = call()
            taken[name].append(time.perf_counter() - began - (own_wait() - waited))
            assert answer.is_success, f"{name}: {answer.status_code} {answer.text}"
        time.sleep(PAUSE)
    return taken


def own_wait() -> float:
    """Seconds in which this thread was ready and waited for a processor so far."""
    return waited_by(OWN)


def waited_by(schedstat: Path) -> float:
    """Of a thread's `schedstat` (proc_pid_schedstat(5))."""
    return int(schedstat.read_text().split()[1]) / 1e9


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


def too_many_are_slow(usual: list[float], control: list[float], attacked: list[float]) -> bool:
    """Whether more than a hundredth of the attacked calls take longer than `TIMES` times the usual median.

    The share that is as slow under the same load on a stub is allowed in addition, plus the statistical error of two counts of
    that size. If the machine itself slows no call, both are zero.
    """
    limit = TIMES * median(usual)
    chance = 2 * sqrt(slower(control, limit) * (1 - slower(control, limit)) * (1 / len(control) + 1 / len(attacked)))
    return slower(attacked, limit) > 0.01 + slower(control, limit) + chance


def slower(values: list[float], limit: float) -> float:
    """The share of `values` above `limit`."""
    return sum(value > limit for value in values) / len(values)


def compared(taken: Mapping[str, Seconds]) -> dict[str, dict[str, str]]:
    """Figures by call and by attacked target; the first of `taken` is the usual state."""
    usual = next(iter(taken.values()))
    return {
        name: {who: _described(seconds[name], TIMES * median(usual[name])) for who, seconds in taken.items()}
        for name in usual
    }


def _described(values: list[float], limit: float) -> str:
    figures = {"median": median(values), "p99": p99(values), "worst": max(values)}
    written = [f"{name} {seconds * 1e3:.1f} ms" for name, seconds in figures.items()]
    return ", ".join([*written, f"{slower(values, limit):.1%} over {limit * 1e3:.1f} ms"])


def unprivileged() -> None:
    """For `preexec_fn`: real attackers run on other machines, so these work only while the system leaves a processor free.

    An idle priority would stop them while other work runs on the machine.
    """
    os.nice(ATTACKERS_NICE)


def cpu_seconds(stack: Stack, beside: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds of each process of the stack so far, by its name, and of those `beside` it. The stack's count with their children."""
    taken: defaultdict[str, float] = defaultdict(float)
    for name, process in _processes(stack, beside):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            taken[name] += times.user + times.system
    return taken


def waited_seconds(stack: Stack, beside: Mapping[str, int]) -> dict[str, float]:
    """Seconds in which threads of each process were ready and waited for a processor; by the same names."""
    waited: defaultdict[str, float] = defaultdict(float)
    for name, process in _processes(stack, beside):
        for thread in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                waited[name] += waited_by(thread)
    return waited


def _processes(stack: Stack, beside: Mapping[str, int]) -> Iterator[tuple[str, psutil.Process]]:
    described = stack.described
    named = {described["gateway_pid"]: "gateway"} | {
        pid: f"{name} {kind}"
        for name, service in described["services"].items()
        for kind, pid in service["pids"].items()
    }
    yield from ((name, psutil.Process(pid)) for name, pid in beside.items())
    supervisor = psutil.Process(described["supervisor_pid"])
    names: dict[int, str] = {}
    for process in (supervisor, *supervisor.children(recursive=True)):  # parents before their children
        with suppress(psutil.NoSuchProcess):
            inherited = names.get(process.ppid(), "supervisor")
            names[process.pid] = named.get(process.pid) or SERVERS.get(process.name(), inherited)
            yield names[process.pid], process
