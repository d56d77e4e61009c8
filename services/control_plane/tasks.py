"""The queue door: what auth says of tenants and apps, what automations wait for and did; and the service's periodic work."""

from collections.abc import Sequence

import msgspec
from celery import Celery

from services.control_plane import queries
from services.control_plane.access import is_granted
from services.control_plane.automations import ending, firing, jobs
from services.control_plane.marketplace import installing
from services.control_plane.packages.queries import FORGET_AWAITING
from services.control_plane.settings import Settings
from shared import worker
from shared.database import Connection, set_tenant
from shared.messages import AppInstalled, AuthorityEnded, PlatformApp, PlatformEvent, RunFinished, TenantChanged
from shared.periodic import Periodic
from shared.worker import Received


def create_worker(settings: Settings) -> Celery:
    engine = jobs.engine(settings)
    handlers = {
        TenantChanged: store_tenants,
        PlatformApp: change_apps,
        AppInstalled: installing.settle,
        PlatformEvent: engine.hear,
        RunFinished: engine.finish,
        AuthorityEnded: ending.stop,
    }
    return worker.create_worker("control_plane", settings, handlers)


def periodic(settings: Settings) -> list[Periodic]:
    return [Periodic("forget versions without content", 3600, forget_awaiting), *jobs.periodic(settings)]


def store_tenants(conn: Connection, received: Sequence[Received[TenantChanged]]) -> None:
    """Which tenants were granted the control plane; one that no longer is, or is suspended, offers nothing to others either."""
    for message in received:
        tenant = message.body
        set_tenant(conn, tenant.tenant_id)
        is_news = conn.execute(queries.STORE_TENANT, msgspec.structs.asdict(tenant)).rowcount > 0
        if is_news and not (tenant.status == "active" and is_granted(tenant.granted_scopes)):
            installing.withdraw_listings(conn, tenant.tenant_id)


def change_apps(conn: Connection, received: Sequence[Received[PlatformApp]]) -> None:
    """What apps may do; and which are gone, with their automations and the installation they were made for."""
    firing.store_apps(conn, received)
    installing.end(conn, received)


def forget_awaiting(conn: Connection) -> None:
    conn.execute(FORGET_AWAITING)
