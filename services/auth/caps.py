"""Limits of a tenant: the deployment's settings, or the numbers that an operator set for one tenant."""

from typing import Any, LiteralString

from services.auth.settings import Settings
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection

LIMIT: LiteralString = "SELECT most FROM tenant_limits WHERE tenant_id = %s AND name = %s"
# By the name that operators use.
THINGS = {
    "apps": "apps",
    "apps_a_day": "apps made within a day",
    "service_tokens": "live service tokens",
    "users": "people",
    "invitations": "pending invitations",
    "invitation_mails_a_day": "mails of invitations within a day",
    "connections": "SAML connections",
    "requests": "integration requests of the last year",
    "sandboxes": "sandboxes",
    "sandboxes_a_day": "sandboxes made within a day",
}


def default(settings: Settings, name: str) -> int:
    return getattr(settings, f"most_{name}")


async def require(
    conn: AsyncConnection, settings: Settings, tenant_id: str, name: str, count: LiteralString, parameters: Any = ()
) -> None:
    """Raises a 409 Problem if the tenant has reached its limit. The transaction must be set to the tenant."""
    await require_room(conn, await cap_of(conn, settings, tenant_id, name), tenant_id, count, parameters)


async def cap_of(conn: AsyncConnection, settings: Settings, tenant_id: str, name: str) -> Cap:
    row = await (await conn.execute(LIMIT, (tenant_id, name))).fetchone()
    return Cap(THINGS[name], row[0] if row is not None else default(settings, name))
