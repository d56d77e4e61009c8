"""Messages that end their worker, by a crash or for want of memory, so that no error can be caught.

A worker commits a row in `begun` before it applies a batch, and deletes it in the transaction that applies the batch. A row that is left
and not locked belongs to a worker that ended. Its messages are suspects: each is applied alone from then on. A message whose worker ended
`MAX_DEATHS` times while it applied this message alone becomes a dead letter.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.messaging.authenticity import Envelope
from shared.storage.database import Connection

MAX_DEATHS = 3
# Longer than a living worker takes from its row to the transaction that locks it, which waits 5 s for a connection at most. Shorter than
# `OUTBOX_RESEND_SECONDS`, so that the death is counted when the batch comes again.
DEAD_SECONDS = 10.0
SWEEP_SECONDS = 5.0
BEGIN: LiteralString = "INSERT INTO begun (id, message_ids, tenant_ids) VALUES (%s, %s, %s)"
END: LiteralString = "DELETE FROM begun WHERE id = %s"
ANY_SUSPECT: LiteralString = "SELECT true FROM failures WHERE deaths IS NOT NULL ORDER BY message_id LIMIT 1"
SUSPECTS: LiteralString = "SELECT message_id, deaths FROM failures WHERE message_id = ANY(%s) AND deaths IS NOT NULL"
# Rows that are found together count as one death: one crash ends every batch of its process.
SWEEP: LiteralString = """
    WITH dead AS (
        DELETE FROM begun WHERE id = ANY (ARRAY(
            SELECT id FROM begun WHERE begun_at < now() - make_interval(secs => %s) ORDER BY begun_at LIMIT 100 FOR UPDATE SKIP LOCKED))
        RETURNING message_ids, tenant_ids, (cardinality(message_ids) = 1)::integer AS alone
    )
    INSERT INTO failures (message_id, tenant_id, attempts, last_error, deaths)
    SELECT id, min(tenant), 0, 'its worker ended', max(alone) FROM dead, unnest(message_ids, tenant_ids) AS message (id, tenant)
    GROUP BY id ORDER BY id
    ON CONFLICT (message_id) DO UPDATE SET deaths = coalesce(failures.deaths, 0) + excluded.deaths, failed_at = now()
    RETURNING message_id
"""
log = logging.getLogger(__name__)


class Deaths:
    """Counts the deaths of a service's workers. Mostly there are none: it asks every few seconds, and not for each batch."""

    def __init__(self) -> None:
        self._swept = float("-inf")
        self._has_suspects = False

    def suspects(self, pool: ConnectionPool[Connection], ids: Sequence[UUID]) -> dict[UUID, int]:
        """Those of the messages with which a worker ended, and how often one ended with the message alone."""
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            self._sweep(pool)
        if not self._has_suspects:
            return {}
        with pool.connection() as conn:
            return dict(conn.execute(SUSPECTS, (list(ids),)).fetchall())

    def _sweep(self, pool: ConnectionPool[Connection]) -> None:
        with pool.connection() as conn:
            swept = conn.execute(SWEEP, (DEAD_SECONDS,)).fetchall()
            if swept:
                log.error("a worker ended while it applied %d messages, the first is %s", len(swept), swept[0][0])
            self._has_suspects = conn.execute(ANY_SUSPECT).fetchone() is not None
        self._swept = time.monotonic()


@contextmanager
def begun(pool: ConnectionPool[Connection], envelopes: Sequence[Envelope]) -> Iterator[UUID]:
    """Commits the row of a batch. The transaction that applies the batch deletes the row first, by `END` and the id that this yields."""
    mark = uuid4()
    with pool.connection() as conn:
        conn.execute(BEGIN, (mark, [each.id for each in envelopes], [each.tenant_id for each in envelopes]))
    try:
        yield mark
    except Exception:
        with suppress(psycopg.Error, PoolTimeout), pool.connection() as conn:
            conn.execute(END, (mark,))
        raise
