"""The sender: one event loop that claims what is due, sends it, records what became of it, and refills each slot as it frees."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from services.webhook_dispatcher import delivery, dispatch_queries, ladder, metrics, recording, sharing
from services.webhook_dispatcher.client import Client
from services.webhook_dispatcher.delivery import Sent, Vault
from services.webhook_dispatcher.lanes import Lane
from services.webhook_dispatcher.models import Due
from shared import logs
from shared.crypto import UnreadableCiphertext
from shared.database import AsyncConnection

CYCLE = 0.01
POLL = 0.05
IDLE = 2.0
MOST_AT_ONCE = 200
LONGEST_AHEAD = 3.0
PLAN_SECONDS = 2.0
REMEMBERED = 10.0
TURN = 30.0
GONE = 410
CLAIMED = Due.__struct_fields__[:-1]
log = logging.getLogger(__name__)


class Pump:
    """Sends what the database says is due, until its turn is over, nothing is left, or `stop` says so.

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
        self.slots = slots
        self.stop = stop
        self.lanes: dict[str, Lane] = {}
        self.sending: set[asyncio.Task[None]] = set()
        self.over: list[dict[str, Any]] = []
        self.released: list[Due] = []
        self.gone: dict[str, Due] = {}
        self.freed = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.after = ""
        self.began = 0.0
        self.plans_until = 0.0

    @property
    def held(self) -> int:
        """Deliveries claimed and not over."""
        return sum(lane.held for lane in self.lanes.values())

    @property
    def is_busy(self) -> bool:
        return bool(self.sending or self.over or self.released)

    async def run(self, conn: AsyncConnection) -> None:
        """Claims and sends for one turn, or until there has been nothing to do for two. What is in flight goes on: see `drain`."""
        ends = busy = time.monotonic()
        ends += TURN
        while time.monotonic() < ends and not self.stop():
            self.freed.clear()
            claimed = await self._cycle(conn, claiming=True)
            if claimed or self.is_busy:
                busy = time.monotonic()
            elif time.monotonic() - busy > IDLE:
                return
            # At once where there was more than one claim takes, or where it has not yet walked past every subscription.
            await self._wait(CYCLE if claimed == MOST_AT_ONCE or self.after else POLL)

    async def drain(self, conn: AsyncConnection) -> None:
        """Waits for what is in flight, at most one deadline, and records it."""
        while self.is_busy:
            self.freed.clear()
            await self._cycle(conn, claiming=False)
            await self._wait(POLL)

    def wake(self) -> None:
        """Something has come due. May be called from any thread while the pump runs; it looks by itself every 50 ms."""
        self.loop.call_soon_threadsafe(self.freed.set)

    async def _wait(self, pause: float) -> None:
        """Until something has happened, at most `pause` seconds; but no sooner than a cycle after the last, so that one statement tells of
        many, and what comes alone is sent at once."""
        if not self.over:
            try:
                async with asyncio.timeout(pause):
                    await self.freed.wait()
            except TimeoutError:
                return
        await asyncio.sleep(self.began + CYCLE - time.monotonic())

    async def _cycle(self, conn: AsyncConnection, *, claiming: bool) -> int:
        """Records what is over and claims what there is room for; what was claimed is on its way when this returns."""
        self.began = time.monotonic()
        await self._settle(conn)
        free = self.slots - self.held if claiming else 0
        due = await self._claim(conn, free) if free > 0 else []
        self._take(due)
        return len(due)

    async def _settle(self, conn: AsyncConnection) -> None:
        reports = {key: lane.take_report() for key, lane in self.lanes.items() if lane.worth_telling}
        settled = recording.Settled(self.over.copy(), reports, self.released.copy(), self.gone.copy())
        try:
            await recording.record(conn, settled)
        except BaseException:
            for key, report in reports.items():
                self.lanes[key].give_back(report)
            raise
        # Only now: had the database gone away, the same results would be recorded over the next connection.
        del self.over[: len(settled.over)], self.released[: len(settled.released)]
        self.gone = {key: due for key, due in self.gone.items() if settled.gone.get(key) is not due}
        self._forget_idle_lanes()

    async def _claim(self, conn: AsyncConnection, free: int) -> list[Due]:
        if time.monotonic() > self.plans_until:
            await conn.execute(dispatch_queries.FORGET_PLANS)
            self.plans_until = time.monotonic() + PLAN_SECONDS
        rooms = sharing.rooms(free, self.lanes)
        parameters = {
            "after": self.after,
            "slots": min(MOST_AT_ONCE, free),
            "room": msgspec.json.encode(rooms.lanes).decode(),
            "tenants": msgspec.json.encode(rooms.tenants).decode(),
            "newcomer": rooms.newcomer,
        }
        rows = await recording.fetch(conn, dispatch_queries.CLAIM, parameters)
        self.after = rows[0][0]
        return [Due(**dict(zip(CLAIMED, row[1:], strict=True))) for row in rows if row[1] is not None]

    def _take(self, claimed: list[Due]) -> None:
        """Gives each claimed delivery to its receiver's lane, and starts what the lane has room for."""
        now = time.monotonic()
        for due in claimed:
            lane = self.lanes.get(due.subscription_id)
            if lane is None:
                lane = self.lanes[due.subscription_id] = Lane.of(due)
            due.claimed = now
            lane.waiting.append(due)
            if lane.in_flight < lane.limit:
                self._start_next(lane)

    def _start_next(self, lane: Lane) -> None:
        lane.in_flight += 1
        lane.used = time.monotonic()
        task = asyncio.get_running_loop().create_task(self._send(lane.waiting.popleft(), lane))
        self.sending.add(task)
        task.add_done_callback(self._ended)

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
            self._refill(lane)

    def _refill(self, lane: Lane) -> None:
        """Gives the freed slot to the lane's next, unless the receiver asked to be left alone or the lease has run too long for it."""
        if lane.waiting and (lane.slow is not None or time.monotonic() - lane.waiting[0].claimed > LONGEST_AHEAD):
            self.released += lane.waiting
            lane.waiting.clear()
        while lane.waiting and lane.in_flight < lane.limit:
            self._start_next(lane)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.sending.discard(task)
        self.freed.set()

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
