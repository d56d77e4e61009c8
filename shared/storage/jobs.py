"""Periodic jobs of the relay process: retention, seals and anchors of the audit trail, gauges, and those that a service adds.

Each job runs under an advisory lock, so several relays may run at the same time. Retention deletes rows in portions that commit by
themselves, so an interrupted pass keeps its progress.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, LiteralString, NamedTuple, TypeVar

import msgspec
import psycopg
from prometheus_client import Gauge
from psycopg import sql
from psycopg.sql import SQL, Composed, Identifier
from psycopg_pool import ConnectionPool

from shared.primitives.crypto import Signer
from shared.process import liveness, metrics, telemetry
from shared.process.settings import Service
from shared.storage import audit, audit_watch
from shared.storage.audit import Anchor
from shared.storage.database import ASK_CLOCK, IN_TURN, Connection, clock, is_contention, is_outage, set_tenant
from shared.web.identity import Caller

LOCK: LiteralString = "SELECT pg_try_advisory_xact_lock(hashtext('periodic'), hashtext(%s))"
# A job that failed is tried again after its interval, or this.
AGAIN_SECONDS = 60.0
log = logging.getLogger(__name__)
Item = TypeVar("Item")


class Periodic(NamedTuple):
    """A job that runs in its own transaction of the worker role, at most once in `every_seconds` per relay and never twice at a time.

    The lock ends when the job commits by itself, as `forget` does. Jobs wait only for jobs of the same lane. `behind` is the gauge that
    shows how old the oldest work is that waits for the job, or the reason why none waits after a run.
    After a run that returned 0, for no work, the next one is due in `rest_seconds`, if that is longer, or when the service's bell rings.
    So a job rests where those who make its work ring after their commit (`conn.has_messages`), or where nobody waits for it.
    A run of any other job that lasts too long makes its process stuck; of one that `may_hang` only the lane waits.
    """

    name: str
    every_seconds: float
    run: Callable[[Connection], object]
    lane: str = ""
    behind: Gauge | str = ""
    rest_seconds: float = 0.0
    may_hang: bool = False


# How often a row alone may meet the time-out of a statement, in a row, before it is set aside.
MOST_TIMEOUTS = 3
# How many rows of a pass may meet a lock or the time-out. All rows do where a table is locked or a disk is stalled.
MOST_HELD = 2
MOST_COUNTED = 1000
_timeouts: Counter[tuple[str, Hashable]] = Counter()


def apart(
    conn: Connection,
    name: str,
    items: Mapping[Any, Item],
    work: Callable[[Sequence[Item]], object],
    aside: Callable[[Item], object],
) -> None:
    """Does `work` for all items at once; after an error that is no outage for each alone, and `aside` for each that fails by itself.

    A row that no statement or no code can take would otherwise end every later pass, and stop all that wait behind it. A lock is not the
    row's fault, and a time-out seldom: such a row waits for the next pass. `items` are by their key, `name` labels the metric.
    """
    try:
        with conn.transaction():
            work([*items.values()])
        for key in items.keys() & {of for of_work, of in _timeouts if of_work == name}:
            del _timeouts[name, key]
        return
    except Exception as error:  # any error of one item must not stop the others
        if is_outage(error):
            raise
    held = 0
    for key, item in items.items():
        try:
            with conn.transaction():
                work([item])
            _timeouts.pop((name, key), None)
        except Exception as error:
            if is_outage(error):
                raise
            if is_contention(error) or _may_be_the_disks(error, (name, key)):
                log.warning("%s: a row is left for the next pass: %s", name, telemetry.describe(error))
                held += 1
                if held == MOST_HELD:
                    return
                continue
            log.error("%s: a row is set aside: %s", name, telemetry.describe(error))
            conn.after_commit(metrics.rows_set_aside.labels(name).inc)
            aside(item)


def _may_be_the_disks(error: Exception, row: tuple[str, Hashable]) -> bool:
    """Whether the row met the time-out, and not for the last time that it may."""
    if not isinstance(error, psycopg.errors.QueryCanceled):
        return False
    if len(_timeouts) >= MOST_COUNTED:  # of rows that were deleted since
        _timeouts.clear()
    _timeouts[row] += 1
    if _timeouts[row] < MOST_TIMEOUTS:
        return True
    del _timeouts[row]
    return False


class PeriodicRunner:
    """Runs the jobs until `stopping` is set, with one thread for each lane; a lane uses a connection only while a job runs.

    Calls `written` after a job that wrote messages.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        jobs: list[Periodic],
        stopping: threading.Event,
        written: Callable[[], object] = lambda: None,
    ) -> None:
        lanes = {job.lane: [each for each in jobs if each.lane == job.lane] for job in jobs}
        self.lanes = [Lane(pool, of_lane, stopping, written) for of_lane in lanes.values()]

    def start(self) -> None:
        for lane in self.lanes:
            lane.start()

    def wake(self) -> None:
        """Jobs that rest for want of work are due."""
        for lane in self.lanes:
            lane.wake()

    def join(self, timeout: float | None = None) -> None:
        """Waits for each lane, at most `timeout` seconds in all. `stopping` is set."""
        self.wake()
        until = None if timeout is None else time.monotonic() + timeout
        for lane in self.lanes:
            lane.join(None if until is None else max(0.0, until - time.monotonic()))

    def is_alive(self) -> bool:
        return any(lane.is_alive() for lane in self.lanes)


