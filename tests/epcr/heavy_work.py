"""The process that makes heavy work for a web process of a test, and exports on their way."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psutil

from services.epcr.encounters import exporting
from shared.fairness.line import Line
from shared.web import heavy
from shared.web.problems import Problem
from tests.epcr.conftest import ENCOUNTERS, Client, Inside, Organisation
from tests.epcr.deliveries import recorded, spo2
from tests.epcr.samples import TYPICAL
from tests.support.waiting import PATIENCE, wait_for

LOOKS = 30
BEGAN = datetime(2026, 3, 23, 10, 15, tzinfo=UTC)


def long(organisation: Organisation, inside: Inside, portions: int = 3) -> str:
    """An encounter with a reading in each second, as many as are read in that many portions."""
    id = organisation.partner.create(**TYPICAL)
    for number in range(portions):
        times = (BEGAN + timedelta(seconds=number * exporting.PORTION + one) for one in range(exporting.PORTION))
        values = [spo2(f"9{time.second % 10}.{number}", device_id="dev_1", observed_at=time) for time in times]
        inside.receive(organisation.id, recorded(id, *values))
    return id


def read(organisation: Organisation, id: str, **query: Any) -> httpx2.Response:
    return organisation.hospital.get(f"{ENCOUNTERS}/{id}/fhir-bundle", params=query)


class Work:
    """The heavy work of this process, in one process beside it."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(one.pid) for one in multiprocessing.active_children() if one.pid is not None]

    @property
    def process(self) -> psutil.Process:
        [found] = self.processes
        return found

    @property
    def seconds(self) -> float:
        """Of a processor, that it has used."""
        times = self.process.cpu_times()
        return times.user + times.system

    def is_asked(self) -> bool:
        return self._line._places.taken > 0

    def waiting(self) -> int:
        return self._line._places.waiting

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It does nothing while the block runs."""
        process = self.process
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def wait_for_rest(self, what: str = "the end of all work") -> None:
        """Until nothing has been asked of it for some looks: between two portions of one answer nothing is asked either."""
        looks = 0

        def is_at_rest() -> bool:
            nonlocal looks
            looks = 0 if self.is_asked() or self.waiting() else looks + 1
            return looks == LOOKS

        wait_for(is_at_rest, what=what)


@contextmanager
def one_process() -> Iterator[Work]:
    """In place of two processes, so that one can be stopped."""
    made, before = Line(Problem, processes=1), heavy.line
    before.close()
    heavy.line = made
    try:
        yield Work(made)
    finally:
        heavy.line = before
        made.close()


def like(client: Client, http: httpx2.Client) -> Client:
    """The same app over another connection."""
    made = Client(http, client.tenant_id)
    made.caller = client.caller
    return made


@contextmanager
def asked(client: Client, path: str, **query: Any) -> Iterator[Future[httpx2.Response]]:
    """A GET call on its way, from a client of its own."""
    with (
        ThreadPoolExecutor(1) as pool,
        httpx2.Client(base_url=client.http.base_url, timeout=PATIENCE, trust_env=False) as http,
    ):
        yield pool.submit(like(client, http).get, path, params=query)


@contextmanager
def begun(client: Client, id: str) -> Iterator[tuple[httpx2.Response, Iterator[bytes]]]:
    """An export whose head has come, and its bytes; at the end of the block its client leaves."""
    address = f"{ENCOUNTERS}/{id}/fhir-bundle"
    answer = client.http.send(client.http.build_request("GET", address, headers=client.headers()), stream=True)
    try:
        assert answer.status_code == 200
        yield answer, answer.iter_bytes()
    finally:
        answer.close()
