"""Which event types webhook-dispatcher passes on: those with live automations, told in the transaction that changes them."""

from services.control_plane.automations import queries
from shared import outbox
from shared.database import AsyncConnection, Connection
from shared.messages import AutomationInterest


async def tell(conn: AsyncConnection, tenant_id: str) -> None:
    """Says so where the types are others now than they were; nothing where they are the same."""
    before = await (await conn.execute(queries.LOCK_INTEREST, (tenant_id,))).fetchone()
    now = await (await conn.execute(queries.INTEREST)).fetchone()
    if before is not None and now is not None and before != now:
        row = await (await conn.execute(queries.SET_INTEREST, (now[0], tenant_id))).fetchone()
        await outbox.add(conn, tenant_id, AutomationInterest(version=row[0] if row else 1, event_types=now[0]))


def tell_sync(conn: Connection, tenant_id: str) -> None:
    """The same in a task, whose transaction has set the tenant."""
    before = conn.execute(queries.LOCK_INTEREST, (tenant_id,)).fetchone()
    now = conn.execute(queries.INTEREST).fetchone()
    if before is not None and now is not None and before != now:
        row = conn.execute(queries.SET_INTEREST, (now[0], tenant_id)).fetchone()
        outbox.add_sync(conn, tenant_id, AutomationInterest(version=row[0] if row else 1, event_types=now[0]))
