"""Handlers of the queue, for apps from auth, facts from epcr and runs from control-plane; and the periodic work."""

from collections.abc import Sequence
from functools import partial

from celery import Celery

from services.graphql_api import metrics as own_metrics
from services.graphql_api import queries, sandbox
from services.graphql_api.acqi import counting, months
from services.graphql_api.automations import Runs
from services.graphql_api.reports import making
from services.graphql_api.settings import Settings
from shared.messaging import worker
from shared.messaging.messages import (
    AutomationIncident,
    EncounterFacts,
    GraphqlApp,
    Received,
    RunDocument,
    SandboxIncidents,
)
from shared.process import metrics
from shared.storage import jobs
from shared.storage.database import Connection, set_tenant
from shared.storage.jobs import Kept, Periodic

# An effect is known for longer than its run may be tried again.
EFFECTS_DAYS = 40


def create_worker(settings: Settings) -> Celery:
    runs = Runs(settings)
    handlers = {
        GraphqlApp: store_apps,
        EncounterFacts: counting.store,
        RunDocument: runs.perform,
        AutomationIncident: runs.perform,
        SandboxIncidents: sandbox.perform,
    }
    return worker.create_worker("graphql_api", settings, handlers)


def periodic(settings: Settings) -> list[Periodic]:
    retention = partial(expire, days=settings.facts_kept_days, reports_days=settings.reports_kept_days)
    return [
        Periodic("retention", 60, retention, "retention", metrics.retention_overdue),
        Periodic(
            "make reports", 1, making.Making(settings).go_on, "reports", own_metrics.reports_behind, rest_seconds=5
        ),
    ]


def store_apps(conn: Connection, received: Sequence[Received[GraphqlApp]]) -> None:
    """Stores the bundles that each app was granted."""
    for message in received:
        app = message.body
        set_tenant(conn, message.tenant_id)
        row = (app.client_id, message.tenant_id, app.version, app.status, app.graphql_bundles)
        conn.execute(queries.STORE_APP, row)


def expire(conn: Connection, days: int, reports_days: int) -> None:
    """Deletes facts with their aggregates, closed incidents, effects of runs and reports, after their retention."""
    jobs.forget(conn, kept(days, reports_days))
    months.expire(conn, days)


def kept(days: int, reports_days: int) -> list[Kept]:
    """The retention of closed incidents, of effects of runs and of reports."""
    return [
        Kept("incidents", "closed_at", days),
        Kept("automation_effects", "at", EFFECTS_DAYS),
        Kept("quality_reports", "created_at", reports_days, audited="reports.expired"),
    ]
