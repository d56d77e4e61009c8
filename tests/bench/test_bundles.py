"""Measures the export of an encounter with 60,000 readings: time, memory, and other callers beside it. `make bench-bundles`.

Others are measured alone, beside exports one after another, and alone again, in turns of one run. The two groups of times alone differ by
chance and by other load of the machine: times beside exports are compared with the slower group. The client that fetches the exports
represents another machine: it has the lowest priority, and keeps nothing (`receiving.py`).
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import psutil
import psycopg
import pytest

from deploy.local import ports
from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from deploy.local.table import ROOT
from services.device_ingest.settings import Settings as DeviceSettings
from services.epcr.fhir.readings import Form
from tests.bench.reading import Readers, Reading, Times
from tests.bench.receiving import Fetched, Fetching, Receiver
from tests.device_ingest.conftest import Partner
from tests.epcr.conftest import ENCOUNTERS, Client, Organisation, settings_for
from tests.epcr.samples import TYPICAL
from tests.support import alone
from tests.support.cluster import TestDatabases
from tests.support.plain import PLAIN
from tests.support.waiting import wait_for

pytestmark = pytest.mark.bench
READINGS = 60_000
RATE, SECONDS, ROUNDS = 40, 6, 10
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
# Of the 99th percentile of others alone.
UNMOVED = 1.25
# Five readings a second of one monitor.
FILL = """
    INSERT INTO observations (id, tenant_id, encounter_id, device_id, device_class, mdc_code, mdc_code10, value, unit_code,
        data_absent_reason, observed_at, revision)
    SELECT 'obs_' || lpad(n::text, 26, '0'), %(tenant_id)s, %(id)s, 'dev_1', 'multiparameter', metric.code, metric.code10,
        metric.value + n %% 7, metric.unit, NULL, timestamptz '2026-03-23T10:00:00Z' + interval '1 second' * (n / 5), 2 + n / 100
    FROM generate_series(0, %(count)s - 1) AS n
    JOIN (VALUES (0, 'MDC_PULS_OXIM_SAT_O2', 150456, 90.0, '%%'), (1, 'MDC_PULS_OXIM_PULS_RATE', 149530, 70, '/min'),
        (2, 'MDC_ECG_HEART_RATE', 147842, 70, '/min'), (3, 'MDC_AWAY_CO2_ET', 151728, 35, 'mm[Hg]'),
        (4, 'MDC_TEMP_CORE', 150368, 36.60, 'Cel')) AS metric (place, code, code10, value, unit) ON metric.place = n %% 5
"""


class Watch:
    """The most memory that a process and its children have while the block runs, in MiB, and the seconds of CPU of each.

    Children are those that it has at the begin: looking for others costs milliseconds of a processor.
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._children = self._process.children(recursive=True)
        self.before = self.most = self._memory()
        self._cpu_before = self._cpu()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _memory(self) -> float:
        return sum(one.memory_info().rss for one in (self._process, *self._children)) / 2**20

    def _cpu(self) -> dict[str, float]:
        def of(*processes: psutil.Process) -> float:
            times = [one.cpu_times() for one in processes]
            return sum(one.user + one.system for one in times)

        return {"process": of(self._process), "children": of(*self._children)}

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, self._memory())

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.cpu = {name: taken - self._cpu_before[name] for name, taken in self._cpu().items()}


@contextmanager
def process(module: str, environment: dict[str, str], root: Path) -> Iterator[tuple[int, str]]:
    """The pid of a web process with the code in `root`, and its address."""
    port = ports.free_port(0)
    command = [sys.executable, "-m", module, "web", "--port", str(port)]
    surroundings = os.environ | environment
    child = subprocess.Popen(command, env=surroundings, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _is_ready(url), 60, "the process")
        yield child.pid, url
    finally:
        child.kill()
        child.wait()


def _is_ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", verify=PLAIN, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


class Found(dict[str, Times]):
    """The times of each kind of calls, of several rounds."""

    def add(self, readers: Readers) -> None:
        for kind, times in readers.times.items():
            self.setdefault(kind, Times()).extend(times)


def fetching(client: Client, id: str, **query: Any) -> Fetching:
    place = urlsplit(str(client.http.base_url))
    head = [f"GET {ENCOUNTERS}/{id}/fhir-bundle?{urlencode(query)} HTTP/1.1", "host: bench", "connection: close"]
    head += [f"{name}: {value}" for name, value in client.headers().items()]
    return Fetching(place.hostname or "", place.port or 0, "\r\n".join([*head, "", ""]))


def export(client: Client, id: str, **query: Any) -> tuple[Fetched, bytes]:
    """The answer of one export that is fetched in this process."""
    asked, parts = fetching(client, id, **query), list[bytes]()
    began, first = time.perf_counter(), 0.0
    with socket.create_connection((asked.host, asked.port), timeout=600) as connection:
        connection.sendall(asked.request.encode())
        while part := connection.recv(1 << 20):
            first = first or time.perf_counter() - began
            parts.append(part)
    last, answer = time.perf_counter() - began, b"".join(parts)
    assert answer.startswith(b"HTTP/1.1 200 ")
    return Fetched(first, last, len(answer)), answer


