"""`make bench-webhooks`: the rate, latency and cost of deliveries, and whether receivers that hang slow the others down.

All parts count: the producer's outbox, its relay, Redis, the dispatcher's worker, PostgreSQL and the receiver, on one machine.
Latency is from the commit of the event in the producer's outbox to the arrival of the request.
"""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from redis import Redis

from deploy.local.ports import free_port
from services.webhook_dispatcher.sending import signing
from services.webhook_dispatcher.sending.queries import BEGIN_CLAIM, CLAIM
from services.webhook_dispatcher.sending.signing import Vault
from shared.messaging import broker, outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.primitives.crypto import Keyring
from shared.storage import locks
from tests.bench import webhooks_ordinary
from tests.support.child import start_child
from tests.support.running import RunningStack
from tests.support.stack import Stack
from tests.support.waiting import wait_for
from tests.webhook_dispatcher.conftest import event
from tests.webhook_dispatcher.test_sending import CLAIM_ALL

pytestmark = pytest.mark.bench
ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
BURST = int(os.environ.get("BENCH_BURST", "20000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
RATES = (100, 300, 1000)
WAITING = int(os.environ.get("BENCH_WAITING", "2000000"))
# Concurrent requests to one receiver in this bench.
DUE = 4
# Deliveries a second as a share of a peer's in the same run, at least.
GOALS = {"Celery, httpx2, UPDATE each": 2.0, "BullMQ with undici": 0.27}
# How many times longer something takes than its peer in the same run, at most.
FASTER_RATE, CROWDED_DECISION, BESIDE_A_CROWD = 3.0, 10.0, 3.0


class Rig:
    """A stack with a receiver, and a producer that writes events to its outbox as services do."""

    def __init__(self, stack: Stack, port: int) -> None:
        self.stack = stack
        self.target = f"http://127.0.0.1:{port}"
        self.tenant = stack.tenant.id
        self.producer = stack.database("graphql-api", "worker")
        self.redis = Redis.from_url(stack.described["redis_url"])
        self.report = httpx2.Client(base_url=self.target, trust_env=False)
        self.api = stack.client("auth", stack.admin_token)

    def close(self) -> None:
        for opened in (self.producer, self.redis, self.report, self.api):
            opened.close()

    def subscribe(self, path: str, *events: str) -> str:
        answer = self.api.post("/v1/webhooks", json={"url": self.target + path, "events": list(events)})
        assert answer.status_code == 201, answer.text
        return f"/v1/webhooks/{answer.json()['id']}"

    def unsubscribe(self, webhook: str) -> None:
        assert self.api.delete(webhook).status_code == 204

    def publish(self, events: list[Event], tenant: str = "") -> int:
        """Commits the events to the producer's outbox and rings its relay. Returns the time in nanoseconds."""
        with self.producer.cursor() as cursor:
            cursor.executemany(outbox.ADD, [outbox.row(tenant or self.tenant, one) for one in events])
        self.producer.commit()
        committed = time.time_ns()
        with self.redis.pipeline(transaction=False) as bell:
            bell.lpush(broker.bell_key("graphql_api"), "1")
            bell.ltrim(broker.bell_key("graphql_api"), 0, 0)
            bell.execute()
        return committed

    def arrived(self) -> dict[str, int]:
        """Arrivals since the last call: webhook-id and nanoseconds."""
        lines = self.report.get("/report").text.split("\n")
        return {name: int(at) for name, _, at in (line.partition(" ") for line in lines if line)}

    def offer(self, rate: int, seconds: float, kind: str = "incident.updated") -> list[float]:
        """Publishes events at a steady rate; returns the milliseconds from event to arrival, sorted."""
        self.arrived()
        committed: dict[str, int] = {}
        began = time.perf_counter()
        sent = 0
        while (elapsed := time.perf_counter() - began) < seconds:
            due = int(elapsed * rate) + 1 - sent
            if due > 0:
                events = [event(kind) for _ in range(due)]
                at = self.publish(events)
                committed |= {one.event_id: at for one in events}
                sent += due
            pause(max(0.0, began + sent / rate - time.perf_counter()))
        arrivals: dict[str, int] = {}
        wait_for(lambda: arrivals.update(self.arrived()) or arrivals.keys() >= committed.keys(), 120)
        return sorted((arrivals[name] - at) / 1e6 for name, at in committed.items())

    def burst(self, number: int) -> float:
        """Deliveries per second of a backlog, from its first arrival to its last."""
        self.arrived()
        ids: set[str] = set()
        for _ in range(number // 1000):
            events = [event("incident.updated") for _ in range(1000)]
            ids |= {one.event_id for one in events}
            self.publish(events)
        arrivals: dict[str, int] = {}
        wait_for(lambda: arrivals.update(self.arrived()) or arrivals.keys() >= ids, 180)
        return number / ((max(arrivals.values()) - min(arrivals.values())) / 1e9)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    running = RunningStack(tmp_path_factory.mktemp("bench") / "state", "--only", "auth,graphql-api,webhook-dispatcher")
    stack = running.start()
    port = free_port()
    with receiver_process(port):
        rig = Rig(stack, port)
        yield rig
        rig.close()
    running.stop()
    running.delete()


def test_latency_at_offered_rates(rig: Rig) -> None:
    webhook = rig.subscribe("/hook", "incident.updated")
    rig.offer(100, 2)
    print(f"\n{'offered':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    p99: dict[int, float] = {}
    for rate in RATES:
        took = rig.offer(rate, SECONDS)
        p99[rate] = percentile(took, 99)
        print(f"{rate:>6}/s {percentile(took, 50):>8.1f} {p99[rate]:>8.1f} {took[-1]:>8.1f}")
    rig.unsubscribe(webhook)
    assert p99[300] <= FASTER_RATE * p99[100]


def test_throughput_beside_the_ordinary_design_and_bullmq(rig: Rig) -> None:
    webhook = rig.subscribe("/hook", "incident.updated")
    rig.burst(2000)
    ours, ordinary, bullmq = [], [], []
    for _ in range(ROUNDS):
        ours.append(rig.burst(BURST))
        ordinary.append(ordinary_rate(rig, 3000))
        bullmq.append(bullmq_rate(rig, BURST))
    rig.unsubscribe(webhook)
    print(f"\n{'deliveries/s':<28} {'median':>8}   all rounds")
    missed = list[str]()
    for name, rates in (("ours", ours), *zip(GOALS, (ordinary, bullmq), strict=True)):
        known = [rate for rate in rates if rate]
        shown = f"{statistics.median(known):>8.0f}" if known else "  (no npm)"
        print(f"{name:<28} {shown}   {', '.join(f'{rate:.0f}' for rate in known)}")
        if known and name in GOALS:
            share = statistics.median(ours) / statistics.median(known)
            print(line := f"{'':<28} ours are {share:.2f} times as many; at least {GOALS[name]:g}")
            missed += [line] if share < GOALS[name] else []
    assert missed == []


def test_senders_share_the_work_and_two_are_no_slower_than_one(rig: Rig) -> None:
    """Forty webhooks, each with a backlog, and 1, 2 and 4 senders that begin at the same moment. Each sends its part within a fifth.

    Two senders are slower than one only where the difference is smaller than that between two rounds of the same.
    """
    webhooks = [rig.subscribe("/hook", "incident.updated") for _ in range(40)]
    rig.offer(20, 2)  # so that the dispatcher knows each
    print(f"\n{'senders':>8} {'per second':>11}   of each")
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    shares: list[float] = []
    for number in (*rates,) * ROUNDS:
        rate, each = shared_rate(rig, number, BURST // 20)
        print(f"{number:>8} {rate:>11.0f}   {each}")
        rates[number].append(rate)
        shares += [count * number / sum(each) for count in each]
    for webhook in webhooks:
        rig.unsubscribe(webhook)
    assert all(0.8 <= share <= 1.2 for share in shares), shares
    assert statistics.median(rates[2]) >= statistics.median(rates[1]) - (max(rates[1]) - min(rates[1])), rates


def shared_rate(rig: Rig, number: int, events: int) -> tuple[float, list[int]]:
    """Deliveries a second with so many extra senders, and each one's number, while the stack's own sender is stopped."""
    own = rig.stack.described["services"]["webhook-dispatcher"]["pids"]["sender"]
    freeze_between_claims(rig, own)
    try:
        rig.publish([event("incident.updated") for _ in range(events)])
        with rig.stack.database("webhook-dispatcher", "migrator") as owner:
            wait_for(lambda: waiting(owner) >= 40 * events, 60)
            owner.execute("DELETE FROM senders")
            owner.commit()
            rig.arrived()
            with ExitStack() as stack:
                # Nobody claims before all are ready: the first would else send a large part alone.
                owner.execute(f"SELECT pg_advisory_lock({locks.SENDER_CLAIM})")
                ports = [stack.enter_context(sender_process(rig)) for _ in range(number)]
                for port in ports:
                    wait_for(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), 30)
                owner.execute(f"SELECT pg_advisory_unlock({locks.SENDER_CLAIM})")
                owner.commit()
                wait_for(lambda: waiting(owner) == 0, 180)
                each = [sent_by(port) for port in ports]
            arrived = [int(line.partition(" ")[2]) for line in rig.report.get("/report").text.split("\n") if line]
            took = (max(arrived) - min(arrived)) / 1e9
    finally:
        os.kill(own, signal.SIGCONT)
    return 40 * events / took, each


def freeze_between_claims(rig: Rig, process: int) -> None:
    """Stops a sender at a moment when it does not hold the lock that all senders share."""
    with rig.stack.database("webhook-dispatcher", "admin") as conn:
        while True:
            os.kill(process, signal.SIGSTOP)
            if not conn.execute("SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7402002").fetchone():
                return
            os.kill(process, signal.SIGCONT)
            pause(0.05)


def waiting(owner: psycopg.Connection[tuple[int]]) -> int:
    row = owner.execute("SELECT count(*) FROM queue").fetchone()
    owner.commit()
    return row[0] if row else 0


@contextmanager
def sender_process(rig: Rig) -> Iterator[int]:
    """Starts a sender with the settings of the stack's own; gives its ops port."""
    described, port = rig.stack.described, free_port()
    settings = json.loads((Path(described["state"]) / "settings.json").read_text())["webhook-dispatcher"]
    worker = described["services"]["webhook-dispatcher"]["worker_database_url"]
    process = start_child(
        [sys.executable, "-m", "services.webhook_dispatcher", "sender"],
        cwd=ROOT,
        env=settings | {"WORKER_DATABASE_URL": worker, "OPS_PORT": str(port), "SPANS_FILE": ""},
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def sent_by(port: int) -> int:
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    return int(sum(float(found) for found in re.findall(r"^webhook_attempts_total{.*} (\S+)$", text, re.MULTILINE)))


def test_sql_statements_per_delivery(rig: Rig) -> None:
    webhook = rig.subscribe("/hook", "incident.updated")
    print(f"\n{'offered':>8} {'statements per delivery (dispatcher)':>40}")
    for rate in RATES:
        with logged_statements(rig) as counted:
            took = rig.offer(rate, 5)
        print(f"{rate:>6}/s {counted[0] / len(took):>40.2f}")
        if rate >= 300:
            assert counted[0] / len(took) <= 6
    rig.unsubscribe(webhook)


@pytest.mark.parametrize(("number", "most"), [(20, 1.2), (99, 1.5)])
def test_receivers_that_hang_do_not_slow_a_healthy_one_down(rig: Rig, number: int, most: float) -> None:
    def hang() -> Callable[[], object]:
        hanging = [rig.subscribe(f"/hang/{n}", "incident.closed") for n in range(number)]
        rig.publish([event("incident.closed") for _ in range(4000 // number)])
        return lambda: [rig.unsubscribe(webhook) for webhook in hanging]

    before, after = beside_those_that_hang(rig, f"{number} of the same tenant", hang)
    assert after < most * before


def test_hanging_receivers_of_forty_tenants_do_not_slow_a_healthy_one_down(rig: Rig) -> None:
    """Each tenant has ten of them, with ten deliveries each."""

    def hang() -> Callable[[], object]:
        tenants = [ids.new_id("org") for _ in range(40)]
        with rig.stack.database("webhook-dispatcher", "migrator") as owner:
            for tenant in tenants:
                subscribe_as(rig, owner, tenant, 10)
        for tenant in tenants:
            rig.publish([event("incident.closed") for _ in range(10)], tenant)
        return lambda: forget(rig, tenants)

    before, after = beside_those_that_hang(rig, "400 of forty tenants", hang)
    assert after < 1.5 * before


def beside_those_that_hang(rig: Rig, who: str, hang: Callable[[], Callable[[], object]]) -> tuple[float, float]:
    """The p99 of a healthy receiver without and with the hanging receivers that `hang` makes: medians of alternating runs."""
    healthy = rig.subscribe("/hook", "incident.updated")
    alone, beside = [], []
    for _ in range(3 * ROUNDS):  # many short runs, because a p99 varies much
        rig.offer(100, 2)
        alone.append(percentile(rig.offer(100, SECONDS / 2), 99))
        release = hang()
        rig.offer(
            100, 2
        )  # making thousands of deliveries for them is work; that their receivers hang should cost nothing
        beside.append(percentile(rig.offer(100, SECONDS / 2), 99))
        release()
    rig.unsubscribe(healthy)
    before, after = statistics.median(alone), statistics.median(beside)
    print(
        f"\nhealthy p99: alone {before:.1f} ms {rounded(alone)}, beside {who} that hang {after:.1f} ms {rounded(beside)}"
    )
    return before, after


def subscribe_as(rig: Rig, owner: psycopg.Connection[tuple[object]], tenant: str, number: int) -> None:
    """Writes webhooks of a tenant without an administrator, as the service would."""
    settings = json.loads((Path(rig.stack.described["state"]) / "settings.json").read_text())["webhook-dispatcher"]
    vault = Vault(Keyring.from_text(settings["ENCRYPTION_KEYS"]))
    for n in range(number):
        webhook = ids.new_id("wh")
        owner.execute(
            "INSERT INTO subscriptions (id, tenant_id, client_id, url, events, live_events, secret, secret_fingerprint)"
            " VALUES (%s, %s, 'app_1', %s, '{incident.closed}', '{incident.closed}', %s, '')",
            (webhook, tenant, f"{rig.target}/hang/{n}", vault.seal_secret(webhook, signing.generate_secret())),
        )


def forget(rig: Rig, tenants: list[str]) -> None:
    """Deletes the webhooks of these tenants with their waiting deliveries."""
    with rig.stack.database("webhook-dispatcher", "migrator") as owner:
        owner.execute("DELETE FROM subscriptions WHERE tenant_id = ANY(%s)", (tenants,))
        owner.execute("DELETE FROM queue WHERE tenant_id = ANY(%s)", (tenants,))


def test_what_waits_for_one_webhook_holds_up_neither_decisions_about_it_nor_others(rig: Rig) -> None:
    """Two million deliveries wait for one webhook, which is enabled, disabled and deleted while another gets its events.

    The same is decided about one for which nothing waits, to compare with.
    """
    crowded, empty = (rig.subscribe(path, "incident.closed") for path in ("/crowded", "/empty"))
    healthy = rig.subscribe("/hook", "incident.updated")
    for webhook in (crowded, empty):
        rig.api.put(webhook, json={"enabled": False})
    with rig.stack.database("webhook-dispatcher", "migrator") as owner:
        pile(owner, crowded.rpartition("/")[2], rig.tenant, WAITING)
    rig.offer(100, 2)
    print(f"\n{WAITING:,} waiting: the decision took ms, then p99 ms of another webhook in its first {SECONDS:g} s")
    p99 = {"nothing": percentile(rig.offer(100, SECONDS), 99)}
    print(f"{'nothing':>10} {'':>8} {p99['nothing']:>8.1f}")
    decisions: dict[str, Callable[[str], httpx2.Response]] = {
        "enabled": lambda webhook: rig.api.put(webhook, json={"enabled": True}),
        "disabled": lambda webhook: rig.api.put(webhook, json={"enabled": False}),
        "deleted": lambda webhook: rig.api.delete(webhook),
    }
    slow = list[str]()
    for name, decide in decisions.items():
        took: list[float] = []
        for webhook in (empty, crowded):
            began = time.perf_counter()
            assert decide(webhook).is_success
            took.append(time.perf_counter() - began)
        p99[name] = percentile(rig.offer(100, SECONDS), 99)
        print(
            line := f"{name:>10} {took[1] * 1000:>8.0f} {p99[name]:>8.1f}   with nothing waiting {took[0] * 1000:.0f}"
        )
        if took[1] > CROWDED_DECISION * took[0] or p99[name] > BESIDE_A_CROWD * p99["nothing"]:
            slow.append(line)
    assert slow == []
    with rig.stack.database("webhook-dispatcher", "migrator") as owner:
        wait_for(lambda: waiting(owner) == 0, 900)
    rig.unsubscribe(healthy)


def pile(owner: psycopg.Connection[tuple[object]], subscription_id: str, tenant_id: str, number: int) -> None:
    """Adds that many deliveries of one event without any attempt."""
    one = event("incident.closed")
    owner.execute("SET LOCAL statement_timeout = 0")
    owner.execute(
        "INSERT INTO events (id, at, tenant_id, type, body) VALUES (%s, now(), %s, 'incident.closed', '{}')",
        (one.event_id, tenant_id),
    )
    owner.execute(
        "INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)"
        " SELECT 'dlv_1' || lpad(n::text, 25, '0'), now(), %s, %s, %s, now(), 'incident.closed', n, now()"
        " FROM generate_series(1, %s) n",
        (tenant_id, subscription_id, one.event_id, number),
    )
    owner.commit()
    with psycopg.connect(owner.info.dsn, password=owner.info.password, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE queue")


def test_the_claim_reads_no_history(rig: Rig) -> None:
    """After a million finished deliveries, a few of ten thousand waiting ones are due: the plan uses index ranges and reads only the
    due ones.
    """
    webhook = rig.subscribe("/never", "incident.updated")
    with rig.stack.database("webhook-dispatcher", "migrator") as owner:
        fill(owner, webhook.rpartition("/")[2], 1_000_000)
    with rig.stack.database("webhook-dispatcher", "admin") as conn:
        plan = explain_claim(conn)
        # One line of the partition that is read is enough.
        print("\n" + "\n".join(line for line in plan if "never executed" not in line))
        conn.rollback()
    rig.unsubscribe(webhook)
    # There are only a few senders.
    scans = [line for line in plan if "on senders" not in line]
    assert not any("Seq Scan" in line or "Hash Join" in line or "Merge Join" in line for line in scans)
    assert any("Limit" in line and f"actual rows={DUE}.00" in line for line in plan), "what is due was not claimed"
    assert max(rows_read(plan)) <= DUE


def rows_read(plan: list[str]) -> list[float]:
    """The number of rows that each step of a plan returned."""
    return [float(found[1]) for line in plan if (found := re.search(r"actual rows=([\d.]+)", line))]


def explain_claim(conn: psycopg.Connection[tuple[str]]) -> list[str]:
    """The plan as in a sender's transaction."""
    conn.execute(BEGIN_CLAIM)
    conn.execute("UPDATE subscriptions SET concurrency = %s", (DUE,))
    # Due only in this transaction; else the stack's own sender would take them first.
    conn.execute("UPDATE queue SET due_at = now() WHERE sequence <= %s", (DUE,))
    return [row[0] for row in conn.execute("EXPLAIN (ANALYZE, TIMING OFF) " + CLAIM, CLAIM_ALL)]


def fill(owner: psycopg.Connection[tuple[object]], subscription_id: str, number: int) -> None:
    """History of finished deliveries over eight days, and waiting deliveries that are due in a day."""
    template = "lpad(n::text, 26, '0')"
    owner.execute("SET LOCAL statement_timeout = 0")
    owner.execute(
        f"INSERT INTO deliveries (id, at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, status, attempt)"
        f" SELECT 'dlv_' || {template}, now() - (n %% 8) * interval '1 day', 'org_1', %s, 'evt_' || {template}, now(),"
        f" 'incident.updated', n, 'succeeded', 1 FROM generate_series(1, %s) n",
        (subscription_id, number),
    )
    owner.execute(
        f"INSERT INTO queue (delivery_id, delivery_at, tenant_id, subscription_id, event_id, event_at, event_type, sequence, due_at)"
        f" SELECT 'dlv_' || {template}, now(), 'org_1', %s, 'evt_' || {template}, now(), 'incident.updated', n,"
        f" now() + interval '1 day' FROM generate_series(1, 10000) n",
        (subscription_id,),
    )
    owner.execute(
        f"INSERT INTO events (id, at, tenant_id, type, body) SELECT 'evt_' || {template}, now(), 'org_1', 'incident.updated', '{{}}'"
        f" FROM generate_series(1, %s) n",
        (DUE,),
    )
    owner.commit()
    with psycopg.connect(owner.info.dsn, password=owner.info.password, autocommit=True) as conn:
        conn.execute("ANALYZE deliveries, queue, events, attempts, subscriptions")


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def rounded(values: list[float]) -> str:
    return "[" + ", ".join(f"{value:.1f}" for value in values) + "]"


def pause(seconds: float) -> None:
    """Paces the load; it does not wait for a condition."""
    time.sleep(seconds)


@contextmanager
def receiver_process(port: int) -> Iterator[None]:
    process = start_child([sys.executable, "-m", "tests.bench.webhooks_receiver", str(port)], cwd=ROOT)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/report"))
        yield
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


@contextmanager
def logged_statements(rig: Rig) -> Iterator[list[int]]:
    """Counts every statement of the dispatcher's roles in all processes, from PostgreSQL's own log."""
    counted = [0]
    log = Path(rig.stack.described["state"]) / "postgres" / "postgres.log"
    with psycopg.connect(rig.stack.described["postgres_url"], autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET log_statement = 'all'")
        conn.execute("SELECT pg_reload_conf()")
        start = log.stat().st_size
        yield counted
        conn.execute("ALTER SYSTEM RESET log_statement")
        conn.execute("SELECT pg_reload_conf()")
    with log.open(errors="replace") as lines:
        lines.seek(start)
        counted[0] = sum(
            "webhook_dispatcher_" in line and ("execute " in line or "statement: " in line) for line in lines
        )


def ordinary_rate(rig: Rig, number: int) -> float:
    """Deliveries per second of the ordinary design on the same Redis and PostgreSQL: one Celery worker with four processes."""
    address = rig.stack.described["postgres_url"]
    with psycopg.connect(address, autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS ordinary (id text PRIMARY KEY, status int)")
        conn.execute("TRUNCATE ordinary")
        conn.execute("INSERT INTO ordinary SELECT 'ord_' || n FROM generate_series(1, %s) n", (number,))
    environment = {"BENCH_REDIS": rig.stack.described["redis_url"], "BENCH_POSTGRES": address}
    webhooks_ordinary.app.conf.update(broker_url=environment["BENCH_REDIS"])
    body = sample_body()
    for n in range(1, number + 1):
        webhooks_ordinary.app.send_task("deliver", (f"ord_{n}", rig.target + "/hook", body))
    rig.arrived()
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.bench.webhooks_ordinary",
        "worker",
        "-c",
        "4",
        "-Q",
        "ordinary",
    ]
    quiet = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = start_child(
        command + quiet, cwd=ROOT, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    arrivals: dict[str, int] = {}
    wait_for(lambda: arrivals.update(rig.arrived()) or len(arrivals) >= number, 180)
    worker.terminate()
    worker.wait()
    return number / ((max(arrivals.values()) - min(arrivals.values())) / 1e9)


def bullmq_rate(rig: Rig, number: int) -> float:
    """BullMQ with undici in one Node process; 0 if there is no npm."""
    folder = bullmq_folder()
    if folder is None:
        return 0
    redis = urlsplit(rig.stack.described["redis_url"])
    environment = {
        "REDIS_HOST": redis.hostname or "",
        "REDIS_PORT": str(redis.port),
        "REDIS_PASSWORD": redis.password or "",
        "TARGET": rig.target + "/hook",
        "COUNT": str(number),
        "BODY": sample_body(),
    }
    finished = subprocess.run(
        ["node", "bench.mjs"], cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stderr
    rig.arrived()
    return float(finished.stdout.split()[-1])


def bullmq_folder() -> Path | None:
    """The folder of its packages, installed once for all rounds."""
    folder = Path(tempfile.gettempdir()) / "knogin-bench-bullmq"
    if shutil.which("npm") is None:
        return None
    if not (folder / "node_modules" / "ioredis").exists():
        folder.mkdir(exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        installed = subprocess.run(
            ["npm", "install", "--silent", "bullmq", "ioredis", "undici"], cwd=folder, capture_output=True, text=True
        )
        if installed.returncode != 0:
            return None
    shutil.copy(Path(__file__).with_name("webhooks_bullmq.mjs"), folder / "bench.mjs")
    return folder


def sample_body() -> str:
    one = event("incident.updated")
    return outbox.row("org_1", one)[4]
