"""Applies a connection's changed mapping of roles to its people: to few in the request, to many in the relay, in portions.

Of many, the request only writes a row of `changing_roles` and ends the tokens of the apps that lose access. Until a person's turn,
`scopes.exceeds` decides about their grants with the new mapping and the roles of their last sign-in. So it counts at once for everybody.
"""

from collections.abc import Mapping, Sequence

from psycopg.rows import class_row

from services.auth.apps import scopes
from services.auth.people import rights
from services.auth.people.rights import Rights
from services.auth.revocations import watermarks
from services.auth.revocations.queries import REVOKE_GRANTS
from services.auth.revocations.watermarks import Ended
from services.auth.saml import policies, queries
from services.auth.saml.models import PolicyRow
from shared.storage import database
from shared.storage.database import AsyncConnection, Connection, set_tenant

AT_ONCE = 200
"""People of a connection to whom a request applies a mapping."""
PEOPLE, GRANTS = 50, 500
"""A portion ends after so many people, or with the one whose grants are the last of so many."""
NO_ROLE = "no role left"
BEYOND = "beyond the user's roles"
RoleMapping = Mapping[str, Sequence[str]]


async def apply(conn: AsyncConnection, connection_id: str, mapping: RoleMapping) -> Ended:
    """People without a mapped role must sign in again. With an empty mapping, limits stay until the next sign-in.

    `revoke_ended` must follow, in the transaction that holds the connection and stores its mapping.
    """
    await conn.execute(queries.FORGET_CHANGING_ROLES, (connection_id,))
    if not mapping:
        return Ended([], [])
    exempt = _exempt(await policies.of_tenant(conn))
    everybody = {"connection_id": connection_id, "after": "", "most": AT_ONCE, "break_glass": exempt}
    if await (await conn.execute(queries.MORE_PEOPLE, everybody)).fetchone() is not None:
        await conn.execute(queries.BEGIN_CHANGING_ROLES, (connection_id,))
        held = await (await conn.execute(queries.GRANTED_BY_ROLES, everybody)).fetchall()
        return Ended([], sorted({app for app, granted, roles in held if scopes.exceeds(granted, roles, mapping)}))
    # Locks all grants first, because a grant is locked before the watermarks.
    await conn.execute(queries.HOLD_GRANTS_OF_CONNECTION, (connection_id,))
    ended: list[str] = []
    for person in await database.every(conn, Rights, queries.PEOPLE_WITH_ROLES, everybody):
        left = sorted(set(person.roles) & set(mapping))
        if left:
            limit = scopes.of_roles(left, mapping)
            await rights.change(conn, person, roles=left, scope_limit=limit, role=None)
            ended += await end_beyond(conn, person.user_id, limit)
        else:
            ended += await end_without_role(conn, connection_id, person)
    return Ended(ended, [])


def _exempt(policy: PolicyRow) -> str | None:
    """The user to whom no mapping is applied before their next sign-in."""
    return policy.break_glass_user_id if policy.enforced else None


async def end_without_role(conn: AsyncConnection, connection_id: str, person: Rights) -> list[str]:
    """Ends all access of a locked person without any role. Returns the ended grants, for `revoke_all`."""
    await rights.change(conn, person, roles=[], scope_limit=[], role=None)
    await conn.execute(queries.END_SESSIONS_OF_USER, (connection_id, person.user_id))
    await conn.execute(queries.DELETE_TICKETS_OF_USER, (connection_id, person.user_id))
    return await watermarks.end_grants(conn, queries.GRANTS_OF_USER, {"whose": person.user_id}, NO_ROLE)


async def end_beyond(conn: AsyncConnection, user_id: str, limit: Sequence[str] | None) -> list[str]:
    """Ends the grants of this person beyond their roles. Returns them, for `revoke_all`."""
    if limit is None:
        return []
    held = await (await conn.execute(queries.LIVE_GRANTS, (user_id,))).fetchall()
    beyond = [grant_id for grant_id, granted in held if scopes.beyond(limit, granted)]
    return await watermarks.end(conn, beyond, BEYOND)


# --- The relay --------------------------------------------------------------------------------------------------------


def next_changing(conn: Connection, failed: Sequence[str]) -> tuple[str, str] | None:
    """The connection whose turn it is, of those that have not `failed`, and its tenant. Tenants have turns."""
    waiting = conn.execute(queries.NEXT_CHANGING_ROLES, (list(failed),)).fetchone()
    return None if waiting is None else (waiting[0], waiting[1])


def apply_portion(conn: Connection, connection_id: str, tenant_id: str) -> None:
    """Applies a connection's mapping to its next people. The caller commits."""
    set_tenant(conn, tenant_id)
    # The lock keeps sign-ins through the connection back for the portion.
    held = conn.execute(queries.HOLD_CHANGING_ROLES, (connection_id,)).fetchone()
    if held is None:  # another relay has finished it meanwhile
        return
    mapping, after = held
    exempt = _exempt(policies.of_tenant_sync(conn))
    portion = {"connection_id": connection_id, "after": after, "most": PEOPLE, "break_glass": exempt}
    with conn.cursor(row_factory=class_row(Rights)) as cursor:
        people, grants = cursor.execute(queries.PEOPLE_WITH_ROLES, portion).fetchall(), 0
    for person in people:
        user_id, left = person.user_id, sorted(set(person.roles) & set(mapping))
        change = {"roles": left, "scope_limit": scopes.of_roles(left, mapping), "role": None}
        conn.execute(rights.SET, rights.changed(person, **change))
        if not left:
            conn.execute(queries.END_SESSIONS_OF_USER, (connection_id, user_id))
            conn.execute(queries.DELETE_TICKETS_OF_USER, (connection_id, user_id))
        # Their tokens ended with the decision.
        live = conn.execute(queries.LIVE_GRANTS, (user_id,)).fetchall()
        beyond = [grant_id for grant_id, granted in live if scopes.exceeds(granted, left, mapping)]
        conn.execute(REVOKE_GRANTS, (BEYOND if left else NO_ROLE, beyond))
        after, grants = user_id, grants + len(live)
        if grants >= GRANTS:
            break
    if len(people) == PEOPLE or (people and after != people[-1].user_id):
        conn.execute(queries.GO_ON_WITH_ROLES, (after, connection_id))
    else:
        conn.execute(queries.FORGET_CHANGING_ROLES, (connection_id,))
        conn.execute(queries.HAD_A_TURN_OF_ROLES, (tenant_id,))
