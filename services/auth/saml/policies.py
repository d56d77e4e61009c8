"""The policy of sign-in of an organisation. One that is not as we wrote it refuses every password, until an administrator sets it anew."""

from typing import Any

import msgspec
from psycopg.rows import class_row

from services.auth import seals
from services.auth.saml import queries
from services.auth.saml.models import PolicyRow
from shared.primitives.crypto import Keyring
from shared.storage import database
from shared.storage.database import AsyncConnection, Connection


async def of_tenant(conn: AsyncConnection, keyring: Keyring) -> PolicyRow:
    """The tenant must be set."""
    return believed(keyring, await database.first(conn, PolicyRow, queries.POLICY))


def of_tenant_sync(conn: Connection, keyring: Keyring) -> PolicyRow:
    """For the relay."""
    with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        return believed(keyring, cursor.execute(queries.POLICY).fetchone())


def believed(keyring: Keyring, found: PolicyRow | None) -> PolicyRow:
    """An organisation without a row enforces nothing: no process takes a row away."""
    if found is None:
        return PolicyRow()
    if seals.POLICIES.holds(keyring, msgspec.structs.asdict(found), found.seal):
        return found
    return PolicyRow(
        tenant_id=found.tenant_id,
        enforced=True,
        federation=found.federation,
        version=found.version,
        is_genuine=False,
    )


def row(
    keyring: Keyring, before: PolicyRow, tenant_id: str, *, enforced: bool, break_glass: str | None
) -> dict[str, Any]:
    """The parameters of `SET_POLICY`. The tenant's policy must be locked."""
    values = {
        "tenant_id": tenant_id,
        "enforced": enforced,
        "break_glass_user_id": break_glass,
        "version": before.version + 1,
    }
    return values | {"seal": seals.POLICIES.seal(keyring, values)}
