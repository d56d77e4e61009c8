"""Connections, their e-mail domains and the sign-in policy: the endpoints of an organisation's administrator."""

from functools import partial
from typing import Any

import anyio
from psycopg.errors import UniqueViolation
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps.scopes import CHANGE_PEOPLE
from services.auth.apps.store import load_tenant
from services.auth.people.acting import may_federate
from services.auth.revocations import bell, watermarks
from services.auth.revocations.watermarks import Ended
from services.auth.saml import connections, domains, policies, queries, roles
from services.auth.saml.models import (
    Connection,
    ConnectionChange,
    ConnectionDraft,
    ConnectionRow,
    Domain,
    DomainDraft,
    DomainRow,
    IdentityProviderRead,
    LinkedUser,
    MetadataDraft,
    Policy,
    PolicyChange,
    RefusedSignIn,
)
from services.auth.signin import cookies
from shared.storage import audit, database, idempotency
from shared.storage.caps import Cap, require_room
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import http, problems
from shared.web.http import Page
from shared.web.identity import Caller
from shared.web.problems import FieldError

CAPABILITY = "federation"


async def require_federation(request: Request, caller: Caller) -> None:
    """Raises a 403 Problem: `access-on-request` where federation is not open, or for a person who may not change people."""
    if not may_federate(caller):
        raise problems.insufficient_scope(CHANGE_PEOPLE, caller.deidentification)
    async with tenant_transaction(request, caller) as conn:
        if not (await load_tenant(conn, caller.tenant_id)).federation:
            raise problems.access_on_request(CAPABILITY)


async def _resolved(
    request: Request, caller: Caller, wanted: ConnectionDraft | ConnectionChange | MetadataDraft
) -> dict[str, Any]:
    """The fields that `wanted` names. Only a stack that is itself reached over plain http takes an identity provider without TLS."""
    read = partial(request.state.readers.metadata, tenant_id=caller.tenant_id)
    plain_http = request.state.settings.issuer.startswith("http://")
    return await connections.resolved(wanted, read, plain_http=plain_http)


async def read_metadata(request: Request, caller: Caller, draft: MetadataDraft) -> IdentityProviderRead:
    fields = {"slo_url": ""} | await _resolved(request, caller, draft)
    return connections.read_of(fields, connections.pinned(fields["certificates"]))


async def create_connection(request: Request, caller: Caller, draft: ConnectionDraft) -> Response:
    fields = {"slo_url": ""} | await _resolved(request, caller, draft)
    connections.check_complete(fields)
    connections.check_roles(draft.attribute_mapping, draft.role_mapping)
    wanted = connections.pinned(fields.pop("certificates"))
    own_key, own_certificate = await anyio.to_thread.run_sync(connections.new_own, request.state.settings.issuer)
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        await conn.execute(queries.LOCK_TENANT)
        settings, count = request.state.settings, queries.COUNT_CONNECTIONS
        await caps.require(conn, settings, caller.tenant_id, "connections", count)
        connection = await connections.insert(
            conn, request.state.keyring, caller.tenant_id, fields, own_key, own_certificate
        )
        pinned = await connections.pin(conn, connection, wanted)
        detail = {"entity_id": connection.entity_id, "certificates": pinned}
        await audit.record(conn, caller, "saml.connection_created", connection.connection_id, detail)
        location = f"/v1/saml/connections/{connection.connection_id}"
        response = http.created(await connections.shown(conn, request.state.settings.issuer, connection), location)
        return await idempotency.keep(conn, request, caller, response)


async def list_connections(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        found, fitting = await database.page_of(
            conn, ConnectionRow, queries.CONNECTIONS, parameters, page, http.MAX_BODY
        )
        issuer = request.state.settings.issuer
        shown = [await connections.shown(conn, issuer, row) for row in found]
    return http.listed(request, "connections", shown, fitting, lambda connection: connection.id)


async def read_connection(request: Request, caller: Caller, connection_id: str) -> Connection:
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id)
        return await connections.shown(conn, request.state.settings.issuer, connection)


async def change_connection(
    request: Request, caller: Caller, connection_id: str, change: ConnectionChange
) -> Connection:
    """Disabling ends the sessions that the connection started and the grants of its people. Changed roles count at once."""
    named = await _resolved(request, caller, change)
    wanted = connections.pinned(named.pop("certificates")) if "certificates" in named else None
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id, lock=True)
        attributes = named.get("attribute_mapping", connections.mapping_of(connection))
        connections.check_roles(attributes, named.get("role_mapping", connection.role_mapping))
        ended = Ended([], [])
        if named.get("status") == "disabled" and connection.status == "active":
            await _refuse_last_connection(conn, connection.connection_id)
            ended = await _end_access(conn, connection.connection_id, "connection disabled")
        if "role_mapping" in named and named["role_mapping"] != connection.role_mapping:
            grants, apps = await roles.apply(conn, connection.connection_id, named["role_mapping"])
            ended = Ended(ended.grants + grants, ended.apps + apps)
        connection = await connections.save(conn, connection, named)
        detail: dict[str, Any] = {"fields": sorted(named)}
        if wanted is not None:
            detail["certificates"] = await connections.pin(conn, connection, wanted)
        await audit.record(conn, caller, "saml.connection_changed", connection.connection_id, detail)
        shown = await connections.shown(conn, request.state.settings.issuer, connection)
        await watermarks.revoke_ended(conn, ended)
    await bell.ring(request.state.redis)
    return shown


