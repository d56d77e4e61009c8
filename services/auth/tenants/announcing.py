"""Telling those who follow tenants and apps what these are now, in the transaction that changed them."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import class_row

from services.auth.apps.models import App, Tenant
from services.auth.apps.store import announcements
from services.auth.tenants import queries
from shared import outbox
from shared.database import AsyncConnection
from shared.messages import TenantChanged, WebhookTenant


def announce(conn: psycopg.Connection[Any], tenant_id: str) -> None:
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenant = cursor.execute(queries.NEXT_VERSION, (tenant_id,)).fetchone()
    assert tenant is not None
    outbox.add_sync(conn, tenant_id, *messages_of(tenant))


async def announce_async(conn: AsyncConnection, tenant_id: str) -> None:
    async with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenant = await (await cursor.execute(queries.NEXT_VERSION, (tenant_id,))).fetchone()
    assert tenant is not None
    await outbox.add(conn, tenant_id, *messages_of(tenant))


def announce_apps(conn: psycopg.Connection[Any], apps: Sequence[App]) -> None:
    """Leaves messages of what these apps are for each service that keeps a part of it."""
    rows = [outbox.row(app.tenant_id, message) for app in apps for message in announcements(app)]
    with conn.cursor() as cursor:
        cursor.executemany(outbox.ADD, rows)


def messages_of(tenant: Tenant) -> tuple[TenantChanged, WebhookTenant]:
    """What those who follow tenants keep of one."""
    changed = TenantChanged(
        tenant_id=tenant.tenant_id,
        version=tenant.version,
        tenant_name=tenant.name,
        status=tenant.status,
        environment=tenant.environment,
        granted_scopes=tenant.granted_scopes,
    )
    return changed, WebhookTenant(tenant_id=tenant.tenant_id, environment=tenant.environment)
