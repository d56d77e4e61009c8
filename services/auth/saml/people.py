"""Who a verified assertion is about: the user its NameID is linked to, or at a first sign-in one who is found or made."""

from collections.abc import Mapping, Sequence
from typing import LiteralString, NamedTuple

from services.auth import caps
from services.auth.revocations import watermarks
from services.auth.saml import domains, mapping, queries, store
from services.auth.saml.assertions import Verified
from services.auth.saml.documents import refuse, shown
from services.auth.saml.mapping import Person
from services.auth.saml.models import AttributeMapping, OpenConnection
from services.auth.settings import Settings
from shared import ids
from shared.caps import is_full
from shared.database import AsyncConnection


class Admitted(NamedTuple):
    """`revoked` says that apps lost access, since the person's roles allow less than before."""

    user_id: str
    is_new: bool
    revoked: bool


async def admit(conn: AsyncConnection, settings: Settings, connection: OpenConnection, verified: Verified) -> Admitted:
    """Brings the user up to date with what the identity provider says. Raises Refused. The tenant must be set.

    Whose NameID it is decides, never an address alone: addresses only find the user of a first sign-in, only in the connection's
    own tenant, and only in a domain that is proven for this connection.
    """
    wanted = AttributeMapping(**connection.attribute_mapping)
    person = mapping.person(verified.attributes, verified.name_id, wanted, connection.role_mapping)
    # One at a time for a NameID, so that a person's first sign-in in two tabs makes one user.
    await conn.execute(queries.LOCK_NAME, (f"{connection.connection_id} {verified.name_id}",))
    known = await (await conn.execute(queries.IDENTITY, (connection.connection_id, verified.name_id))).fetchone()
    user_id, is_active = known or await _link(conn, settings, connection, verified.name_id, person)
    if not is_active:
        refuse("user_disabled", "the user is switched off here")
    await conn.execute(queries.UPDATE_PERSON, (person.name, person.roles, person.scope_limit, user_id))
    revoked = await _revoke_beyond(conn, user_id, person.scope_limit)
    return Admitted(user_id, known is None, revoked)


async def _link(
    conn: AsyncConnection, settings: Settings, connection: OpenConnection, name_id: str, person: Person
) -> tuple[str, bool]:
    domain = domains.of_email(person.email)
    proven = {
        row.domain for row in await store.domains_of(conn, connection.connection_id) if row.verified_at is not None
    }
    if domain not in proven:
        refuse("domain", shown(f"{domain} is not proven for this connection"))
    await _require_room(conn, settings, connection.tenant_id, person.email)
    user_id = ids.new_id("usr")
    row = (user_id, connection.tenant_id, person.email, person.name)
    if not (await conn.execute(queries.INSERT_USER, row)).rowcount:
        found = await (await conn.execute(queries.USER_BY_EMAIL, (person.email,))).fetchone()
        if found is None:
            refuse("email_taken", "a user of another organisation has this address")
        if not found[1]:
            return found
        user_id = found[0]
    link = (connection.connection_id, name_id, connection.tenant_id, user_id)
    if not (await conn.execute(queries.LINK, link)).rowcount:
        refuse("already_linked", "the user with this address is linked to another NameID; unlink them first")
    return user_id, True


async def _require_room(conn: AsyncConnection, settings: Settings, tenant_id: str, email: str) -> None:
    """Raises Refused where the organisation may have no further user, and has none with this address."""
    if await (await conn.execute(queries.USER_BY_EMAIL, (email,))).fetchone() is not None:
        return
    cap = await caps.cap_of(conn, settings, tenant_id, "users")
    if await is_full(conn, cap, tenant_id, queries.COUNT_USERS, (tenant_id,)):
        refuse("too_many_people", str(cap))


async def without_role(conn: AsyncConnection, connection: OpenConnection, name_id: str) -> str | None:
    """Takes all from someone here who comes back with no role at all; their id, None for a stranger."""
    await conn.execute(queries.LOCK_NAME, (f"{connection.connection_id} {name_id}",))
    known = await (await conn.execute(queries.IDENTITY, (connection.connection_id, name_id))).fetchone()
    if known is None:
        return None
    user_id: str = known[0]
    await _without_role(conn, connection.connection_id, user_id)
    return user_id


async def _without_role(conn: AsyncConnection, connection_id: str, user_id: str) -> None:
    await conn.execute(queries.SET_ROLES, ([], [], user_id))
    await conn.execute(queries.END_SESSIONS_OF_USER, (connection_id, user_id))
    await conn.execute(queries.DELETE_TICKETS_OF_USER, (connection_id, user_id))
    await revoke(conn, queries.GRANTS_OF_USER, user_id, "no role left")


async def apply_mapping(conn: AsyncConnection, connection_id: str, role_mapping: Mapping[str, Sequence[str]]) -> None:
    """A changed mapping counts at once for the roles people came with, and who has none of it must sign in anew.

    Where nothing is mapped any longer, limits stay until a sign-in lifts them.
    """
    if not role_mapping:
        return
    # Before the first of them ends: who ends a grant locks it before the watermarks.
    await conn.execute(queries.GRANTS_OF_CONNECTION, (connection_id,))
    for user_id, roles in await (await conn.execute(queries.PEOPLE_WITH_ROLES, (connection_id,))).fetchall():
        left = sorted(set(roles) & set(role_mapping))
        if left:
            limit = mapping.limit_of(left, role_mapping)
            await conn.execute(queries.SET_ROLES, (left, limit, user_id))
            await _revoke_beyond(conn, user_id, limit)
        else:
            await _without_role(conn, connection_id, user_id)


async def revoke(conn: AsyncConnection, which: LiteralString, whose: str, why: str) -> bool:
    """Ends the grants that `which` selects with `whose`. Whether there were any, so that gateways are rung."""
    found = await (await conn.execute(which, (whose,))).fetchall()
    await watermarks.revoke_grants(conn, [grant_id for (grant_id,) in found], why)
    return bool(found)


async def _revoke_beyond(conn: AsyncConnection, user_id: str, limit: Sequence[str] | None) -> bool:
    """Ends what apps hold in this person's name beyond what their roles still allow."""
    if limit is None:
        return False
    held = await (await conn.execute(queries.LIVE_GRANTS, (user_id,))).fetchall()
    beyond = [grant_id for grant_id, scopes in held if mapping.beyond(limit, scopes)]
    return bool(await watermarks.revoke_grants(conn, beyond, "beyond the user's roles"))
