"""Notices to an app about its webhooks: failing for an hour, recovered, deliveries given up.

Each is an event for the app's other webhooks. It is sent once for each change of state, so that a receiver that fails for days makes two,
and `delivery.exhausted` once in ten minutes for a webhook, with a count. A delivery of a notice that is given up makes no notice.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, LiteralString, NamedTuple

from psycopg.rows import dict_row

from services.webhook_dispatcher.failing import attempt
from services.webhook_dispatcher.notices import queries
from shared.messaging import outbox
from shared.messaging.messages import Event
from shared.primitives import ids
from shared.storage.database import Connection

SECONDS = 0.5


class Notice(NamedTuple):
    """A change of a webhook's state. `data` is that of the event, without the webhook."""

    type: str
    webhook_id: str
    tenant_id: str
    client_id: str
    test: bool
    data: dict[str, Any]


Take = Callable[[Connection], list[Notice]]


def send(conn: Connection, failing_after: float, seconds: float = SECONDS) -> int:
    """Sends due notices in portions until the time is used, each kind in its turn. Returns their number."""
    until, sent = time.monotonic() + seconds, 0
    kinds: dict[str, Take] = {
        "webhook.recovered": recovered,
        "webhook.failing": partial(failing, seconds=failing_after),
        "delivery.exhausted": exhausted,
    }

    def send_portion(take: Take) -> int:
        notices = take(conn)
        for notice in notices:
            outbox.add_sync(conn, notice.tenant_id, event_of(notice))
        return len(notices)

    while kinds and time.monotonic() < until:
        for kind, take in list(kinds.items()):
            number = attempt(conn, "notice", kind, partial(send_portion, take))
            conn.commit()
            sent += number
            if number < queries.PORTION:
                del kinds[kind]
    return sent


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


def failing(conn: Connection, seconds: float) -> list[Notice]:
    rows = _take(conn, queries.TAKE_FAILING, seconds=seconds)
    return _notices("webhook.failing", rows, "failing_since", "error", "response_status")


def recovered(conn: Connection) -> list[Notice]:
    rows = _take(conn, queries.TAKE_RECOVERED)
    return _notices("webhook.recovered", rows, "failing_since", "recovered_at")


def exhausted(conn: Connection) -> list[Notice]:
    rows = _take(conn, queries.TAKE_EXHAUSTED)
    return _notices("delivery.exhausted", rows, "delivery_id", "event_type", "deliveries")


def _take(conn: Connection, statement: LiteralString, **parameters: Any) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, {"portion": queries.PORTION} | parameters).fetchall()


def _notices(type: str, rows: Iterable[dict[str, Any]], *fields: str) -> list[Notice]:
    return [
        Notice(
            type=type,
            webhook_id=row["id"],
            tenant_id=row["tenant_id"],
            client_id=row["client_id"],
            test=row["rehearses"],
            data={name: _plain(row[name]) for name in fields},
        )
        for row in rows
    ]


def _plain(value: Any) -> Any:
    """Times as the schema of an event has them: RFC 3339 in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
