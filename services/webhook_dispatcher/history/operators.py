"""The act of operators on webhooks, under the worker's role."""

from services.webhook_dispatcher.history import decision_queries
from services.webhook_dispatcher.history.decisions import disabled_event
from shared.messaging import outbox
from shared.operators.acts import note
from shared.operators.models import ActRefused, Asked
from shared.storage.database import Connection, set_tenant

STOPPED = "stopped_by_operator"


def stop_webhook(conn: Connection, asked: Asked) -> None:
    """Nothing more is sent to the webhook. Its events are kept, and its organisation enables it again."""
    row = conn.execute(decision_queries.TENANT_OF_WEBHOOK, (asked.subject_id,)).fetchone()
    if row is None:
        raise ActRefused(f"there is no webhook {asked.subject_id}")
    (tenant_id,) = row
    set_tenant(conn, tenant_id)
    parameters = {"subscription_id": asked.subject_id, "reason": STOPPED, "url": None}
    stopped = conn.execute(decision_queries.DISABLE, parameters).fetchone()
    if stopped is None:
        raise ActRefused(f"the webhook {asked.subject_id} is disabled already")
    outbox.add_sync(conn, tenant_id, disabled_event(asked.subject_id, STOPPED, test=stopped[0]))
    note(conn, tenant_id, "webhook.stopped", asked)
