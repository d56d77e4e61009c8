"""Background work on old rows after a decision about a webhook.

The decision itself is one row that claims and fan-out read: it holds at once, however many deliveries wait. Their rows follow in portions:
the first in the transaction of the decision, the others by the relay, in turns over all webhooks. Each portion is a transaction: after a
kill only the last one is done again.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg.rows import args_row, class_row

from services.webhook_dispatcher import approval, chore_queries
from services.webhook_dispatcher.chore_queries import PORTION
from shared.database import AsyncConnection, Connection

# Of each second, so that what waits to be sent is not slowed down by what need not be.
SECONDS = 0.25
# Longer than any lease: what was being sent when an approval was withdrawn waits again by then, or is over.
LEASES_END = 25.0
# So many deleted rows cost a claim a millisecond or more until they are vacuumed.
MANY = 50_000
LAST = 2**63 - 1
Statement = tuple[LiteralString, dict[str, Any]]


class Chore(msgspec.Struct, kw_only=True):
    """A row of `chores`."""

    subscription_id: str
    kind: str
    tenant_id: str
    created_since: datetime | None
    failed_since: datetime | None
    cursor: dict[str, Any]
    done: int
    begun_at: datetime
    approved: list[str]


class Portion(NamedTuple):
    """The result of one portion: how many rows it looked at and changed, and where it ended."""

    looked: int
    changed: int
    end: dict[str, Any] | None


def begin(
    subscription_id: str,
    tenant_id: str,
    kind: str,
    *,
    created_since: datetime | None = None,
    failed_since: datetime | None = None,
) -> Statement:
    """The statement that writes a chore down, or has one that is under way begin anew."""
    parameters = {
        "subscription_id": subscription_id,
        "tenant_id": tenant_id,
        "kind": kind,
        "created_since": created_since,
        "failed_since": failed_since,
    }
    return chore_queries.BEGIN, parameters


def begin_all(subscriptions: Sequence[str], tenant_id: str, kind: str) -> Statement:
    return chore_queries.BEGIN_ALL, {"subscriptions": subscriptions, "tenant_id": tenant_id, "kind": kind}


async def first_portion(conn: AsyncConnection, subscription_id: str, kind: str) -> int:
    """Does the first portion in the transaction of the decision: a short queue is then done with. Returns how many rows it changed."""
    async with conn.cursor(row_factory=class_row(Chore)) as cursor:
        await cursor.execute(chore_queries.TAKE, _named(subscription_id, kind))
        chore = await cursor.fetchone()
    if chore is None:
        return 0
    async with conn.cursor(row_factory=args_row(Portion)) as cursor:
        await cursor.execute(*_step(chore))
        portion = await cursor.fetchone() or Portion(0, 0, None)
    await conn.execute(*_after(chore, portion))
    return portion.changed


def first_portion_sync(conn: Connection, subscription_id: str, kind: str) -> int:
    """The same for tasks."""
    return _work(conn, chore_queries.TAKE, _named(subscription_id, kind)) or 0


def work_off(conn: Connection, seconds: float = SECONDS) -> int:
    """Does portion after portion, each of the chore that waits longest, until the time is used or none is due. Returns the rows changed."""
    until, total = time.monotonic() + seconds, 0
    while True:
        changed = _work(conn, chore_queries.TAKE_NEXT, {"approved": approval.DEFAULT})
        conn.commit()
        if changed is None:
            return total
        total += changed
        if time.monotonic() > until:
            return total


def left(conn: Connection) -> list[tuple[Any, ...]]:
    """For an operator: webhook, tenant, kind, when it began, rows changed, and rows that wait for the webhook, counted up to 10,000."""
    return conn.execute(chore_queries.LEFT).fetchall()


def _work(conn: Connection, statement: LiteralString, parameters: dict[str, Any]) -> int | None:
    with conn.cursor(row_factory=class_row(Chore)) as cursor:
        chore = cursor.execute(statement, parameters).fetchone()
    if chore is None:
        return None
    with conn.cursor(row_factory=args_row(Portion)) as cursor:
        portion = cursor.execute(*_step(chore)).fetchone() or Portion(0, 0, None)
    conn.execute(*_after(chore, portion))
    return portion.changed


def _named(subscription_id: str, kind: str) -> dict[str, Any]:
    return {"subscription_id": subscription_id, "kind": kind, "approved": approval.DEFAULT}


def _step(chore: Chore) -> Statement:
    parameters = {"subscription_id": chore.subscription_id, "approved": chore.approved, "portion": PORTION}
    match chore.kind:
        case "deleted":
            place = {"stage": 5, "due_at": "infinity", "sequence": LAST, "emptied_at": None} | chore.cursor
            return chore_queries.FORGET, parameters | place | {"many": chore.done >= MANY}
        case "gather":
            floor = chore.created_since if chore.failed_since is None else None
            return chore_queries.GATHER, parameters | {
                "after": chore.cursor.get("id", ""),
                "floor": floor or "-infinity",
                "created_since": chore.created_since,
                "failed_since": chore.failed_since,
            }
        case _:
            place = {"stage": 3, "due_at": "-infinity", "sequence": 0} | chore.cursor
            return chore_queries.GIVE_UP[place["stage"]], parameters | place


def _after(chore: Chore, portion: Portion) -> Statement:
    """The statement that stores where to go on and when, or that the chore is done."""
    key = {"subscription_id": chore.subscription_id, "kind": chore.kind}
    cursor, wait = chore.cursor | (portion.end or {}), 0.0
    if portion.looked < PORTION:
        following = _next_pass(chore, portion)
        if following is None:
            return chore_queries.FINISH, key
        cursor, wait = following
    done = {"cursor": msgspec.json.encode(cursor).decode(), "changed": portion.changed, "wait": wait}
    return chore_queries.GO_ON, key | done


def _next_pass(chore: Chore, portion: Portion) -> tuple[dict[str, Any], float] | None:
    """Where and in how many seconds to go on after the end of the rows; None where nothing is left."""
    if chore.kind == "deleted":
        emptied = chore.cursor.get("emptied_at") or datetime.now(UTC).isoformat()
        return ({"emptied_at": emptied}, 5.0) if portion.looked else None
    if chore.kind == "gather":
        return None
    again = chore.cursor.get("again", False)
    stages = list(chore_queries.GIVE_UP)
    place = stages.index(chore.cursor.get("stage", stages[0])) + 1
    if place < len(stages):
        return {"stage": stages[place], "again": again}, 0.0
    return None if again else ({"again": True}, LEASES_END)
