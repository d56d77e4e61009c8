"""Deletes rows past their retention. Each portion commits by itself, so an interrupted pass keeps its progress."""

import logging
import time
from collections.abc import Sequence
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.sql import SQL, Composed, Identifier

from shared.process import metrics
from shared.storage import audit
from shared.storage.database import Connection, set_tenant
from shared.web.identity import Caller

RETENTION = "retention"
LONGEST_TENANT = 1024
"""In bytes, of an entry in the audit trail. Longer ones are no tenants: a role of a process wrote them by hand."""
PORTION = 1000
PASS_SECONDS = 10.0
# After each portion a pass rests this many times as long as the portion took: other work gets most of the disk and the processor.
REST = 2.0
log = logging.getLogger(__name__)


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


# Tables whose rows were too large for a whole portion, with the rows that one may have.
_most: dict[str, int] = {}


def _delete_portion(conn: Connection, rule: Kept) -> tuple[int, bool]:
    """Deletes a portion in a transaction of its own: the number of rows, and whether more are left.

    After a portion that PostgreSQL cut off at its time-out, the table's portions are half as large.
    """
    most = _most.get(rule.table, PORTION)
    try:
        deleted = _delete(conn, rule, most)
    except psycopg.errors.QueryCanceled:
        conn.rollback()
        if most == 1:
            raise
        _most[rule.table] = most // 2
        return 0, True
    conn.commit()
    return deleted, deleted == most


def forget(conn: Connection, rules: Sequence[Kept], seconds: float = PASS_SECONDS) -> int:
    """Deletes a portion of each table in turn, at least one, until nothing is left or the time is used. Returns the number of rows.

    The next pass continues with the rest; `retention_overdue_seconds` shows how far behind a table is.
    """
    until, deleted, left, over = time.monotonic() + seconds, 0, list(rules), False
    while left and not over:
        for rule in tuple(left):
            began = time.monotonic()
            portion, more = _delete_portion(conn, rule)
            deleted += portion
            if not more:
                left.remove(rule)
            elif portion:
                time.sleep(REST * (time.monotonic() - began))
        over = time.monotonic() >= until
    for rule in rules:
        metrics.retention_overdue.labels(rule.table).set(rule.overdue(conn) if rule in left else 0)
    return deleted


def _delete(conn: Connection, rule: Kept, most: int) -> int:
    if not rule.audited:
        return conn.execute(rule.delete, (most,)).rowcount
    statement = SQL("WITH gone AS ({} RETURNING tenant_id) SELECT tenant_id, count(*) FROM gone GROUP BY tenant_id")
    deleted = conn.execute(statement.format(rule.delete), (most,)).fetchall()
    for tenant_id, rows in deleted:
        if not 0 < len(tenant_id.encode()) <= LONGEST_TENANT:
            log.warning("%d rows of %s are deleted without an entry in the trail", rows, rule.table)
            continue
        set_tenant(conn, tenant_id)
        caller = Caller(tenant_id=tenant_id, client_id=RETENTION)
        conn.execute(audit.RECORD, audit.entry(caller, rule.audited, tenant_id, {"rows": rows}))
    return sum(rows for _, rows in deleted)
