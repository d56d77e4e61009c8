"""The policy of sign-in of an organisation. One without a row enforces nothing."""

from psycopg.rows import class_row

from services.auth.saml import queries
from services.auth.saml.models import PolicyRow
from shared.storage import database
from shared.storage.database import AsyncConnection, Connection


async def of_tenant(conn: AsyncConnection) -> PolicyRow:
    """The tenant must be set."""
    return await database.first(conn, PolicyRow, queries.POLICY) or PolicyRow()


def of_tenant_sync(conn: Connection) -> PolicyRow:
    """For the relay."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return cursor.execute(queries.POLICY).fetchone() or PolicyRow()
