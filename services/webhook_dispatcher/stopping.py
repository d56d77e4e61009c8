"""Stopping a webhook and bringing it back: what waits is not looked at, and released oldest first at a rising rate."""

import time
from datetime import UTC, datetime

from services.webhook_dispatcher import recovery_queries
from shared import ids, outbox
from shared.database import AsyncConnection, Connection
from shared.messages import Event

FASTEST = 1024
STEP_SECONDS = 0.8


def disabled_event(subscription_id: str, reason: str, *, test: bool) -> Event:
    return Event(
        event_id=ids.new_id("evt"),
        type="webhook.disabled",
        timestamp=datetime.now(UTC),
        data={"webhook_id": subscription_id, "reason": reason},
        test=test,
    )


async def disable(conn: AsyncConnection, tenant_id: str, subscription_id: str, reason: str, url: str) -> None:
    """Stops a webhook, and tells the tenant's other webhooks. What waits for it stays as it is: no claim looks at it.

    Nothing happens to one that is stopped, or has another URL by now.
    """
    parameters = {"subscription_id": subscription_id, "reason": reason, "url": url}
    stopped = await (await conn.execute(recovery_queries.DISABLE, parameters)).fetchone()
    if stopped is not None:
        await outbox.add(conn, tenant_id, disabled_event(subscription_id, reason, test=stopped[0]))


def disable_long_failing(conn: Connection, days: float) -> int:
    """Stops every webhook whose attempts have all failed over so many days."""
    failing = conn.execute(recovery_queries.LONG_FAILING, {"days": days}).fetchall()
    for subscription_id, tenant_id, rehearses in failing:
        conn.execute(recovery_queries.DISABLE, {"subscription_id": subscription_id, "reason": "failing", "url": None})
        outbox.add_sync(conn, tenant_id, disabled_event(subscription_id, "failing", test=rehearses))
    return len(failing)


def release_held(conn: Connection, pause: float = 0.0) -> int:
    """One step of every recovery: twice as many as the step before once those have arrived, one as a probe while any fails.

    Each step is a transaction; none is made sooner than `pause` seconds after the one before. How many deliveries were released.
    """
    until, released = time.monotonic() + STEP_SECONDS, 0
    for (subscription_id,) in conn.execute(recovery_queries.RECOVERING).fetchall():
        released += _step(conn, subscription_id, pause)
        conn.commit()
        if time.monotonic() > until:
            break
    return released


def _step(conn: Connection, subscription_id: str, pause: float) -> int:
    parameters = {"subscription_id": subscription_id}
    locked = conn.execute(recovery_queries.LOCK_RECOVERING, parameters | {"pause": pause}).fetchone()
    if locked is None:
        return 0
    rate, failing, restarts = locked
    row = conn.execute(recovery_queries.COUNT_RELEASED, parameters).fetchone()
    room, next_rate = next_step(rate, int(row[0]) if row else 0, failing=failing)
    released = 0
    if room:
        released = conn.execute(
            recovery_queries.RELEASE_OLDEST, parameters | {"room": room, "restarts": restarts}
        ).rowcount
    conn.execute(recovery_queries.SET_RECOVERY, parameters | {"rate": next_rate})
    return released


def next_step(rate: int, out: int, *, failing: bool) -> tuple[int, int]:
    """How many deliveries to release now, and the rate of the next step, given how many of the last are still out."""
    if failing:
        return max(0, 1 - out), 1
    return max(0, rate - out), min(FASTEST, rate * 2) if out == 0 else rate
