"""Measures the export of an encounter with 60,000 readings: time, memory, and other callers beside it. `make bench-bundles`."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from deploy.local.databases import Database
from deploy.local.redis_server import RedisServer
from shared.primitives import ids
from tests.epcr.conftest import ENCOUNTERS, Client, Organisation
from tests.epcr.samples import TYPICAL
from tests.epcr.test_identities import process
from tests.support.cluster import TestDatabases

pytestmark = pytest.mark.bench
READINGS = 60_000
RATE, SECONDS = 50, 8
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


@pytest.fixture(scope="module")
def database(databases: TestDatabases) -> Iterator[Database]:
    with databases.lent("epcr") as database:
        yield database


def memory(pid: int, name: str = "VmRSS") -> float:
    """MiB of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(name + ":")]
    return int(line.split()[1]) / 1024


class Watch:
    """The most memory that a process has while the block runs."""

    def __init__(self, pid: int) -> None:
        self.before = self.most = memory(pid)
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.005):
            self.most = max(self.most, memory(self._pid))

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Others:
    """Another partner's reads of a short bundle, at an even rate."""

    def __init__(self, client: Client, id: str) -> None:
        self._client, self._path = client, f"{ENCOUNTERS}/{id}/fhir-bundle"
        self._over = threading.Event()
        self.seconds: list[float] = []
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        began = time.perf_counter()
        for number in range(RATE * 600):
            time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            if self._over.is_set():
                return
            start = time.perf_counter()
            assert self._client.get(self._path).status_code == 200
            self.seconds.append(time.perf_counter() - start)

    def __enter__(self) -> "Others":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def __str__(self) -> str:
        ordered = sorted(1000 * one for one in self.seconds)
        p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
        return f"{len(ordered):>5} reads  p50 {p50:6.1f} ms  p99 {p99:6.1f} ms"


def export(client: Client, id: str, **query: Any) -> tuple[float, float, int, int]:
    """Seconds to the first byte and to the last, bytes, and entries."""
    began, first, size, entries, tail = time.perf_counter(), 0.0, 0, 0, b""
    headers = client.headers()
    with client.http.stream("GET", f"{ENCOUNTERS}/{id}/fhir-bundle", params=query, headers=headers) as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_raw():
            first = first or time.perf_counter() - began
            size += len(chunk)
            entries += (tail + chunk).count(b'"fullUrl"') - tail.count(b'"fullUrl"')
            tail = chunk[-8:]
    return first, time.perf_counter() - began, size, entries


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_sixty_thousand_readings(database: Database, redis_server: RedisServer) -> None:
    with (
        process(database, redis_server.url) as (child, http),
        httpx2.Client(base_url=http.base_url, timeout=600, trust_env=False) as another,
    ):
        organisation, others = Organisation(http), Organisation(another)
        id, short = organisation.partner.create(**TYPICAL), others.partner.create(**TYPICAL)
        with psycopg.connect(database.migrator) as owner:
            owner.execute(FILL, {"tenant_id": organisation.id, "id": id, "count": READINGS})
            owner.execute("UPDATE encounters SET revision = 1000000 WHERE id = %s", (id,))
        for _ in range(50):
            others.hospital.bundle(short)
        organisation.hospital.bundle(organisation.partner.create(**TYPICAL))
        with Others(others.hospital, short) as quiet:
            time.sleep(SECONDS)
        print(f"\nothers, alone{'':<40}{quiet}")
        for form in ("all", "summary", "none"):
            for beside in (False, True):
                with Watch(child.pid) as watched:
                    began, reading = cpu(child.pid), None
                    if beside:
                        with Others(others.hospital, short) as reading:
                            first, last, size, entries = export(organisation.hospital, id, readings=form)
                            time.sleep(0.5)
                    else:
                        first, last, size, entries = export(organisation.hospital, id, readings=form)
                    spent = cpu(child.pid) - began
                grown = watched.most - watched.before
                print(
                    f"{form:<8} first byte {first:5.2f} s, last {last:6.2f} s ({last / READINGS * 10_000:5.2f} s per 10,000), "
                    f"process {spent:5.2f} s of CPU, {size / 1e6:6.1f} MB, {entries:>6} entries, memory + {grown:5.1f} MiB"
                    + (f"   others: {reading}" if reading else "")
                )
        parts = organisation.hospital.get(
            f"{ENCOUNTERS}/{id}/fhir-bundle", params={"max_entries": 500, "readings": "all"}
        )
        bundles = json.loads(parts.content)["bundles"]
        print(f"split into {len(bundles)} bundles of at most {max(len(one['entry']) for one in bundles)} entries")
        assert ids.is_id(id, "enc")
