"""Notices to an app about its webhooks: failing for an hour, recovered, deliveries given up.

Each is an event for the app's other webhooks. It is sent once for each change of state, so that a receiver that fails for days makes two,
and `delivery.exhausted` once in ten minutes for a webhook, with a count. A delivery of a notice that is given up makes no notice.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, LiteralString, NamedTuple

from psycopg.rows import dict_row

from services.webhook_dispatcher.failing import attempt
from services.webhook_dispatcher.notices import queries
from shared.messaging import outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.process import metrics
from shared.storage.database import Connection
from shared.storage.jobs import apart

SECONDS = 0.5
SEND_NOTICES = "send notices"
metrics.begin(metrics.rows_set_aside, [SEND_NOTICES])


class Notice(NamedTuple):
    """A change of a webhook's state. `data` is that of the event, without the webhook."""

    type: str
    webhook_id: str
    tenant_id: str
    client_id: str
    test: bool
    data: dict[str, Any]


class Kind(NamedTuple):
    """One type of notices: `lock` finds due webhooks, `note` gives their rows and makes them due no more, as `set_aside` makes one.

    `fields` are the columns of the rows that become the event's data.
    """

    type: str
    lock: LiteralString
    note: LiteralString
    set_aside: LiteralString
    fields: tuple[str, ...]


RECOVERED = Kind(
    "webhook.recovered",
    queries.LOCK_RECOVERED,
    queries.NOTE_RECOVERED,
    queries.SET_RECOVERED_ASIDE,
    ("failing_since", "recovered_at"),
)
FAILING = Kind(
    "webhook.failing",
    queries.LOCK_FAILING,
    queries.NOTE_FAILING,
    queries.SET_FAILING_ASIDE,
    ("failing_since", "error", "response_status"),
)
EXHAUSTED = Kind(
    "delivery.exhausted",
    queries.LOCK_EXHAUSTED,
    queries.NOTE_EXHAUSTED,
    queries.SET_EXHAUSTED_ASIDE,
    ("delivery_id", "event_type", "deliveries"),
)


def send(conn: Connection, failing_after: float, seconds: float = SECONDS) -> int:
    """Sends due notices in portions until the time is used, each kind in its turn. Returns the number of webhooks that were due."""
    until, due = time.monotonic() + seconds, 0
    kinds = [RECOVERED, FAILING, EXHAUSTED]
    while kinds and time.monotonic() < until:
        for kind in list(kinds):
            number = attempt(conn, "notice", kind.type, partial(send_portion, conn, kind, failing_after))
            conn.commit()
            due += number
            if number < queries.PORTION:
                kinds.remove(kind)
    return due


def send_portion(conn: Connection, kind: Kind, failing_after: float) -> int:
    """The number of webhooks that were due. One whose notice fails is set aside, and the others have theirs."""
    parameters = {"portion": queries.PORTION, "seconds": failing_after}
    webhooks = [row[0] for row in conn.execute(kind.lock, parameters).fetchall()]

    def work(some: Sequence[str]) -> None:
        for notice in noted(conn, kind, some):
            outbox.add_sync(conn, notice.tenant_id, event_of(notice))

    def aside(webhook: str) -> None:
        attempt(conn, "notice", webhook, lambda: conn.execute(kind.set_aside, {"webhook": webhook}).rowcount)

    if webhooks:
        apart(conn, SEND_NOTICES, {webhook: webhook for webhook in webhooks}, work, aside)
    return len(webhooks)


def event_of(notice: Notice) -> Event:
    """For the webhook's own app alone."""
    return Event(
        event_id=ids.new_id("evt"),
        type=notice.type,
        timestamp=datetime.now(UTC),
        data={"webhook_id": notice.webhook_id} | notice.data,
        test=notice.test,
        recipients=[notice.client_id],
    )


def noted(conn: Connection, kind: Kind, webhooks: Sequence[str]) -> list[Notice]:
    """The notices about webhooks that were due, and are not any more."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows: Iterable[dict[str, Any]] = cursor.execute(kind.note, {"webhooks": webhooks}).fetchall()
    return [
        Notice(
            type=kind.type,
            webhook_id=row["id"],
            tenant_id=row["tenant_id"],
            client_id=row["client_id"],
            test=row["rehearses"],
            data={name: _plain(row[name]) for name in kind.fields},
        )
        for row in rows
    ]


def _plain(value: Any) -> Any:
    """Times as the schema of an event has them: RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
