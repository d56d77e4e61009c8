"""The person of a verified assertion: attributes, roles and scopes, and the user with whom the NameID is linked.

At a first sign-in the user is found by address or made. Also answers which people may or must sign in through a connection.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from services.auth import caps
from services.auth.apps import scopes
from services.auth.people import rights
from services.auth.people import roles as people_roles
from services.auth.people.rights import Rights
from services.auth.revocations import watermarks
from services.auth.saml import connections, domains, policies, queries, roles
from services.auth.saml.assertions import Verified
from services.auth.saml.documents import refuse, shown
from services.auth.saml.models import AttributeMapping, Federated, OpenConnection
from services.auth.settings import Settings
from shared.primitives import ids
from shared.storage import database
from shared.storage.caps import is_full
from shared.storage.database import AsyncConnection, aset_tenant, transaction

# The attribute names for connections without a mapping: plain, X.500/LDAP (RFC 4524), MACE, WS-Federation.
EMAIL_NAMES = (
    "email",
    "mail",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "urn:mace:dir:attribute-def:mail",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
)
NAME_NAMES = (
    "displayName",
    "name",
    "urn:oid:2.16.840.1.113730.3.1.241",
    "urn:mace:dir:attribute-def:displayName",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
)
MAX_EMAIL = 254
MAX_NAME = 120


class Person(NamedTuple):
    """`scope_limit` holds the scopes that an app may get in this person's name; None without a limit."""

    email: str
    name: str
    roles: list[str]
    scope_limit: list[str] | None


def person_from(
    attributes: Mapping[str, Sequence[str]],
    name_id: str,
    wanted: AttributeMapping,
    role_mapping: Mapping[str, Sequence[str]],
) -> Person:
    """Raises MessageRefused: `email` without an address, `no_role` if roles are mapped but none of the person's is."""
    email = _first(attributes, (wanted.email,) if wanted.email else EMAIL_NAMES)
    if not email and not wanted.email:
        email = name_id
    where = wanted.email or "any of the usual attributes"
    if not email or "@" not in email or len(email) > MAX_EMAIL:
        refuse("email", f"no e-mail address in {where}")
    if (objection := domains.objection_to(email)) is not None:
        refuse("email", f"the e-mail address in {where} {objection}")
    name = _first(attributes, (wanted.name,) if wanted.name else NAME_NAMES)
    held = sorted(set(attributes.get(wanted.roles, ())) & set(role_mapping)) if role_mapping else []
    if role_mapping and not held:
        refuse("no_role", f"no value of the attribute {wanted.roles} is mapped to a role here")
    limit = scopes.of_roles(held, role_mapping) if role_mapping else None
    printable = "".join(character for character in name if character.isprintable())
    return Person(email, printable[:MAX_NAME] or email.partition("@")[0], held, limit)


def _first(attributes: Mapping[str, Sequence[str]], names: Iterable[str]) -> str:
    return next((value for name in names for value in attributes.get(name, ()) if value), "")


# --- Users ------------------------------------------------------------------------------------------------------------


class Admitted(NamedTuple):
    """`revoked` if apps lost access because the person's roles allow less than before."""

    user_id: str
    is_new: bool
    revoked: bool