class Lane(threading.Thread):
    def __init__(
        self,
        pool: ConnectionPool[Connection],
        jobs: list[Periodic],
        stopping: threading.Event,
        written: Callable[[], object],
    ) -> None:
        super().__init__(name=f"periodic {jobs[0].lane}".strip(), daemon=True)
        self.pool = pool
        self.stopping = stopping
        self.written = written
        self.due = dict.fromkeys(jobs, time.monotonic())
        # Jobs that found no work, with the time from which they may run again.
        self.resting: dict[Periodic, float] = {}
        self.woken = threading.Event()
        # When each job had to be done: from then on it is late, also while it runs or hangs.
        self.expected = dict(self.due)
        for job in jobs:
            metrics.periodic_late.labels(job.name).set_function(
                lambda job=job: max(0.0, time.monotonic() - self.expected[job])
            )

    def wake(self) -> None:
        self.woken.set()

    def run(self) -> None:
        while not self.stopping.is_set():
            if self.woken.is_set():
                self.woken.clear()
                self.due |= self.resting
                self.resting.clear()
            for job, at in self.due.items():
                if at <= time.monotonic():
                    with nullcontext() if job.may_hang else liveness.at_work():
                        self._pass(job)
            self.woken.wait(max(0.0, min(self.due.values()) - time.monotonic()))

    def _pass(self, job: Periodic) -> None:
        began = time.monotonic()
        self.resting.pop(job, None)
        outcome = self._run(job)
        if outcome == "failed":
            self.due[job] = began + min(job.every_seconds, AGAIN_SECONDS)
            return
        soon = began + job.every_seconds
        if outcome == "idle" and job.rest_seconds > job.every_seconds:
            self.resting[job] = soon
            soon = began + job.rest_seconds
        self.due[job] = soon
        if outcome != "elsewhere":  # whether the other relay does it is not known here
            self.expected[job] = soon

    def _run(self, job: Periodic) -> Literal["done", "idle", "elsewhere", "failed"]:
        """`idle` where the job found no work, as far as it knows; `elsewhere` where another relay is at it."""
        with telemetry.unsampled():
            try:
                with self.pool.connection() as conn:
                    conn.forget_after_commit()
                    conn.has_messages = False
                    may = conn.execute(LOCK, (job.name,)).fetchone() == (True,)
                    outcome = "elsewhere" if not may else "idle" if job.run(conn) == 0 else "done"
                    conn.commit()
                    conn.run_after_commit()
                    has_messages = conn.has_messages
                if has_messages:
                    self.written()
                return outcome
            except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
                log.warning("periodic job %s waits: %s", job.name, type(error).__name__)
            except Exception as error:  # one job's bug must not stop the others
                log.error("periodic job %s failed: %s", job.name, telemetry.describe(error))
            return "failed"


