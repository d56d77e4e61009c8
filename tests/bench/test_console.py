"""`make bench-console`: how long each page of the console takes for an organisation that has used the platform for years.

`BENCH_SCALE` (1) multiplies the sizes: the organisation has 1,000,000 deliveries of one webhook, 100,000 encounters, 5,000 devices with
readings, 500 people (these at any scale), and the other rows of `make load`; the test counts them first. Real addresses of pages with ids
come from the console's own links; the pages of an id that the organisation does not have, such as a sandbox's, are named and not measured.
The pages of operators are asked for by an operator with a second factor, all others by the organisation's administrator. The 95th
percentile of each page must stay below `MOST_MILLISECONDS` on two cores, and no part of a page may fail. The console lets a person ask for
300 pages a minute: most of the time is waiting for that.
"""

import os
import statistics
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import httpx2
import pytest
from starlette.routing import compile_path

from deploy.load.loading import Progress, load
from deploy.load.people import PEOPLE
from deploy.load.rows import Sizes
from deploy.local.state import read_json
from services.console.pages import registry
from services.console.pages.registry import Entry
from tests.console.through import Signed
from tests.support.running import RunningStack
from tests.support.stack import Stack

pytestmark = pytest.mark.bench
MOST_MILLISECONDS = 300
TIMES = 20
FAILED_PART = '<div class="missing">'
CRAWLED = 400
SIZES = Sizes(
    tenants=50,
    delivered=50_000,
    past=500_000,
    waiting=500_000,
    encounters=105_000,
    large=100_000,
    readings=500_000,
    outbox=1,
    revocations=100,
    entries=100_000,
    devices=5_000,
)
SCALE = float(os.environ.get("BENCH_SCALE", "1"))
OF_OPERATORS = "operators"
COUNTS = {
    "deliveries": ("webhook-dispatcher", "SELECT count(*) FROM deliveries WHERE tenant_id = %s"),
    "encounters": ("epcr", "SELECT count(*) FROM encounters WHERE tenant_id = %s"),
    "devices with readings": (
        "device-ingest",
        "SELECT count(DISTINCT device_id) FROM observations WHERE tenant_id = %s",
    ),
    "people": ("auth", "SELECT count(*) FROM users WHERE tenant_id = %s"),
}


class Patient(Signed):
    """Asks again where the person asked for too many pages in this minute. `milliseconds` has the time of the last answer."""

    milliseconds = 0.0

    def get(self, path: str, **headers: str) -> httpx2.Response:
        while True:
            began = time.perf_counter()
            answer = super().get(path, **headers)
            self.milliseconds = (time.perf_counter() - began) * 1000
            if answer.status_code != 429:
                return answer
            time.sleep(float(answer.headers["retry-after"]))


class People(NamedTuple):
    stack: Stack
    administrator: Patient
    operator: Patient

    def asks_for(self, entry: Entry) -> Patient:
        return self.operator if entry.area.name == OF_OPERATORS else self.administrator


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    running = RunningStack(tmp_path_factory.mktemp("console") / "state")
    stack = running.start()
    try:
        load(running.state, SIZES.scaled(SCALE), "http://127.0.0.1:9", Progress())
        operator = read_json(running.folder / "bootstrap-input.json")["operator"]
        people = People(stack, Patient(stack), Patient(stack, **operator))
        yield people
        people.administrator.close()
        people.operator.close()
    finally:
        running.stop()


def addresses(signed: Patient, entries: list[Entry], more: list[str]) -> dict[str, str]:
    """A real address of each of these pages that links lead to, by area and name. `more` are further addresses to begin with."""
    patterns = [(entry, compile_path(entry.page.path)[0]) for entry in entries]
    found: dict[str, str] = {name_of(entry): entry.page.path for entry in entries if "{" not in entry.page.path}
    fixed, seen = set(found.values()), set[str]()
    waiting = deque([*more, *found.values()])
    while waiting and len(seen) < CRAWLED:
        path = waiting.popleft()
        if path in seen:
            continue
        seen.add(path)
        for link in [path, *signed.links(path)]:
            address = link.partition("?")[0]
            for entry, pattern in patterns:
                # `/apps/new` is not the page of an app.
                fits = pattern.match(address) and ("{" not in entry.page.path or address not in fixed)
                if fits and name_of(entry) not in found:
                    found[name_of(entry)] = link
                    waiting.append(link)
    return found


