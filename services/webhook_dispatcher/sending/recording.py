"""The transactions of a sender: claims, finished attempts, the health of receivers."""

import logging
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import AsyncCursor
from psycopg.rows import tuple_row

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history import decision_queries, decisions
from services.webhook_dispatcher.sending import queries
from services.webhook_dispatcher.sending.client import Due, Sent
from services.webhook_dispatcher.sending.lanes import LARGE_BYTES, Report, Rooms
from shared.process import telemetry
from shared.storage.database import AsyncConnection

# With these errors PostgreSQL refuses a row for its content: to try again is in vain.
REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)
log = logging.getLogger(__name__)


class Settled(NamedTuple):
    """Unrecorded results of a sender: attempts, health of receivers, unused claims, receivers that answered 410."""

    over: list[dict[str, Any]]
    reports: dict[str, Report]
    released: list[Due]
    gone: dict[str, Due]

    def without(self, webhooks: Collection[str]) -> "Settled":
        return Settled(
            [one for one in self.over if one["subscription_id"] not in webhooks],
            {key: report for key, report in self.reports.items() if key not in webhooks},
            self.released,
            {key: due for key, due in self.gone.items() if key not in webhooks},
        )


class Round(NamedTuple):
    """The receivers that a claim visits: those `named`, and the next `walked` of all with waiting deliveries, after the id `after`."""

    named: Collection[str]
    after: str
    walked: int


async def claim(conn: AsyncConnection, visited: Round, most: int, rooms: Rooms) -> list[tuple[Any, ...]]:
    """The rows of one claim.

    The transaction is sent at once, so that no round trip passes while it holds the lock of all senders.
    """
    parameters = {
        "named": _json(visited.named),
        "after": visited.after,
        "walked": visited.walked,
        "slots": most,
        "lanes": _json(rooms.lanes),
        "newcomer": rooms.newcomer,
        "tenants": _json(rooms.tenants),
        "tenant": _json(rooms.tenant),
        "classes": _json(rooms.classes),
        "approved": event_types.DEFAULT,
        "large": LARGE_BYTES,
    }
    # Binary: bodies come as bytes, without a text of them that takes up to four times as much.
    cursor = conn.cursor(row_factory=tuple_row, binary=True)
    async with _at_once(conn):
        await conn.execute(queries.BEGIN_CLAIM)
        await cursor.execute(queries.CLAIM, parameters)
    return await cursor.fetchall()


async def record(conn: AsyncConnection, settled: Settled, wait: bool = False) -> set[str]:
    """Records all together. If PostgreSQL refuses a row, records each part alone and forgets those that fail: no row stops a sender.

    Returns the webhooks whose rows somebody has locked, of which nothing is recorded; with `wait` it waits for these rows.
    """
    try:
        return await _record(conn, settled, wait)
    except REFUSED as error:
        if _lacks_partition(error):
            raise
        held = set[str]()
        for part in _parts(settled):
            held |= await _record_or_forget(conn, part, wait)
        return held


def _parts(settled: Settled) -> Iterator[Settled]:
    for key, report in settled.reports.items():
        yield Settled([], {key: report}, [], {})
    for line in settled.over:
        yield Settled([line], {}, [], {})
    for due in settled.released:
        yield Settled([], {}, [due], {})
    for key, due in settled.gone.items():
        yield Settled([], {}, [], {key: due})


async def _record_or_forget(conn: AsyncConnection, part: Settled, wait: bool) -> set[str]:
    try:
        return await _record(conn, part, wait)
    except REFUSED as error:
        if _lacks_partition(error):
            raise
        for line in part.over:
            forgotten = await conn.execute(queries.FORGET_UNRECORDABLE, line)
            metrics.unclaimable.inc(forgotten.rowcount)
        ids = [line["delivery_id"] for line in part.over] + [due.delivery_id for due in part.released]
        named = [*ids, *part.reports, *part.gone]
        log.error("a result of %s cannot be recorded and is forgotten: %s", *named, telemetry.describe(error))
        return set()


def _lacks_partition(error: psycopg.Error) -> bool:
    """Whether the day has no partition yet: the results are recorded once it has one."""
    return isinstance(error, psycopg.errors.CheckViolation) and error.diag.constraint_name is None


