"""HTTP endpoints with which a consumer reads: each read is a lease, which ends when all of it is committed.

A read that finds nothing waits without a database connection and looks again. It looks at two rows, and reads the log
only when there are events after the consumer's place and no other read holds the consumer.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import NamedTuple

from starlette.requests import Request

from services.webhook_dispatcher.places import Places
from services.webhook_dispatcher.reading import cursors, queries
from services.webhook_dispatcher.reading.consumers import head_of, is_expired, key_of, opened
from services.webhook_dispatcher.reading.models import (
    Commit,
    Committed,
    ConsumerRow,
    Extend,
    Extended,
    LogRow,
    ReadEvents,
    Reading,
)
from services.webhook_dispatcher.reading.rights import rights_of
from shared.storage.database import IN_ORDER, LAZILY, found, tenant_transaction, within
from shared.web import http, identity, problems
from shared.web.identity import Caller
from shared.web.problems import Problem

POLL = 0.25
# Each pause is longer than the one before, so that a read of 20 s for which nothing comes looks 25 times.
LONGER = 1.25
# Also between two looks into the log of a busy organisation that found nothing for this consumer.
LONGEST_PAUSE = 1.0
# An organisation without an event for so many seconds is looked at least often.
QUIET = 30
# A lease may end by a commit long before its time.
SOON = 5
NOTHING = Reading([], None, None, more=False)


class Held(NamedTuple):
    """Another read holds the consumer until then."""

    until: datetime | None
    seconds: int


async def read_events(request: Request, caller: Caller, consumer_name: str, asked: ReadEvents) -> Reading:
    if not asked.wait:
        return _answer(await _take(request, caller, consumer_name, asked))
    places: Places = request.state.readers
    with places.place(caller):
        until = time.monotonic() + asked.wait
        pause = POLL
        while True:
            taken = await _take(request, caller, consumer_name, asked)
            if isinstance(taken, Reading) and taken.events:
                return taken
            key = key_of(caller, consumer_name) | {"reader": asked.reader}
            if not await _await_news(request, caller, key, until, pause):
                return _answer(taken)
            # A look into the log of a busy organisation found nothing for this consumer.
            pause = min(2 * pause, LONGEST_PAUSE)


async def commit_events(request: Request, caller: Caller, consumer_name: str, asked: Commit) -> Committed:
    async with tenant_transaction(request, caller) as conn:
        consumer = await found(conn, ConsumerRow, queries.LOCK_CONSUMER, key_of(caller, consumer_name))
        lease, place = opened(request, caller, consumer_name, asked.cursor)
        if place.position <= consumer.position:
            return Committed(moved=False, leased_until=consumer.leased_until if consumer.leased_seconds else None)
        _require_lease(consumer, lease)
        moved = key_of(caller, consumer_name) | {"at": place.at, "position": place.position}
        row = await (await conn.execute(queries.COMMIT, moved)).fetchone()
    assert row is not None
    return Committed(moved=True, leased_until=row[0])


async def extend_lease(request: Request, caller: Caller, consumer_name: str, asked: Extend) -> Extended:
    async with tenant_transaction(request, caller) as conn:
        consumer = await found(conn, ConsumerRow, queries.LOCK_CONSUMER, key_of(caller, consumer_name))
        lease, _ = opened(request, caller, consumer_name, asked.cursor)
        _require_lease(consumer, lease)
        parameters = key_of(caller, consumer_name) | {"seconds": asked.lease_seconds}
        row = await (await conn.execute(queries.EXTEND, parameters)).fetchone()
    assert row is not None
    return Extended(row[0])


async def _take(request: Request, caller: Caller, name: str, asked: ReadEvents) -> Reading | Held:
    """Hands out the next events, or passes those that are not for this consumer."""
    async with tenant_transaction(request, caller) as conn:
        rights = await rights_of(conn, caller)
        consumer = await found(conn, ConsumerRow, queries.LOCK_CONSUMER, key_of(caller, name))
        if consumer.is_held_from(asked.reader):
            return Held(consumer.leased_until, consumer.leased_seconds or 0)
        # Before the log: every event up to the head is then seen in it.
        head = await head_of(conn)
        if head.position <= consumer.position:
            return NOTHING
        if await is_expired(request, conn, consumer, head):
            detail = "Events that this consumer has not read are past their retention. Seek to where it shall go on, such as the beginning."
            raise Problem(410, "Events expired", detail, extra={"committed_until": consumer.at})
        # The next events and one more; `fitting` of them are handed out.
        parameters = rights.branches(consumer.event_types) | {
            "since": consumer.at,
            # Days ahead have partitions, but no events.
            "until": head.at + timedelta(microseconds=1),
            "at": consumer.at,
            "position": consumer.position,
            "limit": asked.limit + 1,
        }
        await conn.execute(IN_ORDER)
        rows, fitting = await within(conn, LogRow, queries.OLDEST, parameters, http.SMALL)
        fitting = min(fitting, asked.limit)
        if not rows:
            await conn.execute(LAZILY)
            await conn.execute(queries.GO_PAST, key_of(caller, name) | {"at": head.at, "position": head.position})
            return NOTHING
        kept = rows[:fitting]
        handed = {"handed": kept[-1].position, "seconds": asked.lease_seconds, "reader": asked.reader}
        row = await (await conn.execute(queries.HAND_OUT, key_of(caller, name) | handed)).fetchone()
    assert row is not None
    lease, leased_until = row
    events = [one.handed_out(cursors.seal_handed(request, caller, name, lease, one.place)) for one in kept]
    return Reading(events, events[-1].cursor, leased_until, more=len(rows) > len(kept))


async def _await_news(request: Request, caller: Caller, key: dict[str, str | None], until: float, pause: float) -> bool:
    """Whether a read of `key` may find something, at the latest at `until`. False where the caller has left or the process stops."""
    places: Places = request.state.readers
    while True:
        await asyncio.sleep(max(0.0, min(pause, until - time.monotonic())))
        pause = min(pause * LONGER, LONGEST_PAUSE)
        if places.closing or time.monotonic() >= until or await request.is_disconnected():
            return False
        identity.require_admitted(request)
        async with tenant_transaction(request, caller) as conn:
            row = await (await conn.execute(queries.LOOK, key)).fetchone()
        if row is None:
            raise problems.not_found()
        is_leased, has_news, silence = row  # the seconds since the organisation's newest event; None if it has none
        if has_news and not is_leased:
            return True
        pause = max(pause, LONGEST_PAUSE if silence is None or silence >= QUIET else POLL)


def _answer(taken: Reading | Held) -> Reading:
    if isinstance(taken, Held):
        raise Problem(
            409,
            "Consumer in use",
            "Another read holds this consumer until it commits or its lease ends.",
            headers={"retry-after": str(min(taken.seconds, SOON))},
            extra={"leased_until": taken.until},
        )
    return taken


def _require_lease(consumer: ConsumerRow, lease: int) -> None:
    """A lease that ran out counts until another read or a seek has taken its place: nobody else has its events."""
    if lease != consumer.lease:
        detail = "The lease of these events ended, and they are handed out again. Read on, and commit within the lease or extend it."
        raise Problem(409, "Lease lost", detail)
