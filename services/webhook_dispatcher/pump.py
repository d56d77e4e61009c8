"""The loop of a sender: claims what is due, sends it, records what became of it, and refills each slot as it frees."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from services.webhook_dispatcher import delivery, dispatch_queries, ladder, metrics, recording
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.delivery import Sent, Vault
from services.webhook_dispatcher.lanes import Lane
from services.webhook_dispatcher.models import Due
from services.webhook_dispatcher.sharing import Slots
from shared import ids, logs
from shared.clock import clock
from shared.crypto import UnreadableCiphertext
from shared.database import AsyncConnection
from shared.partitions import Daily

CYCLE = 0.01
POLL = 0.05
IDLE_POLL = 0.5
BUSY_SECONDS = 2.0
MOST_AT_ONCE = 200
BEAT_SECONDS = 2.0
PLAN_SECONDS = 10.0
LONGEST_AHEAD = 3.0
REMEMBERED = 10.0
GONE = 410
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
        self.after = ""
        self.began = 0.0
        self.next_beat = self.plans_until = 0.0
        self.id = ids.uuid7()
        self.partitions = Daily(*dispatch_queries.PARTITIONED)

    @property
    def is_busy(self) -> bool:
        return bool(self.sending or self.over or self.released)

    async def run(self, conn: AsyncConnection) -> None:
        """Claims and sends until told to stop. What is in flight then goes on: see `drain`."""
        busy = time.monotonic()
        while not self.stop():
            self.woken.clear()
            claimed = await self._cycle(conn, claiming=True)
            if claimed or self.is_busy:
                busy = time.monotonic()
            # At once where there was more than one claim takes, or where it has not yet walked past every subscription.
            if claimed == MOST_AT_ONCE or self.after:
                await self._wait(CYCLE)
            else:
                await self._wait(POLL if time.monotonic() - busy < BUSY_SECONDS else IDLE_POLL)
        await conn.execute(dispatch_queries.LEAVE, {"id": self.id})
        self.next_beat = 0.0

    async def drain(self, conn: AsyncConnection) -> None:
        """Waits for what is in flight, at most one deadline, and records it."""
        while self.is_busy:
            self.woken.clear()
            await self._cycle(conn, claiming=False)
            await self._wait(POLL)

    def wake(self) -> None:
        """Something may have come due: looks at once instead of at the next poll."""
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
        due = await self._claim(conn) if claiming and self.slots.free > 0 else []
        self._take(due)
        return len(due)

    async def _settle(self, conn: AsyncConnection) -> None:
        reports = {key: lane.take_report() for key, lane in self.lanes.items() if lane.worth_telling}
        # Given back once: of a connection that broke nobody knows whether it was done, and another may hold them since.
        released, self.released = self.released, []
        settled = recording.Settled(self.over.copy(), reports, released, self.gone.copy())
        try:
            await recording.record(conn, settled)
        except BaseException:
            for key, report in reports.items():
                self.lanes[key].give_back(report)
            raise
        # Only now: had the database gone away, the same results would be recorded over the next connection.
        del self.over[: len(settled.over)]
        self.gone = {key: due for key, due in self.gone.items() if settled.gone.get(key) is not due}
        self._forget_idle_lanes()

    async def _claim(self, conn: AsyncConnection) -> list[Due]:
        if time.monotonic() > self.next_beat:
            await self._beat(conn)
        rows = await recording.claim(
            conn, self.after, min(MOST_AT_ONCE, self.slots.free), self.slots.rooms(self._receivers())
        )
        self.after, self.peers = rows[0][:2]
        claimed = [Due(**dict(zip(CLAIMED, row[2:], strict=True))) for row in rows if row[2] is not None]
        self.over += [recording.expired(due) for due in claimed if due.body is None]
        return [due for due in claimed if due.body is not None]

    async def _beat(self, conn: AsyncConnection) -> None:
        """Every two seconds: the others learn that this sender runs."""
        self.next_beat = time.monotonic() + BEAT_SECONDS
        await self.partitions.ensure_over(conn)
        if time.monotonic() > self.plans_until:
            await conn.execute(dispatch_queries.FORGET_PLANS)
            self.plans_until = time.monotonic() + PLAN_SECONDS
        asked_at = clock.ask()
        clock.measured(await (await conn.execute(dispatch_queries.SEEN, {"id": self.id})).fetchone(), asked_at)

    def _receivers(self) -> dict[str, tuple[str, int]]:
        return {key: (lane.tenant_id, lane.claimable(self.peers)) for key, lane in self.lanes.items()}

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
            sent = await delivery.deliver(self.client, self.vault, due)
        except UnreadableCiphertext:
            log.error("secret of %s cannot be decrypted; its deliveries wait for the key", due.subscription_id)
        except Exception as error:  # a bug of ours: the lease ends and another attempt is made
            log.error("attempt failed: %s", logs.describe(error))
        else:
            wait = self._next_wait(sent)
            lane.note(sent.outcome, wait)
            metrics.observe(sent)
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
        idle = [key for key, lane in self.lanes.items() if lane.is_idle and now - lane.used > REMEMBERED]
        for key in idle:
            del self.lanes[key]
