"""What every service's relay does beside the outbox: retention of the shared tables, the seal on the audit trail, gauges."""

import logging
from typing import LiteralString

from shared import audit, metrics
from shared.database import Connection
from shared.periodic import Periodic

PORTION = 5000
ROUNDS = 20
log = logging.getLogger(__name__)
# Inbox rows outlive outbox rows, so that a message sent again after days is still known.
EXPIRE: tuple[LiteralString, ...] = (
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE acknowledged_at < now() - interval '7 days' LIMIT 5000)",
    "DELETE FROM inbox WHERE message_id IN (SELECT message_id FROM inbox WHERE received_at < now() - interval '30 days' LIMIT 5000)",
    "DELETE FROM failures WHERE failed_at < now() - interval '30 days'",
    "DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'",
)
OLDEST: LiteralString = """
    SELECT consumer,
        coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE attempts = 0)), 0)::float8,
        extract(epoch FROM now() - min(created_at))::float8
    FROM outbox WHERE acknowledged_at IS NULL GROUP BY consumer
"""


def expire(conn: Connection) -> None:
    """In portions, each far from the statement time-out, and at most as many as leave time for the other jobs."""
    for statement in EXPIRE:
        for _ in range(ROUNDS):
            if conn.execute(statement).rowcount < PORTION:
                break


def measure(conn: Connection) -> None:
    metrics.outbox_unacknowledged.clear()
    rows = conn.execute(OLDEST).fetchall()
    for consumer, _, unacknowledged in rows:
        metrics.outbox_unacknowledged.labels(consumer).set(unacknowledged)
    metrics.outbox_unsent.set(max((unsent for _, unsent, _ in rows), default=0))


def tell_head(conn: Connection) -> None:
    """The head of the audit trail goes into the logs, which are kept elsewhere: who rewrites the database cannot rewrite them too."""
    position, digest = audit.head(conn).split(":")
    log.info("audit head", extra={"position": int(position), "hash": digest})


JOBS = [
    Periodic("seal the audit trail", 1, audit.seal),
    Periodic("expire messages and stored answers", 60, expire),
    Periodic("measure the outbox", 5, measure),
    Periodic("tell the head of the audit trail", 3600, tell_head),
]