RETENTION = "retention"
PORTION = 1000
PASS_SECONDS = 10.0
# After each portion a pass rests this many times as long as the portion took: other work gets most of the disk and the processor.
REST = 2.0


class Kept(NamedTuple):
    """Rows of `table` are kept for `days` after the time or date in `column`; with `also`, only rows for which it is true are deleted.

    With `audited`, each portion leaves an entry of that action in the audit trail of each tenant, with the number of its rows.
    """

    table: LiteralString
    column: LiteralString
    days: float
    also: LiteralString = "true"
    audited: str = ""

    @property
    def past(self) -> Composed:
        condition = SQL("{} < now() - make_interval(secs => {}) AND ({})")
        return condition.format(Identifier(self.column), sql.Literal(self.days * 86_400), SQL(self.also))

    @property
    def delete(self) -> Composed:
        """Deletes the oldest rows first; else each portion would scan over rows deleted before. Skips locked rows.

        Its parameter is the most rows to delete.
        """
        statement = SQL(
            "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {past} ORDER BY {column}"
            " LIMIT %s FOR UPDATE SKIP LOCKED))"
        )
        return statement.format(table=Identifier(self.table), past=self.past, column=Identifier(self.column))

    def overdue(self, conn: psycopg.Connection) -> float:
        """The seconds for which the oldest row has been past its retention; 0 if there is none."""
        statement = SQL("SELECT extract(epoch FROM now() - min({}))::float8 - {} FROM {} WHERE {}")
        days = sql.Literal(self.days * 86_400)
        row = conn.execute(
            statement.format(Identifier(self.column), days, Identifier(self.table), self.past)
        ).fetchone()
        return max(0.0, row[0]) if row and row[0] is not None else 0.0


# Tables whose rows were too large, or the disk too slow, for a whole portion, with the rows that one may have.
_most: dict[str, int] = {}
# A fifth of the time-out: a portion twice as large is not cut off.
QUICK_SECONDS = 3.0


def _delete_portion(conn: Connection, rule: Kept) -> tuple[int, bool]:
    """Deletes a portion in a transaction of its own: the number of rows, and whether more are left.

    After a portion that PostgreSQL cut off at its time-out, the table's portions are half as large; after a quick one, twice as large.
    """
    most, began = _most.get(rule.table, PORTION), time.monotonic()
    statement = SQL("WITH gone AS ({} RETURNING tenant_id) SELECT tenant_id, count(*) FROM gone GROUP BY tenant_id")
    try:
        if not rule.audited:
            deleted = conn.execute(rule.delete, (most,)).rowcount
        else:
            of_tenants = conn.execute(statement.format(rule.delete), (most,)).fetchall()
            deleted = sum(rows for _, rows in of_tenants)
            for tenant_id, rows in of_tenants:
                set_tenant(conn, tenant_id)
                caller = Caller(tenant_id=tenant_id, client_id=RETENTION)
                conn.execute(audit.RECORD, audit.entry(caller, rule.audited, tenant_id, {"rows": rows}))
    except psycopg.errors.QueryCanceled:
        conn.rollback()
        if most == 1:
            raise
        _most[rule.table] = most // 2
        return 0, True
    conn.commit()
    if deleted == most < PORTION and time.monotonic() - began < QUICK_SECONDS:
        _most[rule.table] = min(2 * most, PORTION)
    return deleted, deleted == most


