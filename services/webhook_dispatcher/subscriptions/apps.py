"""The state of apps and tenants that auth sends, applied to their subscriptions."""

import time
from collections.abc import Sequence
from functools import partial

from services.webhook_dispatcher.failing import attempt
from services.webhook_dispatcher.fanout import event_types
from services.webhook_dispatcher.history import decisions
from services.webhook_dispatcher.notices import mail_queries
from services.webhook_dispatcher.reading import queries as reading_queries
from services.webhook_dispatcher.subscriptions import queries
from shared.messaging.messages import Received, WebhookApp, WebhookTenant
from shared.storage.database import Connection

FIRST_PORTIONS_SECONDS = 0.5
"""For all apps of a batch, whose rows stay locked meanwhile."""


def change_apps(conn: Connection, messages: Sequence[Received[WebhookApp]]) -> None:
    """Stores the state of apps; an older state never overwrites a newer.

    It holds for every claim and every event from the commit on, however many deliveries wait. Their rows follow in portions.
    """
    until = time.monotonic() + FIRST_PORTIONS_SECONDS
    # In the order of the apps' ids, so that two batches never wait for each other, and each app's changes by version.
    for message in sorted(messages, key=lambda message: (message.body.client_id, message.body.version)):
        app = message.body
        parameters = {"tenant_id": message.tenant_id, "client_id": app.client_id}
        conn.execute(queries.LOCK_APP, parameters)
        state = {"version": app.version, "status": app.status, "approved_events": app.approved_events}
        changed = conn.execute(queries.UPSERT_APP, parameters | state).fetchone()
        if changed is None:
            continue
        subscriptions = conn.execute(queries.LOCK_SUBSCRIPTIONS_OF_APP, parameters).fetchall()
        names = [row[0] for row in subscriptions]
        if app.status == "deleted":
            conn.execute(queries.DELETE_SUBSCRIPTIONS_OF_APP, parameters)
            conn.execute(reading_queries.DELETE_CONSUMERS_OF_APP, parameters)
            conn.execute(mail_queries.DELETE_CONTACTS_OF_APP, parameters)
            _begin_chores(conn, names, message.tenant_id, "deleted", until)
        else:
            for subscription_id, events in subscriptions:
                live = [name for name in events if event_types.is_approved(name, app.approved_events)]
                change = {"subscription_id": subscription_id, "live_events": live, "paused": app.status == "disabled"}
                conn.execute(queries.SET_LIVE_EVENTS, change)
            before = changed[0]
            known = event_types.DEFAULT if before is None else before
            if any(
                event_types.is_approved(name, known) and not event_types.is_approved(name, app.approved_events)
                for name in event_types.catalogue()
            ):
                _begin_chores(conn, names, message.tenant_id, "unapproved", until)


def change_tenants(conn: Connection, messages: Sequence[Received[WebhookTenant]]) -> None:
    """Marks webhooks that a sandbox made before the mark existed."""
    sandboxes = sorted({one.tenant_id for one in messages if one.body.environment == "sandbox"})
    if sandboxes:
        conn.execute(queries.MARK_SANDBOX, (sandboxes,))


def _begin_chores(conn: Connection, subscriptions: Sequence[str], tenant_id: str, kind: str, until: float) -> None:
    """Stores the chores, and does first portions until the time is over. One that fails is left to the relay: the decision holds."""
    conn.execute(*decisions.begin_chores(subscriptions, tenant_id, kind))
    for subscription_id in subscriptions:
        if time.monotonic() < until:
            attempt(conn, "chore", subscription_id, partial(decisions.do_portion, conn, subscription_id, kind))
