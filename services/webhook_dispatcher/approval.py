"""What a webhook's app may hear of as things stand. Asked anew whenever something that is over would be sent again."""

from typing import Any

import msgspec

from services.webhook_dispatcher import dispatch_queries, event_types
from shared.database import AsyncConnection, Connection

# What an app may hear of that auth has not told of.
DEFAULT = ["incident.*"]
FIRED = "automation.fired"


async def types_of(conn: AsyncConnection, subscription_id: str) -> list[str]:
    """All event types that the app of a webhook is approved for. The webhook is locked, so that none is withdrawn meanwhile."""
    row = await (await conn.execute(dispatch_queries.APPROVED, {"subscription_id": subscription_id})).fetchone()
    return [name for name in event_types.catalogue() if event_types.is_approved(name, _patterns(row))]


def covers(conn: Connection, subscription_id: str, event_type: str) -> bool:
    """Whether the app of a webhook, which is locked, is approved for that type."""
    row = conn.execute(dispatch_queries.APPROVED, {"subscription_id": subscription_id}).fetchone()
    return event_types.is_approved(event_type, _patterns(row))


def told(event_type: str, body: str) -> list[str]:
    """The types that a delivery tells of: its own, and with `automation.fired` that of the event within it."""
    return [event_type, msgspec.json.decode(body)["data"]["event_type"]] if event_type == FIRED else [event_type]


def _patterns(row: tuple[Any, ...] | None) -> list[str]:
    return row[0] if row is not None else DEFAULT