def with_known_ids(people: People, entries: list[Entry], found: dict[str, str]) -> dict[str, str]:
    """Addresses of pages without a link, such as those of an app that is disabled, with the ids of other pages and of a loaded app."""
    known = dict[str, str]()
    for entry in entries:
        if match := compile_path(entry.page.path)[0].match(found.get(name_of(entry), "").partition("?")[0]):
            known |= match.groupdict()
    with people.stack.database("auth", "admin") as conn:
        query = "SELECT client_id FROM apps WHERE tenant_id = %s AND name LIKE 'Load %%'"
        (known["client_id"],) = conn.execute(query, (people.stack.tenant.id,)).fetchone() or ("",)
    return {
        name_of(entry): entry.page.path.format(**known)
        for entry in entries
        if name_of(entry) not in found and set(compile_path(entry.page.path)[2]) <= known.keys()
    }


def name_of(entry: Entry) -> str:
    return f"{entry.area.name}.{entry.page.name}"


def asked_by_an_operator(people: People) -> list[str]:
    """The page of an act, after an integration request that waits for a decision."""
    with people.stack.client("auth", people.stack.admin_token) as client:
        details = {"admin_email": "rehearsals@load.example"}
        made = client.post("/v1/platform/integration-requests", json={"capability": "sandbox", "details": details})
        assert made.status_code == 201, made.text
    path = f"/operators/ask/webhook-dispatcher/deliveries.stop/{people.stack.other.id}"
    return [people.operator.post(path, {"reason": "It floods us"}).headers["location"]]


def test_the_organisation_has_the_sizes_that_it_is_measured_with(people: People) -> None:
    sizes = SIZES.scaled(SCALE)
    wanted = {
        "deliveries": sizes.past + sizes.waiting,
        "encounters": sizes.large,
        "devices with readings": sizes.devices,
        "people": PEOPLE,
    }
    found = dict[str, int]()
    for name, (service, query) in COUNTS.items():
        with people.stack.database(service, "admin") as conn:
            (found[name],) = conn.execute(query.encode(), (people.stack.tenant.id,)).fetchone() or (0,)
    print(f"\n{found}", flush=True)
    assert {name for name, number in wanted.items() if found[name] < number} == set()


def test_every_page_answers_in_time(people: People) -> None:
    pages = [entry for entry in registry.entries() if entry.page.read]
    of_operators = [entry for entry in pages if entry.area.name == OF_OPERATORS]
    begin = asked_by_an_operator(people)
    others = [entry for entry in pages if entry not in of_operators]
    found = addresses(people.administrator, others, [])
    found |= with_known_ids(people, others, found)
    found |= addresses(people.operator, of_operators, begin)
    print(f"\nnot measured: {', '.join(name for name in map(name_of, pages) if name not in found)}", flush=True)
    assert {name_of(entry) for entry in of_operators} <= found.keys()
    slow, failed = list[str](), set[str]()
    for entry in sorted(pages, key=name_of):
        name = name_of(entry)
        if name not in found:
            continue
        took, problem = measured(people.asks_for(entry), name, found[name])
        failed |= {problem} - {""}
        if took > MOST_MILLISECONDS:
            slow.append(f"{name} {took:.0f} ms")
    assert (slow, failed) == ([], set())


def measured(signed: Patient, name: str, path: str) -> tuple[float, str]:
    """The 95th percentile in milliseconds, and the fault of an answer, if one had any."""
    # 403: federation is on request. 409: nobody ends their own access. 422: a file without its period.
    answers = (200, 303) if name.startswith(OF_OPERATORS) else (200, 303, 403, 404, 409, 422)
    took: list[float] = []
    size = status = 0
    problem = ""
    for _ in range(TIMES):
        answer = signed.get(path)
        took.append(signed.milliseconds)
        size, status = len(answer.content), answer.status_code
        if status not in answers or (status == 200 and FAILED_PART in answer.text):
            problem = f"{name} {path}: {status}"
    middle, high = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    print(f"{name:40} p50 {middle:7.1f} ms  p95 {high:7.1f} ms  {size:8,} bytes, {status}", flush=True)
    return high, problem
