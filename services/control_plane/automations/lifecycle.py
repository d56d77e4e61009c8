"""Automations made and stopped by auth's messages, and the message with the event types of the enabled ones."""

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.control_plane.automations import queries, rules
from services.control_plane.automations.models import AutomationDraft
from shared.messaging import outbox
from shared.messaging.messages import AuthorityEnded, AutomationInterest, PlatformApp, Received
from shared.primitives import ids
from shared.storage.database import AsyncConnection, Connection, set_tenant
from shared.web import http


def new_row(tenant_id: str, client_id: str, draft: AutomationDraft, scopes: Sequence[str]) -> dict[str, Any]:
    """The columns of a new automation that rests on no grant."""
    return {
        "id": ids.new_id("auto"),
        "tenant_id": tenant_id,
        "client_id": client_id,
        "name": draft.name,
        "event_type": draft.trigger.event_type,
        "filter": jsonb(draft.trigger.filter),
        "action": jsonb(draft.action),
        "scopes": sorted(scopes),
        "enabled": draft.enabled,
        "grant_id": None,
        "made_for": None,
    }


def jsonb(value: Any) -> Jsonb | None:
    """A filter or action as a parameter of a statement."""
    return None if value is None else Jsonb(value, dumps=http.encode)


def make_installed(
    conn: Connection, tenant_id: str, client_id: str, scopes: Sequence[str], drafts: Sequence[Any]
) -> None:
    """The automations of a package, as JSON, for the app of its installation. The caller has set the tenant."""
    for draft in drafts:
        row = new_row(tenant_id, client_id, msgspec.convert(draft, AutomationDraft), scopes)
        conn.execute(queries.INSERT, row)
    send_interest_sync(conn, tenant_id)


def store_apps(conn: Connection, messages: Sequence[Received[PlatformApp]]) -> None:
    """Stores the rules of apps. The automations of a deleted app stop for good."""
    for message in messages:
        app = message.body
        set_tenant(conn, message.tenant_id)
        row = msgspec.structs.asdict(app) | {"tenant_id": message.tenant_id}
        if conn.execute(queries.STORE_APP, row).rowcount and app.status == "deleted":
            conn.execute(queries.STOP_THOSE_OF_APP, {"client_id": app.client_id, "reason": "app_deleted"})
            send_interest_sync(conn, message.tenant_id)


def stop_unauthorised(conn: Connection, messages: Sequence[Received[AuthorityEnded]]) -> None:
    """Stops automations whose grant, service token or consent ended, unless `scopes_left` still allow them.

    A caller that may make automations starts them again under its own authority.
    """
    for message in messages:
        ended = message.body
        set_tenant(conn, message.tenant_id)
        where: dict[str, Any] = {
            "grant_id": ended.grant_id,
            "user_id": ended.user_id,
            "client_id": ended.client_id,
            "ended_at": ended.ended_at,
        }
        with conn.cursor(row_factory=dict_row) as cursor:
            made_under = cursor.execute(queries.FIND_MADE_UNDER, where).fetchall()
        left = ended.scopes_left
        stopped = [
            row["id"]
            for row in made_under
            if left is None or rules.allowed_scopes(row["scopes"], left, left) != sorted(row["scopes"])
        ]
        if stopped:
            conn.execute(queries.STOP, ("authority_ended", stopped))
            send_interest_sync(conn, message.tenant_id)


async def send_interest(conn: AsyncConnection, tenant_id: str) -> None:
    """Sends the event types of the tenant's enabled automations to webhook-dispatcher, if they changed."""
    await conn.execute(queries.LOCK_INTEREST, (tenant_id,))
    row = await (await conn.execute(queries.SET_INTEREST, (tenant_id,))).fetchone()
    if row is not None:
        await outbox.add(conn, tenant_id, AutomationInterest(version=row[0], event_types=row[1]))


def send_interest_sync(conn: Connection, tenant_id: str) -> None:
    """`send_interest` for a task that has set the tenant."""
    conn.execute(queries.LOCK_INTEREST, (tenant_id,))
    row = conn.execute(queries.SET_INTEREST, (tenant_id,)).fetchone()
    if row is not None:
        outbox.add_sync(conn, tenant_id, AutomationInterest(version=row[0], event_types=row[1]))