async def _end_access(conn: AsyncConnection, connection_id: str, why: str) -> Ended:
    """Ends the sessions that a connection started, its tickets, and the grants of its people. The result is for `revoke_ended`."""
    await conn.execute(queries.END_SESSIONS_OF_CONNECTION, (connection_id,))
    await conn.execute(queries.DELETE_TICKETS_OF_CONNECTION, (connection_id,))
    return await watermarks.end_grants_of_people(conn, queries.PEOPLE_OF_CONNECTION, {"whose": connection_id}, why)


async def _refuse_last_connection(conn: AsyncConnection, connection_id: str) -> None:
    """Raises a 409 Problem for the last connection of an organisation that refuses passwords."""
    await conn.execute(queries.LOCK_TENANT)
    policy = await policies.of_tenant(conn)
    others = await (await conn.execute(queries.OTHER_ACTIVE_CONNECTIONS, (connection_id,))).fetchone()
    if policy.enforced and others is not None and not others[0]:
        raise problems.conflict("Sign-in through a connection is enforced, and this is the last; end that first.")


async def delete_connection(request: Request, caller: Caller, connection_id: str) -> Response:
    """Ends its sessions and the grants of its people. Its domains go with it, and the relay deletes its links to users; the users stay."""
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id, lock=True)
        await _refuse_last_connection(conn, connection.connection_id)
        ended = await _end_access(conn, connection.connection_id, "connection deleted")
        await conn.execute(queries.DELETE_CONNECTION, (connection.connection_id,))
        await audit.record(conn, caller, "saml.connection_deleted", connection.connection_id)
        await watermarks.revoke_ended(conn, ended)
    await bell.ring(request.state.redis)
    return http.no_content()


