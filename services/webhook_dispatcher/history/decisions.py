"""Decisions about a webhook, and the background work on old rows after them.

A decision itself is one row that claims and fan-out read: it holds at once, however many deliveries wait. Their rows follow in portions:
the first in the transaction of the decision, the others by the relay, in turns over all webhooks. Each portion is a transaction: after a
kill only the last one is done again.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import msgspec
from psycopg.rows import args_row, class_row

from services.webhook_dispatcher.failing import Statement, attempt
from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history import decision_queries
from services.webhook_dispatcher.history.decision_queries import PORTION
from shared.messaging import outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.storage.database import AsyncConnection, Connection
from shared.storage.turns import Turns

# Seconds of work in each second, so that chores do not slow deliveries down.
SECONDS = 0.25
# Longer than any lease: a delivery that was being sent when an approval was withdrawn waits again by then, or is finished.
LEASES_END = 25.0
# So many deleted rows cost a claim a millisecond or more until a vacuum.
MANY = 50_000
LAST = 2**63 - 1
FASTEST = 1024
STEP_SECONDS = 0.8
DISABLED_AT_ONCE = 100


class Chore(msgspec.Struct, kw_only=True):
    """A row of `chores`."""

    subscription_id: str
    kind: str
    tenant_id: str
    created_since: datetime | None
    failed_since: datetime | None
    cursor: dict[str, Any]
    done: int
    approved: list[str]
    given_up: str | None


class Portion(NamedTuple):
    """The result of one portion: the rows it looked at and changed, and its last place."""

    looked: int
    changed: int
    end: dict[str, Any] | None


def disabled_event(subscription_id: str, reason: str, *, test: bool) -> Event:
    return Event(
        event_id=ids.new_id("evt"),
        type="webhook.disabled",
        timestamp=datetime.now(UTC),
        data={"webhook_id": subscription_id, "reason": reason},
        test=test,
    )


async def disable(conn: AsyncConnection, tenant_id: str, subscription_id: str, reason: str, url: str) -> None:
    """Disables a webhook, and sends an event to the tenant's other webhooks. Its waiting deliveries stay; no claim reads them.

    Nothing happens if it is disabled already, or has another URL by now.
    """
    parameters = {"subscription_id": subscription_id, "reason": reason, "url": url}
    stopped = await (await conn.execute(decision_queries.DISABLE, parameters)).fetchone()
    if stopped is not None:
        await outbox.add(conn, tenant_id, disabled_event(subscription_id, reason, test=stopped[0]))


def disable_long_failing(conn: Connection, days: float) -> int:
    """Disables webhooks whose attempts have all failed for so many days, in portions until the time is used. Returns their number."""
    until, disabled, after = time.monotonic() + STEP_SECONDS, 0, ""
    while True:
        parameters = {"days": days, "after": after, "portion": DISABLED_AT_ONCE}
        failing = conn.execute(decision_queries.LONG_FAILING, parameters).fetchall()
        for subscription_id, tenant_id, is_sandbox in failing:
            one = partial(_disable_failing, conn, subscription_id, tenant_id, test=is_sandbox)
            disabled += attempt(conn, "disable", subscription_id, one)
            after = subscription_id
        conn.commit()
        if len(failing) < DISABLED_AT_ONCE or time.monotonic() > until:
            return disabled


def _disable_failing(conn: Connection, subscription_id: str, tenant_id: str, *, test: bool) -> int:
    conn.execute(decision_queries.DISABLE, {"subscription_id": subscription_id, "reason": "failing", "url": None})
    outbox.add_sync(conn, tenant_id, disabled_event(subscription_id, "failing", test=test))
    return 1


def release_held(conn: Connection, pause: float = 0.0) -> int:
    """Makes one step of every recovery: twice as many deliveries as before once those have arrived, one as a probe while it fails.

    Each step is a transaction, at least `pause` seconds after the one before. Returns how many deliveries were released.
    """
    until, released = time.monotonic() + STEP_SECONDS, 0
    for (subscription_id,) in conn.execute(decision_queries.RECOVERING).fetchall():
        put_off = decision_queries.PUT_OFF_RECOVERY, {"subscription_id": subscription_id}
        step = partial(release_step, conn, subscription_id, pause)
        released += attempt(conn, "recovery", subscription_id, step, put_off)
        conn.commit()
        if time.monotonic() > until:
            break
    return released


def release_step(conn: Connection, subscription_id: str, pause: float) -> int:
    parameters = {"subscription_id": subscription_id}
    locked = conn.execute(decision_queries.LOCK_RECOVERING, parameters | {"pause": pause}).fetchone()
    if locked is None:
        return 0
    rate, failing, restarts = locked
    row = conn.execute(decision_queries.COUNT_RELEASED, parameters).fetchone()
    room, next_rate = next_step(rate, int(row[0]) if row else 0, failing=failing)
    released = 0
    if room:
        released = conn.execute(
            decision_queries.RELEASE_OLDEST, parameters | {"room": room, "restarts": restarts}
        ).rowcount
    conn.execute(decision_queries.SET_RECOVERY, parameters | {"rate": next_rate})
    return released


def next_step(rate: int, out: int, *, failing: bool) -> tuple[int, int]:
    """How many deliveries to release now, and the rate of the next step. `out` counts released ones that have not ended."""
    if failing:
        return max(0, 1 - out), 1
    return max(0, rate - out), min(FASTEST, rate * 2) if out == 0 else rate


def begin_chore(
    subscription_id: str,
    tenant_id: str,
    kind: str,
    *,
    created_since: datetime | None = None,
    failed_since: datetime | None = None,
    anew: bool = False,
) -> Statement:
    """The statement that stores a chore, or restarts one that is under way. A gathering that is under way goes on.

    With `anew` it passes over all rows once more: a person asks for it, perhaps after a change of the webhook's events.
    """
    parameters = {
        "subscription_id": subscription_id,
        "tenant_id": tenant_id,
        "kind": kind,
        "created_since": created_since,
        "failed_since": failed_since,
        "anew": anew,
    }
    return decision_queries.BEGIN, parameters


def begin_chores(subscriptions: Sequence[str], tenant_id: str, kind: str) -> Statement:
    return decision_queries.BEGIN_ALL, {"subscriptions": subscriptions, "tenant_id": tenant_id, "kind": kind}


async def first_portion(conn: AsyncConnection, subscription_id: str, kind: str) -> int:
    """Does the first portion in the transaction of the decision, which is enough for a short queue. Returns the rows changed."""
    async with conn.cursor(row_factory=class_row(Chore)) as cursor:
        await cursor.execute(decision_queries.TAKE, _named(subscription_id, kind))
        chore = await cursor.fetchone()
    if chore is None:
        return 0
    async with conn.cursor(row_factory=args_row(Portion)) as cursor:
        await cursor.execute(*_portion_of(chore))
        portion = await cursor.fetchone() or Portion(0, 0, None)
    await conn.execute(*_after(chore, portion))
    return portion.changed


class Chores:
    """The work of the relay: in each round an organisation has one portion, of its chore that waits longest, however many it has."""

    def __init__(self) -> None:
        self._turns = Turns(decision_queries.NEXT)

    def work_off(self, conn: Connection, seconds: float = SECONDS) -> int:
        """Does portions until the time is used or no chore is due. Returns the rows changed."""
        until, total = time.monotonic() + seconds, 0
        while (key := self._turns.next(conn)) is not None:
            put_off = decision_queries.PUT_OFF, _named(*key)
            total += attempt(conn, "chore", key[0], partial(do_portion, conn, *key), put_off)
            conn.commit()
            if time.monotonic() > until:
                break
        conn.commit()
        return total


def chores_left(conn: Connection) -> list[tuple[Any, ...]]:
    """For an operator: webhook, tenant, kind, begin, rows changed, and waiting rows of the webhook, counted up to 10,000."""
    return conn.execute(decision_queries.LEFT).fetchall()


def do_portion(conn: Connection, subscription_id: str, kind: str) -> int:
    """Does the next portion of a chore, unless another transaction is at it. Returns the rows changed."""
    with conn.cursor(row_factory=class_row(Chore)) as cursor:
        chore = cursor.execute(decision_queries.TAKE, _named(subscription_id, kind)).fetchone()
    if chore is None:
        return 0
    with conn.cursor(row_factory=args_row(Portion)) as cursor:
        portion = cursor.execute(*_portion_of(chore)).fetchone() or Portion(0, 0, None)
    conn.execute(*_after(chore, portion))
    return portion.changed


def _named(subscription_id: str, kind: str) -> dict[str, Any]:
    return {
        "subscription_id": subscription_id,
        "kind": kind,
        "approved": event_types.DEFAULT,
        "notices": [*event_types.ABOUT_WEBHOOKS],
    }


def _portion_of(chore: Chore) -> Statement:
    parameters = {"subscription_id": chore.subscription_id, "approved": chore.approved, "portion": PORTION}
    match chore.kind:
        case "deleted":
            place = {"stage": 5, "due_at": "infinity", "sequence": LAST, "emptied_at": None} | chore.cursor
            return decision_queries.FORGET, parameters | place | {"many": chore.done >= MANY}
        case "gather":
            floor = chore.created_since if chore.failed_since is None else None
            return decision_queries.GATHER, parameters | {
                "after": chore.cursor.get("id", ""),
                "floor": floor or "-infinity",
                "created_since": chore.created_since,
                "failed_since": chore.failed_since,
            }
        case _:
            place = {"stage": 3, "due_at": "-infinity", "sequence": 0} | chore.cursor
            return decision_queries.GIVE_UP[place["stage"]], parameters | place


def _after(chore: Chore, portion: Portion) -> Statement:
    """The statement that stores the place and time of the next portion, or ends the chore."""
    key = {"subscription_id": chore.subscription_id, "kind": chore.kind}
    cursor, wait = chore.cursor | (portion.end or {}), 0.0
    if chore.kind == "gather" and "id" not in chore.cursor:
        cursor["given_up"] = chore.given_up
    if portion.looked < PORTION:
        following = _next_pass(chore, portion)
        if following is None:
            return decision_queries.FINISH, key
        cursor, wait = following
    done = {"cursor": msgspec.json.encode(cursor).decode(), "changed": portion.changed, "wait": wait}
    return decision_queries.GO_ON, key | done


def _next_pass(chore: Chore, portion: Portion) -> tuple[dict[str, Any], float] | None:
    """The cursor of the next pass over the rows and the seconds before it; None after the last pass."""
    if chore.kind == "deleted":
        emptied = chore.cursor.get("emptied_at") or datetime.now(UTC).isoformat()
        return ({"emptied_at": emptied}, 5.0) if portion.looked else None
    if chore.kind == "gather":
        # Deliveries given up since the pass began may be behind its place.
        is_more = chore.given_up is None or chore.given_up != chore.cursor.get("given_up")
        return ({}, 0.0) if chore.cursor.get("again") or (chore.cursor.get("failed") and is_more) else None
    again = chore.cursor.get("again", False)
    stages = list(decision_queries.GIVE_UP)
    place = stages.index(chore.cursor.get("stage", stages[0])) + 1
    if place < len(stages):
        return {"stage": stages[place], "again": again}, 0.0
    return None if again else ({"again": True}, LEASES_END)
