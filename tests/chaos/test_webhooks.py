"""`make chaos`: ten thousand events while processes are killed, Redis is emptied and PostgreSQL is restarted."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg
import pytest
from redis import Redis

from shared.primitives.ids import new_id
from shared.web.identity import Caller
from tests.support.receiver import SECRET, Receiver, running
from tests.support.running import RunningStack
from tests.support.stack import Stack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.chaos
EVENTS = int(os.environ.get("CHAOS_EVENTS", "10000"))
KILLS = int(os.environ.get("CHAOS_KILLS", "50"))
CLIENTS = 8
VICTIMS = [(name, process) for name in ("webhook-dispatcher", "epcr") for process in ("web", "worker", "relay")] + [
    ("webhook-dispatcher", "sender")
]


@pytest.fixture
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A separate stack, durable as in production, because this test damages it."""
    running_stack = RunningStack(tmp_path_factory.mktemp("chaos") / "state", "--only", "auth,epcr,webhook-dispatcher")
    yield running_stack.start()
    running_stack.stop()
    running_stack.delete()


@dataclass
class Producers:
    """Clients that create encounters until there are enough; a call without an answer is repeated with its idempotency key."""

    stack: Stack
    caller: Caller
    wanted: int
    created: list[str] = field(default_factory=list)
    repeated: int = 0
    until: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx2.Client(base_url=self.stack.service_url("epcr"), timeout=20, trust_env=False) as client:
            while len(self.created) < self.wanted or not self.until.is_set():
                if len(self.created) >= self.wanted:
                    self.until.wait(0.05)
                    continue
                self.created.append(self._create(client))

    def _create(self, client: httpx2.Client) -> str:
        key = new_id("key")
        body = {
            "care_model": "prehospital_emergency",
            "vehicle_id": "AMB-42",
            "crew_ids": ["usr_1"],
            "cad_incident_id": new_id("cad"),
        }
        while True:
            headers = self.stack.identity(self.caller, "epcr") | {"idempotency-key": key}
            try:
                answer = client.post("/api/v1/epcr/encounters", json=body, headers=headers)
            except httpx2.TransportError:
                self.repeated += 1
                continue
            if answer.status_code == 201:
                return answer.json()["id"]
            assert answer.status_code in (409, 503), answer.text
            self.repeated += 1


@dataclass
class Killer:
    """Kills random processes, and counts the deliveries in flight that each kill of a sender may have left unrecorded."""

    stack: Stack
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0

    def strike(self) -> None:
        name, process = self.chance.choice(VICTIMS)
        pid = self.stack.pid(name, process)
        if not pid:
            return
        try:
            if (name, process) == ("webhook-dispatcher", "worker"):
                os.kill(pid, signal.SIGSTOP)
                self.in_flight += self.leased()
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[f"{name} {process}"] += 1

    def leased(self) -> int:
        with self.stack.database("webhook-dispatcher", "admin") as conn:
            row = conn.execute("SELECT count(*) FROM queue WHERE leased").fetchone()
        return row[0] if row else 0

    def empty_redis(self) -> None:
        with Redis.from_url(self.stack.described["redis_url"]) as redis:
            redis.flushall()

    def restart_postgres(self) -> None:
        """A fast shutdown, as an operator would do; the supervisor starts it again."""
        with psycopg.connect(self.stack.described["postgres_url"]) as conn:
            row = conn.execute("SHOW data_directory").fetchone()
        assert row is not None
        self.in_flight += self.leased()
        os.kill(int((Path(row[0]) / "postmaster.pid").read_text().split("\n")[0]), signal.SIGINT)


def test_nothing_is_lost_however_much_dies(system: Stack) -> None:
    app = system.register_app(["webhooks:write"])
    system.govern(app, approved_events=["epcr.*"])
    with running(Receiver()) as receiver:
        token = system.token(app, "webhooks:write")
        webhook = system.subscribe(token, receiver.url, "epcr.encounter.created", secret=SECRET)
        caller = Caller(
            tenant_id=system.tenant.id,
            client_id=new_id("app"),
            scopes=frozenset({"argus:epcr:write"}),
            token_use="service",
        )
        producers = Producers(system, caller, EVENTS)
        killer = Killer(system, random.Random(4))
        began = time.monotonic()
        threads = [threading.Thread(target=producers.run) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        torment(killer, producers)
        producers.until.set()
        for thread in threads:
            thread.join()
        created = set(producers.created)
        wait_for(lambda: len(set(receiver.ids())) >= len(created), 300, "every event to arrive")
        wait_for(lambda: books(system, app.client_id, webhook)["pending"] == 0, 120, "the books to close")
        report(killer, producers, receiver, time.monotonic() - began)
        arrived = {request.verified_by(SECRET)["data"]["encounter_id"] for request in receiver.requests}
        assert created - arrived == set()
        assert len(receiver.requests) - len(set(receiver.ids())) <= killer.in_flight
        counted = books(system, app.client_id, webhook)
        assert counted["accepted"] == counted["delivered"] == counted["last_sequence"] == len(set(receiver.ids()))
        assert sum(killer.kills.values()) >= KILLS


def torment(killer: Killer, producers: Producers) -> None:
    """Spreads the kills, two emptied Redis and one restart of PostgreSQL over the whole run."""
    accidents = {
        KILLS // 4: killer.empty_redis,
        KILLS // 2: killer.restart_postgres,
        3 * KILLS // 4: killer.empty_redis,
    }
    done = 0
    while done < KILLS:
        due = min(EVENTS * done // KILLS, EVENTS - 1)
        wait_for(lambda due=due: len(producers.created) >= due, 600, "events to be created")
        before = sum(killer.kills.values())
        killer.strike()
        if sum(killer.kills.values()) > before:
            done += 1
            accidents.pop(done, lambda: None)()


def books(system: Stack, client_id: str, webhook: str) -> dict[str, int]:
    caller = Caller(
        tenant_id=system.tenant.id, client_id=client_id, scopes=frozenset({"webhooks:read"}), token_use="service"
    )
    url = f"{system.service_url('webhook-dispatcher')}/v1/webhooks/{webhook}/reconciliation"
    answer = httpx2.get(url, headers=system.identity(caller, "webhook-dispatcher"), timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def report(killer: Killer, producers: Producers, receiver: Receiver, seconds: float) -> None:
    unique = len(set(receiver.ids()))
    print(f"\n{len(producers.created)} events in {seconds:.0f} s, {producers.repeated} calls made again")  # noqa: T201
    print(f"kills: {sum(killer.kills.values())} {dict(killer.kills)}; Redis emptied 2, PostgreSQL restarted 1")  # noqa: T201
    print(  # noqa: T201
        f"lost {len(producers.created) - unique}, duplicates {len(receiver.requests) - unique} (in flight at kills: {killer.in_flight})"
    )