def forget(conn: Connection, rules: Sequence[Kept], seconds: float = PASS_SECONDS) -> int:
    """Deletes a portion of each table in turn, at least one, until nothing is left or the time is used. Returns the number of rows.

    The next pass continues with the rest; `retention_overdue_seconds` shows how far behind a table is. Raises the first error of a table
    after the others had their turns.
    """
    until, deleted, left, over = time.monotonic() + seconds, 0, list(rules), False
    failed: dict[Kept, psycopg.Error] = {}
    while left and not over:
        for rule in tuple(left):
            began = time.monotonic()
            try:
                portion, more = _delete_portion(conn, rule)
            except psycopg.Error as error:
                if is_outage(error):
                    raise
                conn.rollback()
                log.error("no retention of %s in this pass: %s", rule.table, telemetry.describe(error))
                failed[rule], portion, more = error, 0, False
            deleted += portion
            if not more:
                left.remove(rule)
            elif portion:
                time.sleep(REST * (time.monotonic() - began))
        over = time.monotonic() >= until
    for rule in rules:
        is_behind = rule in left or rule in failed
        metrics.retention_overdue.labels(rule.table).set(rule.overdue(conn) if is_behind else 0)
    for error in failed.values():
        raise error
    return deleted


SEAL_SECONDS = 0.8
BATCH_SECONDS = 5
BRIEFLY: LiteralString = "SELECT set_config('statement_timeout', %s, true)"
# Inbox rows are kept longer than outbox rows, so that a message sent again after days is still recognised.
KEPT = (
    Kept("outbox", "acknowledged_at", days=7),
    Kept("inbox", "received_at", days=30),
    Kept("failures", "failed_at", days=30),
    Kept("dead_letters", "died_at", days=90, audited="dead_letters.expired"),
    Kept("idempotency_keys", "created_at", days=1),
    Kept("audit_reads", "hour", days=1),
    Kept("operator_acts", "ended_at", days=365),
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


def of_every_service(trail: str, settings: Service) -> list[Periodic]:
    """The jobs that every service has; `trail` is the service's name in `SERVICE_PUBLIC_KEYS`."""
    anchor = Anchoring(trail, settings.service_signing_key, settings.audit_anchor_file)
    return [
        Periodic("seal the audit trail", 1, seal, lane="audit", behind=metrics.audit_unsealed_age, rest_seconds=3),
        Periodic(
            # In a lane of its own: the anchor file's disk may be another machine's, which may not answer.
            "anchor the audit trail",
            settings.audit_anchor_seconds,
            anchor,
            lane="anchors",
            behind=metrics.audit_anchored,
            may_hang=True,
        ),
        Periodic("check the audit trail", 60, audit_watch.check_new, lane="retention", behind=metrics.audit_checked),
        Periodic(
            "check the whole audit trail", 60, audit_watch.check_all, lane="retention", behind=metrics.audit_passed
        ),
        Periodic("expire messages and stored answers", 60, expire, lane="retention", behind=metrics.retention_overdue),
        Periodic("measure the outbox", 10, measure_outbox, behind="a measurement"),
    ]


def expire(conn: Connection) -> None:
    forget(conn, KEPT)


def measure_outbox(conn: Connection) -> None:
    """Sets the gauges of each consumer's waiting messages and of the clock. A consumer without waiting messages gets zeros."""
    asked_at = clock.ask()
    clock.measured(conn.execute(ASK_CLOCK).fetchone(), asked_at)
    conn.execute(IN_TURN)
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
        try:
            while full and time.monotonic() < until:
                sealed = self._batch(conn)
                full = sealed >= self.most
                self.most = min(2 * self.most, audit.BATCH)
                total += sealed
        except Exception as error:
            if not is_outage(error):
                conn.rollback()
                self._measure(conn)
            raise
        self._measure(conn)
        return total

    def _measure(self, conn: Connection) -> None:
        rows, age = audit.waiting(conn)
        metrics.audit_unsealed.set(rows)
        metrics.audit_unsealed_age.set(age)

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
            if self.signer is None:
                log.info("audit head", extra={"trail": self.trail, "position": head[0], "hash": head[1]})
            else:
                anchor = Anchor.of(self.trail, head, self.signer)
                log.info("audit anchor", extra=msgspec.structs.asdict(anchor))
                if self.file is not None:
                    audit.append(self.file, anchor)
            self._anchored = head[0]
        metrics.audit_anchored.set_to_current_time()