async def admit(conn: AsyncConnection, settings: Settings, connection: OpenConnection, verified: Verified) -> Admitted:
    """Updates the user with the values of the identity provider. Raises MessageRefused. The tenant must be set.

    The NameID identifies the user, never the address alone. An address finds the user only at a first sign-in, only in the connection's
    tenant, and only in a domain that is proven for this connection.
    """
    wanted = AttributeMapping(**connection.attribute_mapping)
    person = person_from(verified.attributes, verified.name_id, wanted, connection.role_mapping)
    # One sign-in at a time for a NameID, so that a first sign-in in two tabs makes one user.
    await conn.execute(queries.LOCK_NAME, (f"{connection.connection_id} {verified.name_id}",))
    known = await database.first(conn, Rights, queries.IDENTITY, (connection.connection_id, verified.name_id))
    held = known or await _link(conn, settings, connection, verified.name_id, person)
    if not held.is_active:
        refuse("user_disabled", "the user is switched off here")
    role, limit = None, person.scope_limit
    if limit is None:
        # No mapping limits this person: the role is their own, or the connection's for people without one.
        role = held.role or connection.default_role
        limit = people_roles.of(role)
    row = rights.changed(held, roles=person.roles, scope_limit=limit, role=role)
    await conn.execute(queries.UPDATE_PERSON, row | {"name": person.name})
    beyond = await roles.end_beyond(conn, held.user_id, limit)
    await watermarks.revoke_all(conn, "grant", beyond)
    return Admitted(held.user_id, known is None, bool(beyond))


async def _link(
    conn: AsyncConnection, settings: Settings, connection: OpenConnection, name_id: str, person: Person
) -> Rights:
    domain = domains.of_email(person.email)
    proven = {
        row.domain
        for row in await connections.domains_of(conn, connection.connection_id)
        if row.verified_at is not None
    }
    if domain not in proven:
        refuse("domain", shown(f"{domain} is not proven for this connection"))
    if await database.first(conn, Rights, queries.USER_BY_EMAIL, (person.email,)) is None:
        cap = await caps.cap_of(conn, settings, connection.tenant_id, "users")
        if await is_full(conn, cap, connection.tenant_id, queries.COUNT_USERS, (connection.tenant_id,)):
            refuse("too_many_people", str(cap))
    held = rights.new(connection.tenant_id, ids.new_id("usr"), [])
    row = msgspec.structs.asdict(held) | {"email": person.email, "name": person.name}
    if not (await conn.execute(rights.INSERT, row)).rowcount:
        found = await database.first(conn, Rights, queries.USER_BY_EMAIL, (person.email,))
        if found is None:
            refuse("email_taken", "a user of another organisation has this address")
        held = found
        if not held.is_active:
            return held
    link = (connection.connection_id, name_id, connection.tenant_id, held.user_id)
    if not (await conn.execute(queries.LINK, link)).rowcount:
        refuse("already_linked", "the user with this address is linked to another NameID; unlink them first")
    return held


async def without_role(conn: AsyncConnection, connection: OpenConnection, name_id: str) -> str | None:
    """Ends all access of a known person without any role. Returns their id; None for an unknown person."""
    await conn.execute(queries.LOCK_NAME, (f"{connection.connection_id} {name_id}",))
    held = await database.first(conn, Rights, queries.IDENTITY, (connection.connection_id, name_id))
    if held is None:
        return None
    ended = await roles.end_without_role(conn, connection.connection_id, held)
    await watermarks.revoke_all(conn, "grant", ended)
    return held.user_id


# --- Where people sign in ---------------------------------------------------------------------------------------------


async def federation_of(conn: AsyncConnection, email: str) -> Federated | None:
    """The connection of any tenant for which the address' domain is proven."""
    domain = domains.of_email(email)
    if domain is None:
        return None
    return await database.first(conn, Federated, queries.FIND_DOMAIN, (domain,))


async def asks_address_first(request: Request, tenant_id: str) -> bool:
    """Whether the app's organisation has its own sign-in, so that the page asks for the address before a password."""
    if not tenant_id:
        return False
    async with transaction(request) as conn:
        await aset_tenant(conn, tenant_id)
        row = await (await conn.execute(queries.HAS_OPEN_DOMAIN)).fetchone()
    return row is not None and bool(row[0])


async def refuses_password(conn: AsyncConnection, user_id: str) -> bool:
    """Whether the user's organisation enforces its own sign-in and the user is not its break-glass user. The tenant must be set."""
    # A change of the policy waits for this transaction and then ends its session.
    await conn.execute(queries.HOLD_TENANT)
    policy = await policies.of_tenant(conn)
    return policy.enforced and policy.federation and policy.break_glass_user_id != user_id
