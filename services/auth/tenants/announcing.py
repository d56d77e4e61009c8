"""Telling those who follow tenants what one is now, in the transaction that changed it."""

from typing import Any

import psycopg
from psycopg.rows import class_row

from services.auth.apps.models import Tenant
from services.auth.tenants import queries
from shared import outbox
from shared.database import AsyncConnection
from shared.messages import TenantChanged, WebhookTenant


def announce(conn: psycopg.Connection[Any], tenant_id: str) -> None:
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenant = cursor.execute(queries.NEXT_VERSION, (tenant_id,)).fetchone()
    assert tenant is not None
    outbox.add_sync(conn, tenant_id, *_messages(tenant))


async def announce_async(conn: AsyncConnection, tenant_id: str) -> None:
    async with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenant = await (await cursor.execute(queries.NEXT_VERSION, (tenant_id,))).fetchone()
    assert tenant is not None
    await outbox.add(conn, tenant_id, *_messages(tenant))


def _messages(tenant: Tenant) -> tuple[TenantChanged, WebhookTenant]:
    changed = TenantChanged(
        tenant_id=tenant.tenant_id,
        version=tenant.version,
        tenant_name=tenant.name,
        status=tenant.status,
        environment=tenant.environment,
        granted_scopes=tenant.granted_scopes,
    )
    return changed, WebhookTenant(tenant_id=tenant.tenant_id, environment=tenant.environment)
