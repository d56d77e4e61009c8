"""The loop of a sender: claims what is due, sends it, records what became of it, and refills each slot as it frees.

A claim visits receivers by name: those a bell named, since something has come to wait for them, and those whose success has just been
recorded. So it costs no more beside many that hang, of which there is no news. All else (retries that have come due, receivers that
failed or hung before, those that no bell named) is found by a walk over all that wait, in portions that rest between them.
"""

import asyncio
import logging
import resource
import signal
import threading
import time
from collections.abc import Callable, Collection
from itertools import islice
from typing import Any

import psycopg
import uvloop
from redis import RedisError

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.queues import MOST_NAMED, SENDER
from services.webhook_dispatcher.sending import ladder, queries, recording
from services.webhook_dispatcher.sending.addresses import Policy, create_resolver
from services.webhook_dispatcher.sending.client import Client, Due, Sent, deliver
from services.webhook_dispatcher.sending.lanes import Lane, Report, Slots
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.settings import Settings
from shared import broker, ids, logs, peers, redis_clients, tracing
from shared.clock import clock
from shared.crypto import Keyring, UnreadableCiphertext
from shared.database import WRITABLE, AsyncConnection
from shared.partitions import Daily
from shared.settings import required

CYCLE = 0.01
POLL = 0.05
IDLE_POLL = 0.5
BUSY_SECONDS = 2.0
MOST_AT_ONCE = 200
# Of as many receivers as fail in the same moment the health is recorded before the next claim.
MOST_REPORTS = 50
WALKED_AT_ONCE = 128
REST_PER_WALK = 9.0
MOST_REMEMBERED = 1000
BEAT_SECONDS = 2.0
PLAN_SECONDS = 10.0
LONGEST_AHEAD = 3.0
REMEMBERED = 10.0
FORGET_SECONDS = 1.0
GONE = 410
RECONNECT_SECONDS = 20.0
PAUSE = 0.3
# Beside the sockets of requests: database, Redis, name servers, logs, and connections kept for the next request.
FURTHER_FILES = 1000
CLAIMED = Due.__struct_fields__[:-1]
log = logging.getLogger(__name__)


