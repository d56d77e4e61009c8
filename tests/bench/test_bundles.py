"""Measures the export of an encounter with 60,000 readings: time, memory, and other callers beside it. `make bench-bundles`.

Beside an export others share the processors with one more process. The control is the same load beside processes that only burn as much
processor time as the renderer does, with its priority, and pass as many bytes on, in as many hops, to a client that reads them as the
export's does. Longer times than beside it are waits for the export.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from services.epcr.renderer.process import NICE
from tests.bench.burner import Burner, Load
from tests.bench.reading import Readers, Reading, Times
from tests.device_ingest.conftest import Partner
from tests.epcr.conftest import ENCOUNTERS, Client, Organisation, settings_for
from tests.epcr.samples import TYPICAL
from tests.support import alone
from tests.support.cluster import TestDatabases
from tests.support.plain import PLAIN
from tests.support.waiting import wait_for

pytestmark = pytest.mark.bench
READINGS = 60_000
RATE, SECONDS, ROUNDS = 40, 6, 3
# A portion of the renderer.
SLICE = 0.02
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
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
    """The most memory that a process and its children have while the block runs, in MiB, and the seconds of CPU of each."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.before = self.most = self._memory()
        self._cpu_before = self._cpu()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]

    def _memory(self) -> float:
        total = 0
        for one in self._all():
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total / 2**20

    def _cpu(self) -> dict[str, float]:
        names = ["process", *(["children"] * (len(self._all()) - 1))]
        taken: dict[str, float] = {"process": 0.0, "children": 0.0}
        for name, one in zip(names, self._all(), strict=True):
            times = one.cpu_times()
            taken[name] += times.user + times.system
        return taken

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


def export(client: Client, id: str, **query: Any) -> tuple[float, float, bytes]:
    """Seconds to the first byte and to the last, and the answer. Reads the socket alone: a client that works takes from the others."""
    place = urlsplit(str(client.http.base_url))
    head = [f"GET {ENCOUNTERS}/{id}/fhir-bundle?{urlencode(query)} HTTP/1.1", "host: bench", "connection: close"]
    head += [f"{name}: {value}" for name, value in client.headers().items()]
    began, first, parts = time.perf_counter(), 0.0, list[bytes]()
    with socket.create_connection((place.hostname, place.port), timeout=600) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        while part := connection.recv(1 << 20):
            first = first or time.perf_counter() - began
            parts.append(part)
    last = time.perf_counter() - began
    answer = b"".join(parts)
    assert answer.startswith(b"HTTP/1.1 200 ")
    return first, last, answer


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
            first, last, answer = export(organisation.hospital, id, readings=form)
        describe(form, watched, first, last, answer)
        beside(form, readings, pid, lambda: export(organisation.hospital, id, readings=form))


def beside(
    form: Form, readings: Sequence[Reading], pid: int, exported: Callable[[], tuple[float, float, bytes]]
) -> None:
    """Prints the times of others alone, beside exports one after another, and beside the control. The three take turns."""
    found: dict[str, dict[str, Times]] = {}

    def measured(name: str, readers: Readers) -> None:
        for kind, times in readers.times.items():
            found.setdefault(name, {}).setdefault(kind, Times()).extend(times)

    for _ in range(ROUNDS):
        with Readers(readings) as readers:
            time.sleep(SECONDS)
        measured("alone", readers)
        began = time.perf_counter()
        with Readers(readings) as readers, Watch(pid) as watched:
            until, number = time.perf_counter() + SECONDS, 1
            first, last, answer = exported()
            while time.perf_counter() < until:
                first, last, answer = exported()
                number += 1
            seconds = time.perf_counter() - began
        measured("beside exports", readers)
        describe(f"{form}, beside others, the last of {number}", watched, first, last, answer)
        burnt = watched.cpu["children"]
        load = Load(NICE, burnt / seconds, SLICE, round(number * len(answer) * SLICE / burnt))
        with Readers(readings) as readers, Burner(load) as burner:
            time.sleep(seconds)
        measured("control", readers)
        print(
            f"   the control burnt {burner.burnt:.2f} s of processor time and passed {burner.read / 1e6:.0f} MB on, "
            f"the renderer {burnt:.2f} s and {number * len(answer) / 1e6:.0f} MB"
        )
    for name, kinds in found.items():
        report(f"{form}, {name}", kinds)
    for kind, times in found["beside exports"].items():
        control = found["control"][kind]
        ratios = ", ".join(f"{name} {times.at(share) / control.at(share):.2f}" for name, share in SHARES.items())
        print(f"   others, {form}, exports / control: {kind:<13} {ratios}")
    # Noise of one run: each has some 700 calls of a kind, of which seven are beyond the 99th percentile.
    assert all(times.at(0.99) < 2 * found["control"][kind].at(0.99) for kind, times in found["beside exports"].items())


def describe(name: str, watched: Watch, first: float, last: float, answer: bytes) -> None:
    entries = answer.count(b'"fullUrl"')
    print(
        f"{name}: first byte {first:.2f} s, last {last:.2f} s ({last / READINGS * 10_000:.2f} s per 10,000), CPU "
        f"{watched.cpu['process']:.2f} s and {watched.cpu['children']:.2f} s of children, {len(answer) / 1e6:.1f} MB, {entries} entries, "
        f"memory {watched.before:.0f} + {watched.most - watched.before:.1f} MiB"
    )


def report(name: str, kinds: Mapping[str, Times]) -> None:
    print("\n".join(f"   others, {name}: {kind:<13} {times}" for kind, times in kinds.items()))


@pytest.mark.parametrize("form", ["all", "summary"])
def test_sixty_thousand_readings(databases: TestDatabases, redis_server: RedisServer, form: Form) -> None:
    with databases.lent("epcr") as epcr, databases.lent("device-ingest") as devices:
        print()
        measure(epcr, devices, redis_server.url, form)