async def list_events(request: Request, caller: Caller, connection_id: str, page: Page) -> Response:
    """Refused sign-ins and logouts of the last 30 days, with the reason and without the person."""
    parameters = {"connection_id": connection_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await connections.load(conn, connection_id)
        found = await database.every(conn, RefusedSignIn, queries.CONNECTION_EVENTS, parameters)
    return http.listed(request, "events", found, page, lambda row: row.id)


async def list_users(request: Request, caller: Caller, connection_id: str, page: Page) -> Response:
    """The people who sign in through the connection, with the roles of their last sign-in."""
    parameters = {"connection_id": connection_id, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await connections.load(conn, connection_id)
        found = await database.every(conn, LinkedUser, queries.IDENTITIES, parameters)
    return http.listed(request, "users", found, page, lambda row: row.user_id)


async def unlink_user(request: Request, caller: Caller, connection_id: str, user_id: str) -> Response:
    """Deletes the link of a user to a NameID. Ends their sessions through the connection and their grants."""
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id, lock=True)
        if not (await conn.execute(queries.UNLINK, (connection.connection_id, user_id))).rowcount:
            raise problems.not_found()
        await conn.execute(queries.END_SESSIONS_OF_USER, (connection.connection_id, user_id))
        await conn.execute(queries.DELETE_TICKETS_OF_USER, (connection.connection_id, user_id))
        ended = await watermarks.end_grants(
            conn, queries.GRANTS_OF_USER, {"whose": user_id}, "unlinked from the connection"
        )
        await audit.record(conn, caller, "saml.user_unlinked", user_id, {"connection": connection.connection_id})
        await watermarks.revoke_all(conn, "grant", ended)
    await bell.ring(request.state.redis)
    return http.no_content()


# --- E-mail domains ---------------------------------------------------------------------------------------------------


async def claim_domain(request: Request, caller: Caller, connection_id: str, draft: DomainDraft) -> Response:
    """Answers the DNS record to publish. Until it is proven, a claim has no effect and blocks no other organisation."""
    domain = domains.normalised(draft.domain)
    if domain is None:
        raise problems.invalid("That is no domain.", [FieldError("/domain", "not a domain name in ASCII")])
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        connection = await connections.load(conn, connection_id, lock=True)
        cap = Cap("domains", request.state.settings.most_domains, "A connection")
        await require_room(conn, cap, connection_id, queries.COUNT_DOMAINS, (connection_id,))
        claim = (caller.tenant_id, domain, connection_id, cookies.new_token())
        row = await database.first(conn, DomainRow, queries.CLAIM_DOMAIN, claim)
        if row is None:
            raise problems.conflict(
                "Your organisation has claimed this domain already, for this connection or another."
            )
        detail = {"domain": domain}
        await audit.record(conn, caller, "saml.domain_claimed", connection.connection_id, detail)
        location = f"/v1/saml/connections/{connection.connection_id}/domains/{domain}"
        return await idempotency.keep(conn, request, caller, http.created(domains.shown(row), location))


async def _load_domain(conn: AsyncConnection, connection_id: str, domain: str) -> DomainRow:
    connection = await connections.load(conn, connection_id)
    return await database.found(conn, DomainRow, queries.DOMAIN, (connection.connection_id, domain))


async def read_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Domain:
    async with tenant_transaction(request, caller) as conn:
        return domains.shown(await _load_domain(conn, connection_id, domain))


async def prove_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Domain:
    """Looks for the record once. Raises Problem: 409 if it is absent, or if another organisation has proven the domain."""
    async with tenant_transaction(request, caller) as conn:
        claimed = await _load_domain(conn, connection_id, domain)
    if claimed.verified_at is not None:
        return domains.shown(claimed)
    name = f"{domains.CHALLENGE_LABEL}.{claimed.domain}"
    try:
        proven = await domains.is_proven(request.state.resolver, claimed.domain, claimed.token)
    except domains.Unanswered:
        raise problems.unavailable(f"No DNS server answers for {name}; try again.") from None
    if not proven:
        raise problems.conflict(f"The TXT record is not visible at {name} yet; DNS may need some time.")
    try:
        async with tenant_transaction(request, caller) as conn:
            claim = (claimed.connection_id, claimed.domain, claimed.token)
            row = await database.found(conn, DomainRow, queries.PROVE_DOMAIN, claim)
            detail = {"domain": row.domain}
            await audit.record(conn, caller, "saml.domain_proven", claimed.connection_id, detail)
    except UniqueViolation:
        raise problems.conflict("Another organisation has proven that it owns this domain.") from None
    return domains.shown(row)


async def delete_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        row = await _load_domain(conn, connection_id, domain)
        await conn.execute(queries.LOCK_TENANT)
        policy = await policies.of_tenant(conn)
        others = await (await conn.execute(queries.OTHER_PROVEN_DOMAINS, (row.domain,))).fetchone()
        if policy.enforced and others is not None and not others[0]:
            raise problems.conflict(
                "Sign-in through a connection is enforced, and this is the last domain; end that first."
            )
        await conn.execute(queries.DELETE_DOMAIN, (row.connection_id, row.domain))
        await audit.record(conn, caller, "saml.domain_deleted", row.connection_id, {"domain": row.domain})
    return http.no_content()


# --- The sign-in policy -----------------------------------------------------------------------------------------------


async def read_policy(request: Request, caller: Caller) -> Policy:
    async with tenant_transaction(request, caller) as conn:
        return (await policies.of_tenant(conn)).shown()


async def set_policy(request: Request, caller: Caller, wanted: PolicyChange) -> Policy:
    """Enforcing ends the sessions and grants that began with a password, except those of the break-glass user."""
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(queries.LOCK_TENANT)
        before = await policies.of_tenant(conn)
        break_glass = await _break_glass(conn, wanted)
        if wanted.enforced:
            works = await (await conn.execute(queries.HAS_WORKING_CONNECTION)).fetchone()
            if works is None or not works[0]:
                raise problems.conflict(
                    "No active connection with a proven domain has signed anybody in yet; enforcing would lock everyone out."
                )
        await conn.execute(queries.SET_POLICY, (caller.tenant_id, wanted.enforced, break_glass))
        ended, why = Ended([], []), "passwords are refused"
        if wanted.enforced:
            await conn.execute(queries.END_PASSWORD_SESSIONS, (break_glass,))
        if wanted.enforced and not before.enforced:
            whose = {"whose": break_glass or ""}
            ended = await watermarks.end_grants_of_people(conn, queries.PEOPLE_WITH_PASSWORD, whose, why)
        elif wanted.enforced and before.break_glass_user_id not in (None, break_glass):
            # While the policy was enforced, only the former break-glass user could begin grants with a password.
            whose = {"whose": before.break_glass_user_id}
            ended = Ended(await watermarks.end_grants(conn, queries.GRANTS_OF_USER, whose, why), [])
        detail = {"enforced": wanted.enforced, "break_glass": break_glass}
        await audit.record(conn, caller, "saml.policy_changed", caller.tenant_id, detail)
        policy = await policies.of_tenant(conn)
        await watermarks.revoke_ended(conn, ended)
    await bell.ring(request.state.redis)
    return policy.shown()


async def _break_glass(conn: AsyncConnection, wanted: PolicyChange) -> str | None:
    """The user whose password keeps working. Raises a 422 Problem."""
    if wanted.break_glass_email is None:
        if wanted.enforced:
            why = "is missing: someone must get in when the identity provider does not answer"
            raise problems.invalid("A break-glass user is needed.", [FieldError("/break_glass_email", why)])
        return None
    row = await (await conn.execute(queries.USER_WITH_PASSWORD, (wanted.break_glass_email,))).fetchone()
    if row is None:
        why = "is no active user of your organisation with a password"
        raise problems.invalid("That user cannot be the break-glass user.", [FieldError("/break_glass_email", why)])
    return str(row[0])
