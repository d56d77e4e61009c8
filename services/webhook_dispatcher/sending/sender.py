"""The sender process: claims due deliveries, sends them, records the results, and refills each slot as it frees.

Any number of senders share the work; none needs to know the others. A claim visits receivers by name: those that a bell names, because
they have new deliveries, and those whose success has just been recorded. So receivers that hang add nothing to its cost. A walk over all
receivers with waiting deliveries, in portions with rests between them, finds the others: due retries, receivers that failed or hung before,
and those that no bell named.
"""

import asyncio
import logging
import resource
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Collection
from itertools import islice
from typing import Any

import psycopg
import uvloop
from redis import RedisError

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout.queries import PARTITIONED
from services.webhook_dispatcher.queues import MOST_NAMED, MOST_RINGS, SENDER
from services.webhook_dispatcher.sending import ladder, queries, recording
from services.webhook_dispatcher.sending.addresses import create_resolver
from services.webhook_dispatcher.sending.client import Client, Due, deliver
from services.webhook_dispatcher.sending.lanes import Lane, Report, Slots
from services.webhook_dispatcher.sending.signing import Vault
from services.webhook_dispatcher.sending.statistics import Statistics
from services.webhook_dispatcher.settings import Settings
from shared.messaging import broker
from shared.primitives import ids
from shared.primitives.crypto import Keyring, UnreadableCiphertext
from shared.process import liveness, peers, redis_clients, telemetry
from shared.process.settings import required
from shared.storage.database import WRITABLE, AsyncConnection, clock
from shared.storage.partitions import Daily

CYCLE = 0.01
POLL = 0.05
IDLE_POLL = 0.5
BUSY_SECONDS = 2.0
MOST_AT_ONCE = 200
# So many receivers that fail in the same moment have their health recorded before the next claim.
MOST_REPORTS = 50
WALKED_AT_ONCE = 128
# By this a claim that took too long divides the number of receivers that the next one visits. Each that succeeds doubles it.
SHORTENED_BY = 16
REST_PER_WALK = 9.0
MOST_REMEMBERED = 1000
BEAT_SECONDS = 2.0
PLAN_SECONDS = 10.0
LONGEST_AHEAD = 3.0
REMEMBERED = 10.0
FORGET_SECONDS = 1.0
GONE = 410
LOCKED_SECONDS = 10.0
# So long the connection for results whose webhook is locked stays, when there are no more.
HELD_SECONDS = 5.0
RECONNECT_SECONDS = 20.0
PAUSE = 0.3
# Beside the sockets of requests: database, Redis, name servers, logs, and idle connections.
FURTHER_FILES = 1000
CLAIMED = Due.__struct_fields__[:-1]
log = logging.getLogger(__name__)


