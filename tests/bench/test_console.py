"""`make bench-console`: how long each page of the console takes for an organisation that has used the platform for years.

`BENCH_SCALE` (1) multiplies the sizes: the organisation has 1,000,000 deliveries of one webhook, 100,000 encounters, as many in its quality
indicators, 5,000 devices with readings, and the other rows of `make load`; at any scale 500 people, 5,000 incidents, one of them with 1,000
entries, and 100 replays. The test counts them first. `console_objects.py` makes the rest that pages of one thing need, such as a sandbox.
Real addresses of pages with ids come from there and from the console's own links. The pages of operators are asked for by an operator with
a second factor, all others by the organisation's administrator.

Every page that answers a GET is measured. The 95th percentile of each is at most `MOST_TIMES` that of the middle page in the same run, and
each answer is 200 without a part that failed. The console lets a person ask for 300 pages a minute: most of the time is waiting for that.
"""

import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import httpx2
import pytest
from starlette.routing import compile_path

from deploy.load.history import INCIDENTS, LONG, REPLAYS
from deploy.load.loading import Progress, load
from deploy.load.people import PEOPLE
from deploy.load.rows import Sizes
from deploy.local.state import read_json
from services.console.pages import registry
from services.console.pages.registry import Entry
from tests.bench import console_objects, facts
from tests.console.through import Signed
from tests.support.running import RunningStack
from tests.support.stack import Stack

pytestmark = pytest.mark.bench
MOST_TIMES = 8
TIMES = 20
FAILED_PART = '<div class="missing">'
TOKEN, SECRET = "apps.shown", "webhooks.secret"
HOLDS = {TOKEN: "eyJ", SECRET: "whsec_"}
"""Words without which an answer is not the page: one that shows no secret, because it was shown before, is also 200."""
BEGINS = {"audit.file": "An export has no bound. The browser saves it while the person goes on."}
"""Answers whose beginning is measured in place of their end, and why."""
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
    runs=1,
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
    "encounters in indicators": ("graphql-api", "SELECT count(*) FROM acqi_facts WHERE tenant_id = %s"),
    "people": ("auth", "SELECT count(*) FROM users WHERE tenant_id = %s"),
    "incidents": ("graphql-api", "SELECT count(*) FROM incidents WHERE tenant_id = %s"),
    "entries of an incident": (
        "graphql-api",
        "SELECT max(number) FROM (SELECT count(*) AS number FROM incident_timeline WHERE tenant_id = %s GROUP BY incident_id)",
    ),
    "replays": ("webhook-dispatcher", "SELECT count(*) FROM replays WHERE tenant_id = %s"),
}


class Persistent(Signed):
    """Asks again where the person asked for too many pages in this minute.

    `milliseconds` are those until the end of the last answer, `until_begun` those until its beginning.
    """

    milliseconds = until_begun = 0.0

    def _send(self, host: str, method: str, path: str, **options: Any) -> httpx2.Response:
        while True:
            began = time.perf_counter()
            self._http.event_hooks = {"response": [lambda _, began=began: self._note_beginning(began)]}
            answer = super()._send(host, method, path, **options)
            self.milliseconds = (time.perf_counter() - began) * 1000
            if answer.status_code != 429:
                return answer
            time.sleep(float(answer.headers["retry-after"]))

    def _note_beginning(self, began: float) -> None:
        """The headers are there; the client reads the rest after this."""
        self.until_begun = (time.perf_counter() - began) * 1000


class People(NamedTuple):
    stack: Stack
    administrator: Persistent
    operator: Persistent

    def asks_for(self, entry: Entry) -> Persistent:
        return self.operator if entry.area.name == OF_OPERATORS else self.administrator


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    running = RunningStack(tmp_path_factory.mktemp("console") / "state")
    stack = running.start()
    try:
        load(running.state, SIZES.scaled(SCALE), "http://127.0.0.1:9", Progress())
        with stack.database("graphql-api", "admin") as conn:
            facts.store(
                conn, stack.tenant.id, SIZES.scaled(SCALE).large, datetime.now(UTC).date() - timedelta(facts.DAYS)
            )
        stack.operate("graphql-api", "rebuild-acqi", "--tenant", stack.tenant.id)
        operator = read_json(running.folder / "bootstrap-input.json")["operator"]
        people = People(stack, Persistent(stack), Persistent(stack, **operator))
        yield people
        people.administrator.close()
        people.operator.close()
    finally:
        running.stop()


def addresses(signed: Persistent, entries: list[Entry], more: list[str]) -> dict[str, str]:
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
        "encounters in indicators": sizes.large,
        "devices with readings": sizes.devices,
        "people": PEOPLE,
        "incidents": INCIDENTS,
        "entries of an incident": LONG,
        "replays": REPLAYS,
    }
    found = dict[str, int]()
    for name, (service, query) in COUNTS.items():
        with people.stack.database(service, "admin") as conn:
            (found[name],) = conn.execute(query.encode(), (people.stack.tenant.id,)).fetchone() or (0,)
    print(f"\n{found}", flush=True)
    assert {name for name, number in wanted.items() if found[name] < number} == set()


def paths(people: People, pages: list[Entry]) -> dict[str, Callable[[], str]]:
    """A function for each page that returns an address of it, by area and name: a new one at each call where a page is shown once."""
    made = console_objects.addresses(people.stack, people.administrator, people.operator)
    of_operators = [entry for entry in pages if entry.area.name == OF_OPERATORS]
    others = [entry for entry in pages if entry not in of_operators]
    begin = asked_by_an_operator(people)
    found = addresses(people.administrator, others, []) | made
    found |= with_known_ids(people, others, found)
    found |= addresses(people.operator, of_operators, begin)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    shown_once = {
        TOKEN: partial(console_objects.fresh_secret, people.administrator, made["apps.one"]),
        SECRET: partial(console_objects.fresh_webhook_secret, people.administrator, found["webhooks.webhook"]),
    }
    found |= {"audit.file": f"/audit/export/file?service=epcr&from={yesterday}&to={yesterday}"}
    return {name: lambda path=path: path for name, path in found.items()} | shown_once


def test_every_page_answers_in_time(people: People) -> None:
    pages = [entry for entry in registry.entries() if entry.page.read]
    path_of = paths(people, pages)
    assert [name for name in map(name_of, pages) if name not in path_of] == []
    took, failed = dict[str, float](), set[str]()
    for entry in sorted(pages, key=name_of):
        name = name_of(entry)
        took[name], problem = measured(people.asks_for(entry), name, path_of[name])
        failed |= {problem} - {""}
    middle = statistics.median(took.values())
    print(f"the middle page: p95 {middle:.1f} ms; each at most {MOST_TIMES} times that")
    slow = [f"{name} {page / middle:.1f} times" for name, page in took.items() if page > MOST_TIMES * middle]
    assert (slow, failed) == ([], set())


def measured(signed: Persistent, name: str, path_of: Callable[[], str]) -> tuple[float, str]:
    """The 95th percentile in milliseconds, and the fault of an answer, if one had any."""
    took: list[float] = []
    size = status = 0
    problem = ""
    for _ in range(TIMES):
        path = path_of()
        answer = signed.get(path)
        took.append(signed.until_begun if name in BEGINS else signed.milliseconds)
        size, status = len(answer.content), answer.status_code
        is_whole = FAILED_PART not in answer.text and HOLDS.get(name, "") in answer.text
        if status != 200 or not is_whole:
            problem = f"{name} {path}: {status}"
    middle, high = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    print(f"{name:40} p50 {middle:7.1f} ms  p95 {high:7.1f} ms  {size:8,} bytes, {status}", flush=True)
    return high, problem