async def _record(conn: AsyncConnection, settled: Settled, wait: bool) -> set[str]:
    """Records in one statement where attempts ended and nothing else changed, which is nearly always so.

    Otherwise locks subscriptions before their deliveries, as every other transaction does, so that there is no deadlock.
    """
    given_up = {one["subscription_id"] for one in settled.over if one["wait"] is None and not one["succeeded"]}
    changed = [*given_up | settled.reports.keys() | settled.gone.keys()]
    if not changed and not settled.released:
        if settled.over:
            async with _at_once(conn):
                await conn.execute(queries.BEGIN_RECORD)
                await conn.execute(queries.RECORD, {"sent": _json(settled.over)})
        return set()
    async with conn.transaction(), conn.cursor(row_factory=tuple_row) as cursor:
        await conn.execute(queries.BEGIN_RECORD)
        held = set[str]()
        if wait:
            await conn.execute(queries.LOCK, (changed,))
        elif changed:
            await cursor.execute(queries.LOCK_FREE, {"ids": changed})
            held = {webhook_id for (webhook_id,) in await cursor.fetchall()}
        await _record_locked(conn, cursor, settled.without(held) if held else settled)
    return held


async def _record_locked(conn: AsyncConnection, cursor: AsyncCursor[tuple[Any, ...]], settled: Settled) -> None:
    lanes = [{"subscription_id": key} | msgspec.structs.asdict(report) for key, report in settled.reports.items()]
    health = list[tuple[Any, ...]]()
    if lanes:
        await cursor.execute(queries.UPDATE_HEALTH, {"lanes": _json(lanes)})
        health = await cursor.fetchall()
    for subscription_id, due in sorted(settled.gone.items()):
        await decisions.disable(conn, due.tenant_id, subscription_id, "gone", due.url)
    await conn.execute(queries.RECORD, {"sent": _json(settled.over)})
    keys = [
        {name: one[name] for name in ("delivery_id", "delivery_at", "at")}
        for one in settled.over
        if one["wait"] is None and not one["succeeded"]
    ]
    if keys:
        counted = {"sent": _json(keys), "notices": [*event_types.ABOUT_WEBHOOKS]}
        await conn.execute(queries.COUNT_EXHAUSTED, counted)
    unused = {
        "ids": [due.delivery_id for due in settled.released],
        "attempts": [due.attempt for due in settled.released],
    }
    await conn.execute(queries.GIVE_BACK, unused)
    for subscription_id, tenant_id, falters, recovers, since in health:
        if recovers:
            await conn.execute(*decisions.begin_chore(subscription_id, tenant_id, "gather", failed_since=since))
        if falters:
            await conn.execute(decision_queries.TAKE_BACK_RELEASED, {"subscription_id": subscription_id})


@asynccontextmanager
async def _at_once(conn: AsyncConnection) -> AsyncIterator[None]:
    """A transaction sent in one round trip. Closes a connection that breaks in it, which psycopg would leave in the pipeline."""
    try:
        async with conn.pipeline(), conn.transaction():
            yield
    except psycopg.errors.ProgramLimitExceeded:
        raise
    except (psycopg.OperationalError, psycopg.errors.TransactionTimeout):
        await conn.close()
        raise


def _json(value: object) -> str:
    """As JSON, whose encoding costs a tenth of that of arrays."""
    return msgspec.json.encode(value).decode()


def line(sent: Sent, wait: float | None) -> dict[str, Any]:
    """One attempt as RECORD reads it. `wait` is None when no attempt follows."""
    due, outcome = sent.due, sent.outcome
    return {
        "delivery_id": due.delivery_id,
        "delivery_at": due.delivery_at,
        "tenant_id": due.tenant_id,
        "subscription_id": due.subscription_id,
        "attempt": due.attempt,
        "at": datetime.fromtimestamp(sent.at, UTC),
        "succeeded": outcome.succeeded,
        "wait": wait,
        "url": due.url,
        "request_headers": sent.shown_headers(),
        "address": outcome.address,
        "status": outcome.status,
        "response_headers": outcome.headers,
        "body": outcome.body,
        "truncated": outcome.truncated,
        "error": outcome.error,
        "duration_ms": outcome.duration_ms,
        "timings": sent.exchange.timings() if sent.exchange is not None else None,
        "trace_id": sent.trace_id,
    }


def expired(due: Due) -> dict[str, Any]:
    """A delivery that is given up without an attempt: its event was dropped with its partition."""
    return {
        "delivery_id": due.delivery_id,
        "delivery_at": due.delivery_at,
        "tenant_id": due.tenant_id,
        "subscription_id": due.subscription_id,
        "attempt": due.attempt,
        "at": datetime.now(UTC),
        "succeeded": False,
        "wait": None,
        "url": "",
        "request_headers": {},
        "error": "event_expired: the event is past its retention; nothing was sent",
        "truncated": False,
        "duration_ms": 0,
    }