class Pump:
    """Sends what the database says is due, until `stop` says so.

    A connection that breaks may be replaced by calling `run` or `drain` with another: what is in flight and what is not recorded stays.
    """

    def __init__(
        self,
        client: Client,
        vault: Vault,
        schedule: tuple[float, ...],
        slots: int,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.client = client
        self.vault = vault
        self.schedule = schedule
        self.slots = Slots(slots)
        self.stop = stop
        self.lanes: dict[str, Lane] = {}
        self.sending: set[asyncio.Task[None]] = set()
        self.over: list[dict[str, Any]] = []
        self.released: list[Due] = []
        self.peers = 1
        self.gone: dict[str, Due] = {}
        self.woken = asyncio.Event()
        self.named: dict[str, None] = {}
        self.after = ""
        self.portions, self.usual_portions = 0, 1
        self.began = self.busy = 0.0
        self.next_walk = self.next_beat = self.next_forgetting = self.plans_until = 0.0
        self.id = ids.uuid7()
        self.partitions = Daily(*PARTITIONED)

    @property
    def is_busy(self) -> bool:
        return bool(self.sending or self.over or self.released)

    async def run(self, conn: AsyncConnection) -> None:
        """Claims and sends until told to stop. What is in flight then goes on: see `drain`."""
        self.busy, self.next_walk = time.monotonic(), 0.0
        while not self.stop():
            self.woken.clear()
            if await self._cycle(conn, claiming=True) or self.is_busy:
                self.busy = time.monotonic()
            if self.slots.free == 0:
                await self._wait(POLL)
            else:
                await self._wait(CYCLE if self.named else max(CYCLE, self.next_walk - time.monotonic()))
        await conn.execute(queries.LEAVE, {"id": self.id})
        self.next_beat = 0.0

    async def drain(self, conn: AsyncConnection) -> None:
        """Waits for what is in flight, at most one deadline, and records it."""
        while self.is_busy:
            self.woken.clear()
            await self._cycle(conn, claiming=False)
            await self._wait(POLL)

    def wake(self, named: Collection[str] = ()) -> None:
        """Something waits for these receivers, or for who knows whom: looks at once instead of at the next walk."""
        if named and len(self.named) < MOST_REMEMBERED:
            self.named |= dict.fromkeys(named)
        else:
            self.next_walk = 0.0
        self.woken.set()

    async def _wait(self, pause: float) -> None:
        """Until something has happened, at most `pause` seconds; but no sooner than a cycle after the last, so that one statement tells of
        many, and what comes alone is sent at once."""
        if not self.over:
            try:
                async with asyncio.timeout(pause):
                    await self.woken.wait()
            except TimeoutError:
                return
        await asyncio.sleep(self.began + CYCLE - time.monotonic())

    async def _cycle(self, conn: AsyncConnection, *, claiming: bool) -> int:
        """Records what is over and claims what there is room for; what was claimed is on its way when this returns."""
        self.began = time.monotonic()
        await self._settle(conn)
        if claiming and time.monotonic() > self.next_beat:
            await self._beat(conn)
        due = await self._claim(conn) if claiming and self.slots.free > 0 else []
        self._take(due)
        return len(due)

    async def _settle(self, conn: AsyncConnection) -> None:
        over, reports = self._portion()
        # Given back once: of a connection that broke nobody knows whether it was done, and another may hold them since.
        released, self.released = self.released, []
        settled = recording.Settled(over, reports, released, self.gone.copy())
        try:
            await recording.record(conn, settled)
        except BaseException:
            for key, report in reports.items():
                self.lanes[key].give_back(report)
            raise
        # Only now: had the database gone away, the same results would be recorded over the next connection.
        del self.over[: len(over)]
        self.gone = {key: due for key, due in self.gone.items() if settled.gone.get(key) is not due}
        # Where slots are scarce, who has just been served takes its turn in the walk with those who wait.
        if self.slots.free >= self.slots.number // 4:
            self.named |= {line["subscription_id"]: None for line in over if line["succeeded"]}
        self._forget_idle_lanes()

    def _portion(self) -> tuple[list[dict[str, Any]], dict[str, Report]]:
        """The next results to record, and with the first of each receiver its health, so that no claim sees one without the other."""
        over: list[dict[str, Any]] = []
        reports: dict[str, Report] = {}
        for line in islice(self.over, MOST_AT_ONCE):
            key = line["subscription_id"]
            lane = self.lanes.get(key)
            if lane is not None and lane.worth_telling:
                if len(reports) == MOST_REPORTS:
                    break
                reports[key] = lane.take_report()
            over.append(line)
        return over, reports

    async def _claim(self, conn: AsyncConnection) -> list[Due]:
        """Visits who is named, at most 256 of them, and goes on with the walk when it is time to."""
        began = time.monotonic()
        walked = WALKED_AT_ONCE if began >= self.next_walk else 0
        named = list(islice(self.named, MOST_NAMED))
        if not named and not walked:
            return []
        for key in named:
            del self.named[key]
        most = min(MOST_AT_ONCE, self.slots.free)
        rooms = self.slots.rooms(self._receivers(self.lanes if walked else named))
        rows = await recording.claim(conn, recording.Round(named, self.after, walked), most, rooms)
        self.peers = rows[0][1]
        if walked:
            self._walk_on(rows[0][0], began)
        claimed = [Due(**dict(zip(CLAIMED, row[2:], strict=True))) for row in rows if row[2] is not None]
        if len(claimed) == most:  # and more may wait
            self.wake(named)
        self.over += [recording.expired(due) for due in claimed if due.body is None]
        return [due for due in claimed if due.body is not None]

    def _walk_on(self, after: str, began: float) -> None:
        """Once past the last that wait, the walk starts anew after a pause. Its rests together last no longer than half a second."""
        now = time.monotonic()
        self.portions += 1
        rest = min(REST_PER_WALK * (now - began), IDLE_POLL / max(self.portions, self.usual_portions))
        if after:
            self.after, self.next_walk = after, now + rest
            return
        pause = POLL if now - self.busy < BUSY_SECONDS else IDLE_POLL
        self.after, self.next_walk = "", now + max(pause, rest)
        self.portions, self.usual_portions = 0, self.portions

    async def _beat(self, conn: AsyncConnection) -> None:
        """Every two seconds: the others learn that this sender runs."""
        self.next_beat = time.monotonic() + BEAT_SECONDS
        await self.partitions.ensure_over(conn)
        if time.monotonic() > self.plans_until:
            await conn.execute(queries.FORGET_PLANS)
            self.plans_until = time.monotonic() + PLAN_SECONDS
        asked_at = clock.ask()
        clock.measured(await (await conn.execute(queries.SEEN, {"id": self.id})).fetchone(), asked_at)

    def _receivers(self, keys: Collection[str]) -> dict[str, tuple[str, int]]:
        known = ((key, self.lanes[key]) for key in keys if key in self.lanes)
        return {key: (lane.tenant_id, lane.claimable(self.peers)) for key, lane in known}

    def _take(self, claimed: list[Due]) -> None:
        """Gives each claimed delivery to its receiver's lane, and starts what the lane has room for and what a person asked for."""
        for due in claimed:
            lane = self.lanes.get(due.subscription_id)
            if lane is None:
                lane = self.lanes[due.subscription_id] = Lane.of(due)
            lane.refresh(due)
            due.claimed = time.monotonic()
            self.slots.take(due)
            if due.share == "asked" or lane.in_flight < lane.most(self.peers):
                self._start(lane, due)
            else:
                lane.waiting.append(due)

    def _start(self, lane: Lane, due: Due) -> None:
        lane.in_flight += 1
        lane.used = time.monotonic()
        task = asyncio.get_running_loop().create_task(self._send(due, lane))
        self.sending.add(task)
        task.add_done_callback(self._ended)

    def _refill(self, lane: Lane) -> None:
        """Goes on with the lane's next, unless the receiver asked to be left alone or the lease has run too long for it."""
        if lane.waiting and (lane.slow is not None or time.monotonic() - lane.waiting[0].claimed > LONGEST_AHEAD):
            for due in lane.waiting:
                self.slots.give_back(due)
            self.released += lane.waiting
            lane.waiting.clear()
        while lane.waiting and lane.in_flight < lane.most(self.peers):
            self._start(lane, lane.waiting.popleft())

    async def _send(self, due: Due, lane: Lane) -> None:
        try:
            sent = await deliver(self.client, self.vault, due)
        except UnreadableCiphertext:
            log.error("secret of %s cannot be decrypted; its deliveries wait for the key", due.subscription_id)
        except Exception as error:  # a bug of ours: the lease ends and another attempt is made
            log.error("attempt failed: %s", logs.describe(error))
        else:
            wait = self._next_wait(sent)
            lane.note(sent.outcome, wait)
            _observe(sent)
            self.over.append(recording.line(sent, wait))
            if sent.outcome.status == GONE:
                self.gone[due.subscription_id] = due
        finally:
            lane.in_flight -= 1
            self.slots.give_back(due)
            self._refill(lane)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.sending.discard(task)
        self.woken.set()

    def _next_wait(self, sent: Sent) -> float | None:
        if sent.outcome.succeeded:
            return None
        return ladder.next_wait(self.schedule, sent.due.rung + 1, sent.outcome.retry_after)

    def _forget_idle_lanes(self) -> None:
        """What was learnt of a quick receiver is kept while it may come in useful."""
        now = time.monotonic()
        if now < self.next_forgetting:
            return
        self.next_forgetting = now + FORGET_SECONDS
        idle = [key for key, lane in self.lanes.items() if lane.is_idle and now - lane.used > REMEMBERED]
        for key in idle:
            del self.lanes[key]


class Sender:
    """One pump, a connection to the database and a bell. `working` is set while it sends, and not while the database is away."""

    def __init__(self, settings: Settings, working: threading.Event | None = None) -> None:
        self.settings = settings
        self.dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
        self.working = working or threading.Event()
        self.stopping = threading.Event()

    async def run(self) -> None:
        """Sends until `stop`, then finishes what is in flight and records it."""
        self.loop = asyncio.get_running_loop()
        async with self._client() as client:
            pump = self.pump = self._pump(client)
            listening = asyncio.create_task(self._listen(pump))
            try:
                await self._send(pump)
            finally:
                listening.cancel()
            self.working.clear()
            await self._finish(pump)

    def stop(self) -> None:
        """May be called from any thread, or by a signal."""
        self.stopping.set()
        self.loop.call_soon_threadsafe(self.pump.wake)

    async def _send(self, pump: Pump) -> None:
        while not self.stopping.is_set():
            try:
                async with await self._connect() as conn:
                    self.working.set()
                    await pump.run(conn)
            except (psycopg.Error, OSError) as error:
                self.working.clear()
                log.warning("sender waits: %s; what it holds is recorded later", logs.describe(error))
                await asyncio.sleep(PAUSE)

    async def _finish(self, pump: Pump) -> None:
        """Waits for requests in flight and records them. One that cannot be recorded in time is sent again after its lease."""
        patience = time.monotonic() + RECONNECT_SECONDS
        while pump.is_busy and time.monotonic() < patience:
            try:
                async with await self._connect() as conn:
                    await pump.drain(conn)
            except (psycopg.Error, OSError):
                await asyncio.sleep(PAUSE)

    async def _listen(self, pump: Pump) -> None:
        """Each bell wakes one sender that has room; without Redis the pump's own polls find what is due."""
        key = broker.bell_key(SENDER)
        async with redis_clients.async_client(self.settings.redis_url) as redis:
            while True:
                try:
                    if not pump.slots.free:
                        await asyncio.sleep(PAUSE)
                    elif rung := await redis.brpop([key], timeout=1):
                        pump.wake(named_in(rung[1]))
                except (RedisError, OSError):
                    await asyncio.sleep(1)

    async def _connect(self) -> AsyncConnection:
        return await AsyncConnection.connect(
            self.dsn, autocommit=True, prepare_threshold=0, target_session_attrs=WRITABLE, **peers.POSTGRES
        )

    def _pump(self, client: Client) -> Pump:
        vault = Vault(Keyring.from_text(self.settings.encryption_keys))
        schedule = ladder.parse_schedule(self.settings.webhook_retry_schedule)
        return Pump(client, vault, schedule, self.settings.webhook_sender_slots, self.stopping.is_set)

    def _client(self) -> Client:
        policy = Policy.from_text(self.settings.webhook_allowed_networks)
        return Client(policy, create_resolver(self.settings.webhook_resolver), self.settings.webhook_ca_file)


def _observe(sent: Sent) -> None:
    outcome = "succeeded" if sent.outcome.succeeded else (sent.outcome.error or "").partition(":")[0]
    metrics.attempts.labels(outcome).inc()
    metrics.attempt_seconds.observe(sent.outcome.duration_ms / 1000)
    if sent.due.attempt == 1:
        metrics.lag_seconds.observe(max(0.0, sent.at - sent.due.delivery_at.timestamp()))


def named_in(ring: bytes | str) -> list[str]:
    """The subscriptions that a ring names."""
    text = ring if isinstance(ring, str) else ring.decode(errors="replace")
    return [name for name in text.split() if ids.is_id(name, "wh")]


def run(settings: Settings, working: threading.Event) -> None:
    """The sender process. SIGTERM and SIGINT end it once what is in flight is over, at most 15 s later."""
    _allow_files(settings.webhook_sender_slots + FURTHER_FILES)
    sender = Sender(settings, working)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        await sender.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    tracing.shutdown()


def _allow_files(number: int) -> None:
    """Raises the soft limit of open files to that, as far as the hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
