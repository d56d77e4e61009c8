"""Two readers of one consumer are killed at random while workers publish: each event is read, in the order of its key, none is skipped."""

import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import msgspec
import pytest

from deploy.local.table import ROOT
from services.webhook_dispatcher.fanout.intake import Intake
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.storage.database import task_transaction
from tests.support.alone import KEY_TEXT
from tests.support.child import start_child
from tests.support.messages import received
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import Dispatcher, Partner, event

PUBLISHERS, KEYS, BATCH = 3, 4, 50


class Crash(Exception):
    """A worker dies before its commit."""


class Handled(NamedTuple):
    """One line of a reader."""

    at: int
    event_id: str
    key: str
    version: int


class Readers:
    """Two programs that read one consumer. `kill` ends one at random with SIGKILL, and another takes its place."""

    def __init__(self, http: httpx2.Client, partner: Partner, folder: Path, chance: random.Random) -> None:
        self._url = str(http.base_url)
        self._caller = msgspec.json.encode(partner.caller).decode()
        self._folder, self._chance = folder, chance
        self._running: list[subprocess.Popen[bytes]] = []
        self.number = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        try:
            for _ in range(2):
                self._start()
            yield
        finally:
            for process in self._running:
                process.kill()
                process.wait()

    def _start(self) -> None:
        self.number += 1
        log = str(self._folder / f"{self.number}")
        arguments = [self._url, "/v1/consumers/inbox", self._caller, KEY_TEXT, log, f"{self.number}"]
        command = [sys.executable, "-m", "tests.webhook_dispatcher.reader", *arguments]
        self._running.append(start_child(command, cwd=ROOT))

    def kill(self) -> None:
        process = self._running.pop(self._chance.randrange(len(self._running)))
        assert process.poll() is None, "a reader ended by itself"
        process.kill()
        process.wait()
        self._start()

    def written(self) -> int:
        return sum(file.stat().st_size for file in self._folder.iterdir())

    def handled(self) -> list[Handled]:
        """In the order of the machine's clock. A line that a kill cut short counts as not handled."""
        lines = [line for file in self._folder.iterdir() for line in file.read_text().splitlines(keepends=True)]
        fields = [line.split() for line in lines if line.endswith("\n")]
        return sorted(Handled(int(at), name, key, int(version)) for at, name, key, version in fields)


class Publisher:
    """Publishes events of its own keys in order, in batches; one in ten is rolled back and comes again."""

    def __init__(self, dispatcher: Dispatcher, tenant_id: str, seed: int, number: int) -> None:
        self._dispatcher, self._tenant_id, self._left = dispatcher, tenant_id, number
        self._intake = Intake(dispatcher.settings)
        self._chance = random.Random(seed)
        self._keys = [ids.new_id("inc") for _ in range(KEYS)]
        self._versions = Counter[str]()
        self.published: dict[str, list[str]] = defaultdict(list)

    def run(self) -> None:
        while self._left > 0:
            batch = [self._next() for _ in range(min(self._left, BATCH))]
            while not self._commit(batch):
                continue
            for one in batch:
                self.published[one.data["incident_id"]].append(one.event_id)
            self._left -= len(batch)

    def _next(self) -> Event:
        key = self._chance.choice(self._keys)
        self._versions[key] += 1
        return event("incident.updated", incident_id=key, version=self._versions[key])

    def _commit(self, batch: list[Event]) -> bool:
        try:
            with task_transaction(self._dispatcher.pool) as conn:
                self._intake.fan_out(conn, [received(self._tenant_id, one) for one in batch])
                if self._chance.random() < 0.1:
                    raise Crash
        except Crash:
            return False
        return True


@pytest.mark.parametrize(
    ("events", "kills"), [(3_000, 4), pytest.param(102_000, 60, marks=pytest.mark.chaos)], ids=["some", "many"]
)
def test_two_readers_that_are_killed_at_random_read_each_event_in_the_order_of_its_key(
    http: httpx2.Client, partner: Partner, dispatcher: Dispatcher, tmp_path: Path, events: int, kills: int
) -> None:
    assert partner.post("/v1/consumers", {"name": "inbox"}).status_code == 201
    seed = 20261127
    chance = random.Random(seed)
    publishers = [
        Publisher(dispatcher, partner.tenant_id, seed + number, events // PUBLISHERS) for number in range(PUBLISHERS)
    ]
    readers = Readers(http, partner, tmp_path, chance)
    with readers.reading(), ThreadPoolExecutor(PUBLISHERS) as threads:
        running = [threads.submit(publisher.run) for publisher in publishers]
        for _ in range(kills):
            before = readers.written()
            # At some moment while they read, not while they start.
            wait_for(lambda before=before: readers.written() > before or is_read(partner))
            time.sleep(chance.random() / 4)
            readers.kill()
        for one in running:
            one.result()
        wait_for(lambda: is_read(partner), 600)
    judge(publishers, readers, kills)


def is_read(partner: Partner) -> bool:
    answer = partner.get("/v1/consumers/inbox")
    if answer.status_code == 503:  # on a busy machine
        return False
    shown = answer.json()
    return shown["unread"]["number"] == 0 and shown["leased_until"] is None


def judge(publishers: list[Publisher], readers: Readers, kills: int) -> None:
    handled = readers.handled()
    published = {key: found for publisher in publishers for key, found in publisher.published.items()}
    total = sum(map(len, published.values()))
    first: dict[str, list[str]] = defaultdict(list)
    seen = set[str]()
    for one in handled:
        if one.event_id not in seen:
            seen.add(one.event_id)
            first[one.key].append(one.event_id)
    assert first == published, "skipped, foreign or out of the order of its key"
    again = len(handled) - total
    sys.stdout.write(f"{total} events, {kills} kills of {readers.number} readers, {again} handled again\n")
