"""What signing in asks of SAML: does this address belong to an organisation with its own sign-in, and must it be used?"""

from psycopg.rows import class_row
from starlette.requests import Request

from services.auth.saml import domains, queries
from services.auth.saml.models import Federated
from shared.database import AsyncConnection, aset_tenant, transaction


async def of_email(conn: AsyncConnection, email: str) -> Federated | None:
    """The connection that the domain of an address is proven for, whoever's it is."""
    domain = domains.of_email(email)
    if domain is None:
        return None
    async with conn.cursor(row_factory=class_row(Federated)) as cursor:
        await cursor.execute(queries.FIND_DOMAIN, (domain,))
        return await cursor.fetchone()


async def asks_address_first(request: Request, tenant_id: str) -> bool:
    """Whether people of the organisation whose app this is may sign in elsewhere, so that no password is asked for before."""
    if not tenant_id:
        return False
    async with transaction(request) as conn:
        await aset_tenant(conn, tenant_id)
        row = await (await conn.execute(queries.HAS_OPEN_DOMAIN)).fetchone()
    return row is not None and bool(row[0])


async def refuses_password(conn: AsyncConnection, user_id: str) -> bool:
    """Whether this user's organisation enforces its own sign-in, and they are not its break-glass user. The tenant must be set."""
    # Enforcing waits for a sign-in that was let through in this transaction, and then ends it.
    await conn.execute(queries.HOLD_TENANT)
    row = await (await conn.execute(queries.MUST_FEDERATE, (user_id,))).fetchone()
    return row is not None and bool(row[0])