def measure(epcr: Database, devices: Database, redis_url: str, form: Form, root: Path = ROOT) -> None:
    of_devices = alone.settings_for(DeviceSettings, devices, redis_url)
    with ExitStack() as stack:
        settings = alone.environment_of(settings_for(epcr, redis_url))
        pid, url = stack.enter_context(process("services.epcr", settings, root))
        _, other_url = stack.enter_context(process("services.device_ingest", alone.environment_of(of_devices), root))
        options = {"timeout": 600, "trust_env": False, "verify": PLAIN}
        http = stack.enter_context(httpx2.Client(base_url=url, **options))
        organisation, others = Organisation(http), Organisation(http)
        id, short = organisation.partner.create(**TYPICAL), others.partner.create(**TYPICAL)
        partner = Partner(stack.enter_context(httpx2.Client(base_url=other_url, **options)))
        device = partner.enrol()
        hospital = others.hospital.caller
        readings = [
            Reading("record", f"{url}{ENCOUNTERS}/{short}", "epcr", hospital, RATE),
            Reading("short bundle", f"{url}{ENCOUNTERS}/{short}/fhir-bundle", "epcr", hospital, RATE),
            Reading("device", f"{other_url}{device}", "device_ingest", partner.caller, RATE),
        ]
        assert partner.get(device).status_code == 200
        with psycopg.connect(epcr.migrator) as owner:
            owner.execute(FILL, {"tenant_id": organisation.id, "id": id, "count": READINGS})
            owner.execute("UPDATE encounters SET revision = 1000000 WHERE id = %s", (id,))
        export(organisation.hospital, id)
        with Readers(readings):
            time.sleep(1)
        with Watch(pid) as watched:
            fetched, answer = export(organisation.hospital, id, readings=form)
        entries = answer.count(b'"fullUrl"')
        print(f"{form}: {entries} entries")
        describe(form, watched, fetched)
        compare(form, *beside(form, readings, pid, lambda: fetching(organisation.hospital, id, readings=form)))


def beside(
    form: Form, readings: Sequence[Reading], pid: int, asked: Callable[[], Fetching]
) -> tuple[Found, Found, Found]:
    """The times of others beside exports one after another, before them, and after them. The three take turns."""
    found, before, after = Found(), Found(), Found()

    def alone_for(group: Found) -> None:
        with Readers(readings) as readers:
            time.sleep(SECONDS)
        group.add(readers)

    for _ in range(ROUNDS):
        alone_for(before)
        with Receiver() as receiver, Readers(readings) as readers, Watch(pid) as watched:
            until, fetched = time.perf_counter() + SECONDS, [receiver.fetch(asked())]
            while time.perf_counter() < until:
                fetched.append(receiver.fetch(asked()))
        found.add(readers)
        describe(f"{form}, beside others, the last of {len(fetched)}", watched, fetched[-1])
        alone_for(after)
    return found, before, after


def compare(form: Form, found: Found, *alone: Found) -> None:
    for name, kinds in zip(("beside exports", "alone, before", "alone, after"), (found, *alone), strict=True):
        print("\n".join(f"   others, {form}, {name}: {kind:<13} {times}" for kind, times in kinds.items()))
    for kind, times in found.items():
        slower = {share: max(one[kind].at(share) for one in alone) for share in SHARES.values()}
        ratios = ", ".join(f"{name} {times.at(share) / slower[share]:.2f}" for name, share in SHARES.items())
        apart = max(one[kind].at(0.99) for one in alone) / min(one[kind].at(0.99) for one in alone)
        print(f"   others, {form}, beside exports / alone: {kind:<13} {ratios}; p99 alone / alone {apart:.2f}")
    assert all(times.at(0.99) <= UNMOVED * max(one[kind].at(0.99) for one in alone) for kind, times in found.items())


def describe(name: str, watched: Watch, fetched: Fetched) -> None:
    print(
        f"{name}: first byte {fetched.first:.2f} s, last {fetched.last:.2f} s ({fetched.last / READINGS * 10_000:.2f} s per 10,000), CPU "
        f"{watched.cpu['process']:.2f} s and {watched.cpu['children']:.2f} s of children, {fetched.size / 1e6:.1f} MB, "
        f"memory {watched.before:.0f} + {watched.most - watched.before:.1f} MiB"
    )


@pytest.mark.parametrize("form", ["all", "summary"])
def test_sixty_thousand_readings(databases: TestDatabases, redis_server: RedisServer, form: Form) -> None:
    with databases.lent("epcr") as epcr, databases.lent("device-ingest") as devices:
        print()
        measure(epcr, devices, redis_server.url, form)
