"""Stopping a webhook and bringing it back: what waits is held, and released oldest first at a rising rate."""

from datetime import UTC, datetime
from typing import Any

from services.webhook_dispatcher import approval, recovery_queries
from shared import ids, outbox
from shared.database import AsyncConnection, Connection
from shared.messages import Event

FASTEST = 1024


def disabled_event(subscription_id: str, reason: str, *, test: bool) -> Event:
    return Event(
        event_id=ids.new_id("evt"),
        type="webhook.disabled",
        timestamp=datetime.now(UTC),
        data={"webhook_id": subscription_id, "reason": reason},
        test=test,
    )


async def disable(conn: AsyncConnection, tenant_id: str, subscription_id: str, reason: str, url: str) -> None:
    """Stops a webhook, holds what waits for it, and tells the tenant's other webhooks.

    Nothing happens to one that is stopped, or has another URL by now.
    """
    parameters = {"subscription_id": subscription_id, "reason": reason, "url": url}
    stopped = await (await conn.execute(recovery_queries.DISABLE, parameters)).fetchone()
    if stopped is not None:
        await conn.execute(recovery_queries.HOLD, parameters)
        await outbox.add(conn, tenant_id, disabled_event(subscription_id, reason, test=stopped[0]))


async def gather_missed(conn: AsyncConnection, subscription_id: str, since: datetime) -> None:
    """Holds what waits and takes back what was given up since, for the recovery that has begun."""
    approved = await approval.types_of(conn, subscription_id)
    parameters: dict[str, Any] = {"subscription_id": subscription_id, "since": since, "approved_types": approved}
    await conn.execute(recovery_queries.HOLD, parameters)
    await conn.execute(recovery_queries.REQUEUE_MISSED, parameters)


def disable_long_failing(conn: Connection, days: float) -> int:
    """Stops every webhook whose attempts have all failed over so many days."""
    failing = conn.execute(recovery_queries.LONG_FAILING, {"days": days}).fetchall()
    for subscription_id, tenant_id, rehearses in failing:
        parameters = {"subscription_id": subscription_id, "reason": "failing", "url": None}
        conn.execute(recovery_queries.DISABLE, parameters)
        conn.execute(recovery_queries.HOLD, parameters)
        outbox.add_sync(conn, tenant_id, disabled_event(subscription_id, "failing", test=rehearses))
    return len(failing)


def release_held(conn: Connection) -> int:
    """One step of every recovery: twice as many as the step before once those have arrived, one as a probe while any fails."""
    conn.execute(recovery_queries.HOLD_ABANDONED)
    released = 0
    for subscription_id, rate, failing in conn.execute(recovery_queries.LOCK_RECOVERING).fetchall():
        parameters = {"subscription_id": subscription_id}
        row = conn.execute(recovery_queries.COUNT_RELEASED, parameters).fetchone()
        out = int(row[0]) if row else 0
        room, next_rate = next_step(rate, out, failing=failing)
        if room:
            released += conn.execute(recovery_queries.RELEASE_OLDEST, {**parameters, "room": room}).rowcount
        conn.execute(recovery_queries.SET_RECOVERY, {**parameters, "rate": next_rate})
    return released


def next_step(rate: int, out: int, *, failing: bool) -> tuple[int, int]:
    """How many deliveries to release now, and the rate of the next step, given how many of the last are still out."""
    if failing:
        return max(0, 1 - out), 1
    return max(0, rate - out), min(FASTEST, rate * 2) if out == 0 else rate