class Pump:
    """Sends due deliveries until `stop` is true.

    After a connection to the database breaks, `run` or `drain` takes another: requests in flight and unrecorded results stay.
    Where somebody has locked the row of a webhook, its results wait over one more connection, and those of others do not.
    """

    def __init__(
        self,
        client: Client,
        vault: Vault,
        schedule: tuple[float, ...],
        slots: int,
        stop: Callable[[], bool],
        connect: Callable[[], Awaitable[AsyncConnection]],
    ) -> None:
        self.connect = connect
        self.client = client
        self.vault = vault
        self.schedule = schedule
        self.slots = Slots(slots)
        self.stop = stop
        self.lanes: dict[str, Lane] = {}
        self.sending: set[asyncio.Task[None]] = set()
        self.over: list[dict[str, Any]] = []
        self.held: list[dict[str, Any]] = []
        self.waiting_for_locks: asyncio.Task[None] | None = None
        self.released: list[Due] = []
        self.peers = 1
        self.gone: dict[str, Due] = {}
        self.woken = asyncio.Event()
        self.named: dict[str, None] = {}
        self.after = ""
        self.portions, self.usual_portions = 0, 1
        self.portion, self.passes_by = WALKED_AT_ONCE, False
        self.began = self.busy = 0.0
        self.next_walk = self.next_beat = self.next_forgetting = self.plans_until = 0.0
        self.id = ids.uuid7()
        self.partitions = Daily(*PARTITIONED)
        self.statistics = Statistics()

    @property
    def is_busy(self) -> bool:
        return bool(self.sending or self.over or self.released)

    async def run(self, conn: AsyncConnection) -> None:
        """Claims and sends until `stop`. Requests in flight then go on: see `drain`."""
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
        """Waits for requests in flight, at most one deadline, and records them; for locked rows it waits `LOCKED_SECONDS` at most."""
        until = time.monotonic() + LOCKED_SECONDS
        while self.is_busy or (self.held and time.monotonic() < until):
            if self.is_busy:
                until = time.monotonic() + LOCKED_SECONDS
            self.woken.clear()
            await self._cycle(conn, claiming=False)
            await self._wait(POLL)
        await self.statistics.add(conn, now=True)

    def wake(self, named: Collection[str] = ()) -> None:
        """Claims at once for these receivers. Without names, walks at once."""
        if named and len(self.named) < MOST_REMEMBERED:
            self.named |= dict.fromkeys(named)
        else:
            self.next_walk = 0.0
        self.woken.set()

    async def _wait(self, pause: float) -> None:
        """Waits until it is woken, at most `pause` seconds, and at least until the cycle is over.

        So one statement records many results under load, and a single delivery is sent at once.
        """
        if not self.over:
            try:
                async with asyncio.timeout(pause):
                    await self.woken.wait()
            except TimeoutError:
                return
        await asyncio.sleep(self.began + CYCLE - time.monotonic())

    async def _cycle(self, conn: AsyncConnection, *, claiming: bool) -> int:
        """Records results, and claims and starts as many deliveries as there is room for. Returns their number."""
        self.began = time.monotonic()
        await self.settle(conn)
        if claiming and time.monotonic() > self.next_beat:
            # Every two seconds: stores that this sender runs, and renews partitions, plans and the clock.
            self.next_beat = time.monotonic() + BEAT_SECONDS
            await self.partitions.ensure_over(conn)
            if time.monotonic() > self.plans_until:
                await conn.execute(queries.FORGET_PLANS)
                self.plans_until = time.monotonic() + PLAN_SECONDS
            asked_at = clock.ask()
            clock.measured(await (await conn.execute(queries.SEEN, {"id": self.id})).fetchone(), asked_at)
        due = await self.claim(conn) if claiming and self.slots.free > 0 else []
        self.take(due)
        return len(due)

    async def settle(self, conn: AsyncConnection) -> None:
        over, reports = self.next_results()
        # Given back once: a connection that broke may have done so, and another sender may hold them since.
        released, self.released = self.released, []
        settled = recording.Settled(over, reports, released, self.gone.copy())
        held = await self._record(conn, settled)
        # Only now: after an error the same results are recorded over the next connection.
        del self.over[: len(over)]
        self.gone = {key: due for key, due in self.gone.items() if settled.gone.get(key) is not due or key in held}
        if held:
            self.held += [line for line in over if line["subscription_id"] in held]
            if self.held and (self.waiting_for_locks is None or self.waiting_for_locks.done()):
                self.waiting_for_locks = asyncio.get_running_loop().create_task(self._record_held())
        await self.statistics.add(conn)
        # Where slots are scarce, a receiver that was just served takes its turn in the walk.
        if self.slots.free >= self.slots.number // 4:
            served = {line["subscription_id"]: None for line in over if line["succeeded"]}
            self.named |= {key: None for key in served if key not in held}
        # The measured speed of a receiver is useful for ten seconds.
        now = time.monotonic()
        if now >= self.next_forgetting:
            self.next_forgetting = now + FORGET_SECONDS
            kept = {line["subscription_id"] for line in self.held}
            old = [key for key, lane in self.lanes.items() if lane.is_idle and now - lane.used > REMEMBERED]
            idle = [key for key in old if key not in kept]
            for key in idle:
                del self.lanes[key]

    async def _record(self, conn: AsyncConnection, settled: recording.Settled, wait: bool = False) -> set[str]:
        """Returns the webhooks of which nothing is recorded. Their reports, and after an error all, go with a later record."""
        held = {*settled.reports}
        try:
            held = await recording.record(conn, settled, wait)
        finally:
            for key in settled.reports.keys() & held:
                self.lanes[key].give_back(settled.reports[key])
        return held

    async def _record_held(self) -> None:
        """Records results of webhooks whose rows were locked: of all that are free by now, and then of one whose row it waits for."""
        while self.held:
            try:
                async with await self.connect() as conn:
                    until = time.monotonic() + HELD_SECONDS
                    while self.held or time.monotonic() < until:
                        if not self.held:
                            await asyncio.sleep(POLL)
                            continue
                        until = time.monotonic() + HELD_SECONDS
                        first = self.held[0]["subscription_id"]
                        if await self._record_of_held(conn, self.held[:MOST_AT_ONCE]):
                            of_one = [line for line in self.held if line["subscription_id"] == first]
                            await self._record_of_held(conn, of_one[:MOST_AT_ONCE], wait=True)
            except (psycopg.Error, OSError) as error:
                log.warning("results of a webhook wait for its row: %s", telemetry.describe(error))
                await asyncio.sleep(PAUSE)

    async def _record_of_held(self, conn: AsyncConnection, over: list[dict[str, Any]], wait: bool = False) -> set[str]:
        """Those that are not recorded come last. Returns their webhooks."""
        keys = {line["subscription_id"] for line in over}
        lanes = {key: lane for key in keys if (lane := self.lanes.get(key)) is not None and lane.must_record}
        settled = recording.Settled(over, {key: lane.take_report() for key, lane in lanes.items()}, [], {})
        held: Collection[str] = keys
        try:
            held = await self._record(conn, settled, wait)
        finally:
            tried = {id(line) for line in over}
            others = [line for line in self.held if id(line) not in tried]
            self.held = [*others, *(line for line in over if line["subscription_id"] in held)]
        return held

    def next_results(self) -> tuple[list[dict[str, Any]], dict[str, Report]]:
        """The next results to record. Each receiver's health goes with its first result, so that a claim sees both or neither."""
        over: list[dict[str, Any]] = []
        reports: dict[str, Report] = {}
        for line in islice(self.over, MOST_AT_ONCE):
            key = line["subscription_id"]
            lane = self.lanes.get(key)
            if lane is not None and lane.must_record:
                if len(reports) == MOST_REPORTS:
                    break
                reports[key] = lane.take_report()
            over.append(line)
        return over, reports

    async def claim(self, conn: AsyncConnection) -> list[Due]:
        """Visits at most 256 named receivers, and goes on with the walk when its rest is over.

        Fewer after a claim that took too long, whose named ones are left to the walk. The walk passes one by that takes too long alone.
        """
        began = time.monotonic()
        if self.passes_by:
            row = await (await conn.execute(queries.NEXT, {"after": self.after})).fetchone()
            self.after, self.passes_by = row[0] if row is not None else "", False
        walked = self.portion if began >= self.next_walk else 0
        most_named = MOST_NAMED if self.portion == WALKED_AT_ONCE else 0 if walked else self.portion
        named = list(islice(self.named, most_named))
        if not named and not walked:
            return []
        if not named and not self.after and await (await conn.execute(queries.WAITS)).fetchone() is None:
            self.walk_on("", began)
            return []
        for key in named:
            del self.named[key]
        most = min(MOST_AT_ONCE, self.slots.free)
        known = ((key, self.lanes[key]) for key in (self.lanes if walked else named) if key in self.lanes)
        rooms = self.slots.rooms({key: (lane.tenant_id, lane.claimable(self.peers)) for key, lane in known})
        visited = recording.Round(named, self.after, walked)
        try:
            rows = await recording.claim(conn, visited, most, rooms)
        except (psycopg.errors.QueryCanceled, psycopg.errors.TransactionTimeout):
            self.portion, self.passes_by = max(1, self.portion // SHORTENED_BY), walked == 1
            raise
        self.portion = min(2 * self.portion, WALKED_AT_ONCE)
        self.peers = rows[0][1]
        if walked:
            self.walk_on(rows[0][0], began)
        claimed = [Due(**dict(zip(CLAIMED, row[2:-2], strict=True))) for row in rows if row[2] is not None]
        if len(claimed) == most:  # more may wait
            self.wake(named)
        self.over += [recording.expired(due) for due in claimed if due.body is None]
        return [due for due in claimed if due.body is not None]

    def walk_on(self, after: str, began: float) -> None:
        """Sets the next rest. After the last receiver the walk pauses and starts anew. Its rests last half a second together."""
        now = time.monotonic()
        self.portions += 1
        rest = min(REST_PER_WALK * (now - began), IDLE_POLL / max(self.portions, self.usual_portions))
        if after:
            self.after, self.next_walk = after, now + rest
            return
        pause = POLL if now - self.busy < BUSY_SECONDS else IDLE_POLL
        self.after, self.next_walk = "", now + max(pause, rest)
        self.portions, self.usual_portions = 0, self.portions

    def take(self, claimed: list[Due]) -> None:
        """Gives each claimed delivery to its receiver's lane. Starts it if the lane has room or a person asked for it."""
        for due in claimed:
            lane = self.lanes.get(due.subscription_id)
            if lane is None:
                lane = self.lanes[due.subscription_id] = Lane.of(due)
            lane.refresh(due)
            assert due.leased_at is not None
            due.claimed = time.monotonic() - max(0.0, clock.now() - due.leased_at.timestamp())
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

        def ended(task: asyncio.Task[None]) -> None:
            self.sending.discard(task)
            self.woken.set()

        task.add_done_callback(ended)

    def _refill(self, lane: Lane) -> None:
        """Starts the lane's next deliveries. Releases them if the receiver asked for a pause or their lease is too old."""
        if lane.waiting and (lane.slow is not None or time.monotonic() - lane.waiting[0].claimed > LONGEST_AHEAD):
            for due in lane.waiting:
                self.slots.give_back(due)
            self.released += lane.waiting
            lane.waiting.clear()
        while lane.waiting and lane.in_flight < lane.most(self.peers):
            self._start(lane, lane.waiting.popleft())

    async def _send(self, due: Due, lane: Lane) -> None:
        """Sends a delivery, or gives it back where this process stood still since the claim: another sender may have it now."""
        try:
            if time.monotonic() - due.claimed > LONGEST_AHEAD:
                self.released.append(due)
                return
            sent = await deliver(self.client, self.vault, due)
        except UnreadableCiphertext:
            log.error("secret of %s cannot be decrypted; its deliveries wait for the key", due.subscription_id)
        except Exception as error:  # a bug: the lease ends and another attempt follows
            log.error("an attempt failed by a fault of the sender: %s", telemetry.describe(error))
        else:
            wait = None
            if not sent.outcome.succeeded:
                wait = ladder.next_wait(self.schedule, due.rung + 1, sent.outcome.retry_after)
            lane.count(sent.outcome, wait)
            self.statistics.count(sent)
            outcome = "succeeded" if sent.outcome.succeeded else (sent.outcome.error or "").partition(":")[0]
            metrics.attempts.labels(outcome).inc()
            if sent.outcome.succeeded:
                metrics.reached.add(due.tenant_id)
            metrics.attempt_seconds.observe(sent.outcome.duration_ms / 1000)
            if sent.due.attempt == 1 and not sent.due.failing and not sent.due.paced:
                metrics.lag_seconds.observe(max(0.0, sent.at - sent.due.delivery_at.timestamp()))
            self.over.append(recording.line(sent, wait))
            if sent.outcome.status == GONE:
                self.gone[due.subscription_id] = due
        finally:
            lane.in_flight -= 1
            self.slots.give_back(due)
            self._refill(lane)


class Sender:
    """One pump, a connection to the database and a bell. `working` is set while it sends, and cleared while the database is away."""

    def __init__(self, settings: Settings, working: threading.Event | None = None) -> None:
        self.settings = settings
        self.dsn = required(settings.worker_database_url, "WORKER_DATABASE_URL")
        self.working = working or threading.Event()
        self.stopping = threading.Event()

    async def run(self) -> None:
        """Sends until `stop`, then finishes and records the requests in flight."""
        self.loop, settings = asyncio.get_running_loop(), self.settings
        liveness.watch(self.loop)
        policy = settings.policy()
        vault = Vault(Keyring.from_text(settings.encryption_keys))
        schedule = ladder.parse_schedule(settings.webhook_retry_schedule)
        async with Client(policy, create_resolver(settings.webhook_resolver), settings.webhook_ca_file) as client:
            slots, stop = settings.webhook_sender_slots, self.stopping.is_set
            pump = self.pump = Pump(client, vault, schedule, slots, stop, self._connect)
            listening = asyncio.create_task(self._listen(pump))
            try:
                await self._send(pump)
            finally:
                listening.cancel()
            self.working.clear()
            patience = time.monotonic() + RECONNECT_SECONDS
            while (pump.is_busy or pump.held) and time.monotonic() < patience:
                try:
                    async with await self._connect() as conn:
                        await pump.drain(conn)
                except (psycopg.Error, OSError):
                    await asyncio.sleep(PAUSE)

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
                log.warning("sender waits: %s; its results are recorded later", telemetry.describe(error))
                await asyncio.sleep(PAUSE)

    async def _listen(self, pump: Pump) -> None:
        """Each bell wakes one sender that has room. Without Redis the pump finds due deliveries by its walk."""
        key = broker.bell_key(SENDER)
        async with redis_clients.async_client(self.settings.redis_url) as redis:
            while True:
                try:
                    if not pump.slots.free:
                        await asyncio.sleep(PAUSE)
                    elif rung := await redis.brpop([key], timeout=1):
                        pump.wake(named_in(rung[1]))
                        # Shortens a list that somebody filled with forged rings to the length that genuine rings leave.
                        await redis.ltrim(key, 0, MOST_RINGS - 1)
                except (RedisError, OSError):
                    await asyncio.sleep(1)

    async def _connect(self) -> AsyncConnection:
        return await AsyncConnection.connect(
            self.dsn, autocommit=True, prepare_threshold=0, target_session_attrs=WRITABLE, **peers.POSTGRES
        )


def named_in(ring: bytes | str) -> list[str]:
    """The subscriptions that the text of a bell names."""
    text = ring if isinstance(ring, str) else ring.decode(errors="replace")
    return [name for name in text.split() if ids.is_id(name, "wh")]


def run(settings: Settings, working: threading.Event) -> None:
    """The sender process. After SIGTERM or SIGINT it finishes its requests in flight, at most 15 s, and ends."""
    # Raises the soft limit of open files to this number, at most to the hard limit.
    number = settings.webhook_sender_slots + FURTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    sender = Sender(settings, working)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sender.stop)
        await sender.run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    telemetry.shutdown_tracing()
