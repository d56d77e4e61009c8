"""Handlers of the service's messages, and its periodic work."""

from collections.abc import Mapping, Sequence

import msgspec
from celery import Celery

from services.control_plane import queries
from services.control_plane.access import is_granted
from services.control_plane.automations import deleting, lifecycle, operators, runs, waiting
from services.control_plane.marketplace import store as marketplace
from services.control_plane.marketplace.queries import WITHDRAW_ALL
from services.control_plane.settings import Settings
from shared.messaging import worker
from shared.messaging.messages import (
    AppInstalled,
    AuthorityEnded,
    PlatformApp,
    PlatformEvent,
    Received,
    RunFinished,
    TenantChanged,
)
from shared.operators.acts import Handler
from shared.operators.models import Action
from shared.process import metrics
from shared.storage import jobs
from shared.storage.database import Connection, set_tenant
from shared.storage.jobs import Kept, Periodic

# Announced versions without content give their number back.
KEPT = (Kept("versions", "created_at", days=7, also="published_at IS NULL"),)


def create_worker(settings: Settings) -> Celery:
    engine = runs.engine(settings)
    handlers = {
        TenantChanged: store_tenants,
        PlatformApp: change_apps,
        AppInstalled: marketplace.settle,
        PlatformEvent: waiting.Waiting(settings).store,
        RunFinished: engine.take_answers,
        AuthorityEnded: lifecycle.stop_unauthorised,
    }
    return worker.create_worker("control_plane", settings, handlers)


def periodic(settings: Settings) -> list[Periodic]:
    return [
        Periodic(
            "forget versions without content",
            3600,
            forget_awaiting,
            lane="retention",
            behind=metrics.retention_overdue,
        ),
        *waiting.periodic(settings),
        *runs.periodic(settings),
        *deleting.periodic(),
    ]


def acts(settings: Settings) -> Mapping[Action, Handler]:
    """The acts of operators that control-plane carries out."""
    return {
        "automation.stop": operators.stop_automation,
        "automation.resume": operators.resume_automation,
        "automations.stop": operators.stop_automations,
    }


def store_tenants(conn: Connection, received: Sequence[Received[TenantChanged]]) -> None:
    """Stores tenants and their grants. A suspended tenant, or one without the grant, publishes nothing."""
    for message in received:
        tenant = message.body
        set_tenant(conn, tenant.tenant_id)
        is_newer = conn.execute(queries.STORE_TENANT, msgspec.structs.asdict(tenant)).rowcount > 0
        if is_newer and not (tenant.status == "active" and is_granted(tenant.granted_scopes)):
            conn.execute(WITHDRAW_ALL, (tenant.tenant_id,))


def change_apps(conn: Connection, received: Sequence[Received[PlatformApp]]) -> None:
    """Stores apps' rules. Deleting an app stops its automations and ends its installation."""
    lifecycle.store_apps(conn, received)
    marketplace.end(conn, received)


def forget_awaiting(conn: Connection) -> None:
    jobs.forget(conn, KEPT)
