"""How the first attempts of webhooks' deliveries fared in the last hour, day and week."""

from collections.abc import Sequence
from typing import LiteralString

import msgspec

from services.webhook_dispatcher.sending.statistics import quantile_of
from services.webhook_dispatcher.subscriptions.models import FirstAttempts, Statistics
from shared.storage.database import AsyncConnection, every

OF_WEBHOOKS: LiteralString = """
    SELECT counts.subscription_id AS webhook_id, period.name AS period, sum(delivered)::bigint AS delivered, sum(failed)::bigint AS failed,
        ARRAY[sum(durations[1]), sum(durations[2]), sum(durations[3]), sum(durations[4]), sum(durations[5]), sum(durations[6]),
            sum(durations[7]), sum(durations[8]), sum(durations[9]), sum(durations[10]), sum(durations[11]), sum(durations[12])
        ]::bigint[] AS durations
    FROM (VALUES ('last_hour', 5, now() - interval '1 hour'), ('last_day', 60, now() - interval '1 day'),
        ('last_week', 60, now() - interval '7 days')) AS period (name, minutes, since)
    JOIN first_attempts counts ON counts.subscription_id = ANY(%(webhooks)s) AND counts.minutes = period.minutes
        AND counts.at > period.since - period.minutes * interval '1 minute'
    GROUP BY 1, 2
"""


class Row(msgspec.Struct):
    """The counts of one webhook in one period."""

    webhook_id: str
    period: str
    delivered: int
    failed: int
    durations: list[int]


async def read_statistics(conn: AsyncConnection, webhooks: Sequence[str]) -> dict[str, Statistics]:
    """Those of each webhook, also of those without traffic."""
    rows = await every(conn, Row, OF_WEBHOOKS, {"webhooks": list(webhooks)})
    counted = {
        (row.webhook_id, row.period): FirstAttempts(
            attempts=row.delivered + row.failed, delivered=row.delivered, p95_ms=quantile_of(row.durations, 0.95)
        )
        for row in rows
    }
    none = FirstAttempts(attempts=0, delivered=0, p95_ms=None)
    return {
        webhook: Statistics(
            last_hour=counted.get((webhook, "last_hour"), none),
            last_day=counted.get((webhook, "last_day"), none),
            last_week=counted.get((webhook, "last_week"), none),
        )
        for webhook in webhooks
    }
