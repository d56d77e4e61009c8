"""What a sender tells the database: attempts that are over, the health of receivers, claims it did not use."""

from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg.rows import tuple_row

from services.webhook_dispatcher import dispatch_queries, recovery_queries, stopping
from services.webhook_dispatcher.delivery import Sent
from services.webhook_dispatcher.lanes import Report
from services.webhook_dispatcher.models import Due
from shared.database import AsyncConnection


class Settled(NamedTuple):
    """What a sender has to tell: attempts that are over, health of receivers, claims not used, receivers that answered 410."""

    over: list[dict[str, Any]]
    reports: dict[str, Report]
    released: list[Due]
    gone: dict[str, Due]


async def record(conn: AsyncConnection, settled: Settled) -> None:
    """One statement where only attempts are over and nothing else has changed, as it is nearly always."""
    if settled.reports or settled.released or settled.gone:
        async with conn.transaction():
            await _record_all(conn, settled)
    elif settled.over:
        await conn.execute(dispatch_queries.RECORD, {"sent": msgspec.json.encode(settled.over).decode()})


async def _record_all(conn: AsyncConnection, settled: Settled) -> None:
    """Subscriptions before their deliveries, as everyone locks them, so that no two wait for each other."""
    lanes = [{"subscription_id": key} | msgspec.structs.asdict(report) for key, report in settled.reports.items()]
    health = await fetch(conn, dispatch_queries.UPDATE_HEALTH, {"lanes": msgspec.json.encode(lanes).decode()})
    for subscription_id, due in sorted(settled.gone.items()):
        await stopping.disable(conn, due.tenant_id, subscription_id, "gone", due.url)
    await conn.execute(dispatch_queries.RECORD, {"sent": msgspec.json.encode(settled.over).decode()})
    unused = {
        "ids": [due.delivery_id for due in settled.released],
        "attempts": [due.attempt for due in settled.released],
    }
    await conn.execute(dispatch_queries.GIVE_BACK, unused)
    for subscription_id, falters, recovers, since in health:
        if recovers:
            await stopping.gather_missed(conn, subscription_id, since)
        if falters:
            await conn.execute(recovery_queries.HOLD_RELEASED, {"subscription_id": subscription_id})


async def fetch(conn: AsyncConnection, statement: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


def line(sent: Sent, wait: float | None) -> dict[str, Any]:
    """One attempt as RECORD reads it; `wait` is None when there will be no other."""
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
        "trace_id": sent.trace_id,
    }
