"""The acts of operators on webhooks and deliveries, under the worker's role."""

from services.webhook_dispatcher.history import decision_queries
from services.webhook_dispatcher.history.decisions import disabled_event
from services.webhook_dispatcher.operators import queries
from shared.messaging import outbox
from shared.operators.acts import Handler, note
from shared.operators.models import Action, ActRefused, Asked
from shared.storage.database import Connection, set_tenant

STOPPED = "stopped_by_operator"


def stop_webhook(conn: Connection, asked: Asked) -> None:
    """Nothing more is sent to the webhook. Its events are kept, until its organisation enables it or an operator resumes it."""
    tenant_id = _tenant_of(conn, asked)
    parameters = {"subscription_id": asked.subject_id, "reason": STOPPED, "url": None}
    stopped = conn.execute(decision_queries.DISABLE, parameters).fetchone()
    if stopped is None:
        raise ActRefused(f"the webhook {asked.subject_id} is disabled already")
    conn.execute(decision_queries.NAME_STOP, (asked.id, asked.reason, asked.subject_id))
    outbox.add_sync(conn, tenant_id, disabled_event(asked.subject_id, STOPPED, test=stopped[0]))
    note(conn, tenant_id, "webhook.stopped", asked)


def resume_webhook(conn: Connection, asked: Asked) -> None:
    """Lifts an operator's stop, and no other disabling: waiting deliveries are sent, oldest first."""
    tenant_id = _tenant_of(conn, asked)
    if conn.execute(queries.RESUME_WEBHOOK, {"subscription_id": asked.subject_id}).fetchone() is None:
        raise ActRefused(f"the webhook {asked.subject_id} is not stopped by an operator")
    note(conn, tenant_id, "webhook.resumed", asked)


def _tenant_of(conn: Connection, asked: Asked) -> str:
    """The organisation of the webhook, to which the rest of the transaction is held."""
    row = conn.execute(decision_queries.TENANT_OF_WEBHOOK, (asked.subject_id,)).fetchone()
    if row is None:
        raise ActRefused(f"there is no webhook {asked.subject_id}")
    set_tenant(conn, row[0])
    return row[0]


def stop_deliveries(conn: Connection, asked: Asked) -> None:
    """Nothing of the organisation is sent from the next claim on. Requests in flight end; everything else waits."""
    parameters = {"tenant_id": asked.subject_id, "act_id": asked.id, "reason": asked.reason}
    if conn.execute(queries.STOP, parameters).fetchone() is None:
        raise ActRefused(f"the deliveries of {asked.subject_id} are stopped already")
    note(conn, asked.subject_id, "deliveries.stopped", asked)


def resume_deliveries(conn: Connection, asked: Asked) -> None:
    """Waiting deliveries are sent from the next claim on, within the limits of each receiver."""
    if conn.execute(queries.RESUME, (asked.subject_id,)).fetchone() is None:
        raise ActRefused(f"the deliveries of {asked.subject_id} are not stopped")
    note(conn, asked.subject_id, "deliveries.resumed", asked)


HANDLERS: dict[Action, Handler] = {
    "webhook.stop": stop_webhook,
    "webhook.resume": resume_webhook,
    "deliveries.stop": stop_deliveries,
    "deliveries.resume": resume_deliveries,
}
