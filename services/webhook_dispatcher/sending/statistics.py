"""The first attempts of each webhook's deliveries, counted in memory and added to their table now and then."""

import time
from bisect import bisect_left
from typing import Any, LiteralString

import msgspec

from services.webhook_dispatcher.sending.client import Sent
from shared.storage.database import AsyncConnection, Connection

# Upper ends of the classes of duration, in milliseconds. The last class has no end but the deadline of a request.
CLASSES = (25, 50, 100, 200, 400, 700, 1000, 2000, 4000, 7000, 10_000, 15_000)
ADD_SECONDS = 10.0
# More webhooks than that are added at once.
MOST_COUNTED = 5000
FORGET_SECONDS, PORTION = 1.0, 2000
# In order, so that senders which add the same rows wait for each other and no two for ever.
ADD: LiteralString = """
    INSERT INTO first_attempts AS kept (subscription_id, minutes, at, tenant_id, delivered, failed, durations)
    SELECT counted.subscription_id, grain.minutes, date_bin(grain.minutes * interval '1 minute', now(), '2000-01-01 00:00Z'),
        counted.tenant_id, counted.delivered, counted.failed, counted.durations
    FROM jsonb_to_recordset(%(counted)s::jsonb) AS counted (
        subscription_id text, tenant_id text, delivered bigint, failed bigint, durations bigint[])
    CROSS JOIN (VALUES (5), (60)) AS grain (minutes)
    ORDER BY 1, 2
    ON CONFLICT (subscription_id, minutes, at) DO UPDATE SET delivered = kept.delivered + excluded.delivered,
        failed = kept.failed + excluded.failed, durations = (
            SELECT array_agg(old.number + new.number ORDER BY old.place) FROM unnest(kept.durations) WITH ORDINALITY AS old (number, place)
            JOIN unnest(excluded.durations) WITH ORDINALITY AS new (number, place) ON new.place = old.place)
"""
FORGET: LiteralString = """
    DELETE FROM first_attempts WHERE ctid = ANY (ARRAY(SELECT ctid FROM first_attempts
        WHERE at < now() - interval '8 days' OR minutes = 5 AND at < now() - interval '3 hours' ORDER BY at LIMIT %(portion)s))
"""


class Counted(msgspec.Struct):
    """The first attempts of one webhook since they were added last."""

    subscription_id: str
    tenant_id: str
    delivered: int = 0
    failed: int = 0
    durations: list[int] = msgspec.field(default_factory=lambda: [0] * len(CLASSES))


class Statistics:
    """Of one sender. Counts that could not be added are added with the next ones."""

    def __init__(self) -> None:
        self._counted: dict[str, Counted] = {}
        self._add_at = 0.0

    def count(self, sent: Sent) -> None:
        due = sent.due
        if due.attempt != 1 or due.delivery_id.startswith("dlv_test_"):
            return
        counted = self._counted.get(due.subscription_id)
        if counted is None:
            if not self._counted:
                self._add_at = time.monotonic() + ADD_SECONDS
            counted = self._counted[due.subscription_id] = Counted(due.subscription_id, due.tenant_id)
        if sent.outcome.succeeded:
            counted.delivered += 1
        else:
            counted.failed += 1
        counted.durations[class_of(sent.outcome.duration_ms)] += 1

    async def add(self, conn: AsyncConnection, *, now: bool = False) -> None:
        """Adds the counts if it is time to, or `now`."""
        if self._counted and (now or time.monotonic() >= self._add_at or len(self._counted) >= MOST_COUNTED):
            await conn.execute(ADD, {"counted": msgspec.json.encode([*self._counted.values()]).decode()})
            self._counted = {}


def class_of(duration_ms: float) -> int:
    return min(bisect_left(CLASSES, duration_ms), len(CLASSES) - 1)


def quantile_of(durations: list[int], share: float) -> float | None:
    """The duration in milliseconds below which `share` of them lie, estimated within its class; None of none."""
    total = sum(durations)
    if not total:
        return None
    left, low = share * total, 0
    for number, high in zip(durations, CLASSES, strict=True):
        if number and left <= number:
            return round(low + (high - low) * left / number, 1)
        left, low = left - number, high
    return float(CLASSES[-1])


def forget(conn: Connection) -> None:
    """Deletes old counts, in portions until the time is used."""
    until = time.monotonic() + FORGET_SECONDS
    parameters: dict[str, Any] = {"portion": PORTION}
    while conn.execute(FORGET, parameters).rowcount == PORTION and time.monotonic() < until:
        conn.commit()
