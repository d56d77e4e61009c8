"""The relay's periodic jobs: retention of the shared tables, seals and anchors of the audit trail, gauges."""

import logging
import time
from pathlib import Path
from typing import LiteralString

import msgspec
import psycopg

from shared.primitives.signatures import Signer
from shared.process import metrics
from shared.process.clock import ASK, clock
from shared.process.settings import Service
from shared.storage import audit, retention
from shared.storage.audit import Anchor
from shared.storage.database import Connection
from shared.storage.periodic import Periodic
from shared.storage.retention import Kept

SEAL_SECONDS = 0.8
BATCH_SECONDS = 5
BRIEFLY: LiteralString = "SELECT set_config('statement_timeout', %s, true)"
log = logging.getLogger(__name__)
# Inbox rows are kept longer than outbox rows, so that a message sent again after days is still recognised.
KEPT = (
    Kept("outbox", "acknowledged_at", days=7),
    Kept("inbox", "received_at", days=30),
    Kept("failures", "failed_at", days=30),
    Kept("dead_letters", "died_at", days=90, audited="dead_letters.expired"),
    Kept("idempotency_keys", "created_at", days=1),
)
COUNTED = 10_000
# Steps from one consumer to the next and reads only the first row of an index for each, whose waiting rows are counted up to a limit.
# ORDER BY keeps the planner from reading the table from its beginning.
WAITING: LiteralString = """
    WITH RECURSIVE waiting AS (
        (SELECT consumer FROM outbox WHERE acknowledged_at IS NULL ORDER BY consumer LIMIT 1)
        UNION ALL
        SELECT (SELECT o.consumer FROM outbox o WHERE o.acknowledged_at IS NULL AND o.consumer > w.consumer ORDER BY o.consumer LIMIT 1)
        FROM waiting w WHERE w.consumer IS NOT NULL
    )
    SELECT consumer,
        (SELECT extract(epoch FROM now() - created_at) FROM outbox WHERE consumer = w.consumer AND acknowledged_at IS NULL
            ORDER BY created_at LIMIT 1)::float8,
        (SELECT extract(epoch FROM now() - send_at) FROM outbox WHERE consumer = w.consumer AND acknowledged_at IS NULL AND attempts = 0
            ORDER BY send_at LIMIT 1)::float8,
        (SELECT count(*) FROM (SELECT FROM outbox WHERE consumer = w.consumer AND acknowledged_at IS NULL
            ORDER BY created_at LIMIT %s) AS counted)
    FROM waiting w WHERE consumer IS NOT NULL
"""
_measured: set[str] = set()


def jobs(trail: str, settings: Service) -> list[Periodic]:
    """The jobs that every service has; `trail` is the service's name in `SERVICE_PUBLIC_KEYS`."""
    anchor = Anchoring(trail, settings.service_signing_key, settings.audit_anchor_file)
    return [
        Periodic("seal the audit trail", 1, seal, lane="audit", behind=metrics.audit_unsealed_age),
        Periodic(
            "anchor the audit trail", settings.audit_anchor_seconds, anchor, lane="audit", behind=metrics.audit_anchored
        ),
        Periodic("expire messages and stored answers", 60, expire, lane="retention", behind=metrics.retention_overdue),
        Periodic("measure the outbox", 5, measure, behind="a measurement"),
    ]


def expire(conn: Connection) -> None:
    retention.forget(conn, KEPT)


def measure(conn: Connection) -> None:
    """Sets the gauges of each consumer's waiting messages and of the clock. A consumer without waiting messages gets zeros."""
    asked_at = clock.ask()
    clock.measured(conn.execute(ASK).fetchone(), asked_at)
    figures = {consumer: rest for consumer, *rest in conn.execute(WAITING, (COUNTED,))}
    _measured.update(figures)
    for consumer in _measured:
        unacknowledged, unsent, count = figures.get(consumer, (0, 0, 0))
        metrics.outbox_unacknowledged.labels(consumer).set(max(0, unacknowledged or 0))
        metrics.outbox_unsent.labels(consumer).set(max(0, unsent or 0))
        metrics.outbox_waiting.labels(consumer).set(count)


class Sealing:
    """Seals waiting entries for up to `SEAL_SECONDS`, one batch per transaction, and sets the gauges of the rest.

    Long entries make a batch slow: after one that is not done in `BATCH_SECONDS` the next ones are a tenth, and grow again.
    """

    def __init__(self) -> None:
        self.most = audit.BATCH

    def __call__(self, conn: Connection) -> int:
        """Returns the number of entries sealed."""
        until, total, full = time.monotonic() + SEAL_SECONDS, 0, True
        while full and time.monotonic() < until:
            sealed = self._batch(conn)
            full = sealed >= self.most
            self.most = min(2 * self.most, audit.BATCH)
            total += sealed
        rows, age = audit.waiting(conn)
        metrics.audit_unsealed.set(rows)
        metrics.audit_unsealed_age.set(age)
        return total

    def _batch(self, conn: Connection) -> int:
        while True:
            try:
                conn.execute(BRIEFLY, (f"{BATCH_SECONDS}s",))
                sealed = audit.seal(conn, self.most)
                conn.commit()
                return sealed
            except psycopg.errors.QueryCanceled:
                conn.rollback()
                if self.most == 1:
                    raise
                self.most = max(1, self.most // 10)
                log.warning("a batch of the audit trail took too long; the next one has %d entries", self.most)


seal = Sealing()


class Anchoring:
    """Signs each new head of the audit trail once, and writes it to the log and the anchor file, which are stored elsewhere.

    Without a signing key it logs the bare head. A head that is not written to the file is tried again with the next call.
    """

    def __init__(self, trail: str, signing_key: str | None, file: str) -> None:
        self.trail = trail
        self.signer = Signer(signing_key) if signing_key else None
        self.file = Path(file) if file else None
        self._anchored = 0

    def __call__(self, conn: Connection) -> None:
        head = audit.head(conn)
        if head is not None and head[0] != self._anchored:
            self._anchor(head)
            self._anchored = head[0]
        metrics.audit_anchored.set_to_current_time()

    def _anchor(self, head: tuple[int, str]) -> None:
        if self.signer is None:
            log.info("audit head", extra={"trail": self.trail, "position": head[0], "hash": head[1]})
            return
        anchor = Anchor.of(self.trail, head, self.signer)
        log.info("audit anchor", extra=msgspec.structs.asdict(anchor))
        if self.file is not None:
            audit.append(self.file, anchor)
