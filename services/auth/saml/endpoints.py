"""Connections, their e-mail domains and the sign-in policy: the endpoints of an organisation's administrator."""

from functools import partial
from typing import Any

import anyio
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps.models import AppEventRow
from services.auth.apps.store import load_tenant
from services.auth.revocations import bell
from services.auth.saml import connections, domains, people, queries
from services.auth.saml.domains import Resolver
from services.auth.saml.models import (
    Connection,
    ConnectionChange,
    ConnectionDraft,
    DomainDraft,
    DomainRow,
    IdentityRow,
    PolicyChange,
    PolicyRow,
)
from services.auth.saml.views import connection_view, domain_view, policy_view
from services.auth.signin import cookies
from shared import audit, http, idempotency, pagination, problems
from shared.caps import Cap, require_room
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.pagination import Page
from shared.problems import FieldError

CAPABILITY = "federation"


async def require_federation(request: Request, caller: Caller) -> None:
    """Raises a 403 Problem, `access-on-request`, where federation is not open for the organisation."""
    async with tenant_transaction(request, caller) as conn:
        if not (await load_tenant(conn, caller.tenant_id)).federation:
            raise problems.access_on_request(CAPABILITY)


def may_be_plain(request: Request) -> bool:
    """An identity provider without TLS is taken only by a stack that is reached so itself."""
    return request.state.settings.issuer.startswith("http://")


async def _resolved(request: Request, caller: Caller, wanted: ConnectionDraft | ConnectionChange) -> dict[str, Any]:
    read = partial(request.state.readers.metadata, tenant_id=caller.tenant_id)
    return await connections.resolved(wanted, read, plain_http=may_be_plain(request))


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
        response = http.created(await _shown(conn, request, connection), location)
        return await idempotency.keep(conn, request, caller, response)


async def _shown(conn: AsyncConnection, request: Request, connection: Connection) -> dict[str, Any]:
    pinned = await connections.certificates_of(conn, connection.connection_id)
    domains = await connections.domains_of(conn, connection.connection_id)
    return connection_view(connection, request.state.settings.issuer, pinned, domains)


async def list_connections(request: Request, caller: Caller, page: Page) -> Response:
    parameters = {"after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        async with conn.cursor(row_factory=class_row(Connection)) as cursor:
            await cursor.execute(queries.CONNECTIONS, parameters)
            rows, next_cursor = pagination.slice_page(
                request, await cursor.fetchall(), page, key=lambda row: row.connection_id
            )
        content = {"connections": [await _shown(conn, request, row) for row in rows], "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def read_connection(request: Request, caller: Caller, connection_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id)
        return http.json(await _shown(conn, request, connection))


async def change_connection(request: Request, caller: Caller, connection_id: str, change: ConnectionChange) -> Response:
    """Changes what it names. Disabling ends the sessions the connection started and its people's grants; roles count at once."""
    named = await _resolved(request, caller, change)
    wanted = connections.pinned(named.pop("certificates")) if "certificates" in named else None
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id, lock=True)
        attributes = named.get("attribute_mapping", connections.mapping_of(connection))
        connections.check_roles(attributes, named.get("role_mapping", connection.role_mapping))
        if named.get("status") == "disabled" and connection.status == "active":
            await _refuse_last_connection(conn, connection.connection_id)
            await _end_access(conn, connection.connection_id, "connection disabled")
        if "role_mapping" in named and named["role_mapping"] != connection.role_mapping:
            await people.apply_mapping(conn, connection.connection_id, named["role_mapping"])
        connection = await connections.save(conn, connection, named)
        detail: dict[str, Any] = {"fields": sorted(named)}
        if wanted is not None:
            detail["certificates"] = await connections.pin(conn, connection, wanted)
        await audit.record(conn, caller, "saml.connection_changed", connection.connection_id, detail)
        shown = await _shown(conn, request, connection)
    await bell.ring(request.state.redis)
    return http.json(shown)


async def _end_access(conn: AsyncConnection, connection_id: str, why: str) -> None:
    """Ends the sessions that a connection started, those about to start, and what apps hold in its people's names."""
    await conn.execute(queries.END_SESSIONS_OF_CONNECTION, (connection_id,))
    await conn.execute(queries.DELETE_TICKETS_OF_CONNECTION, (connection_id,))
    await people.revoke(conn, queries.GRANTS_OF_CONNECTION, connection_id, why)


async def _refuse_last_connection(conn: AsyncConnection, connection_id: str) -> None:
    """While passwords are refused, the last way in stays. Raises a 409 Problem."""
    await conn.execute(queries.LOCK_TENANT)
    policy = await (await conn.execute(queries.POLICY)).fetchone()
    others = await (await conn.execute(queries.OTHER_ACTIVE_CONNECTIONS, (connection_id,))).fetchone()
    if policy is not None and policy[0] and others is not None and not others[0]:
        raise problems.conflict("Sign-in through a connection is enforced, and this is the last; end that first.")


async def delete_connection(request: Request, caller: Caller, connection_id: str) -> Response:
    """Its sessions and its people's grants end, and its domains and links to users go with it; the users stay."""
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id, lock=True)
        await _refuse_last_connection(conn, connection.connection_id)
        await _end_access(conn, connection.connection_id, "connection deleted")
        await conn.execute(queries.DELETE_CONNECTION, (connection.connection_id,))
        await audit.record(conn, caller, "saml.connection_deleted", connection.connection_id)
    await bell.ring(request.state.redis)
    return http.no_content()


async def list_events(request: Request, caller: Caller, connection_id: str, page: Page) -> Response:
    """Sign-ins and logouts of the last 30 days that were refused, and why; never whose."""
    parameters = {"connection_id": connection_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await connections.load(conn, connection_id)
        async with conn.cursor(row_factory=class_row(AppEventRow)) as cursor:
            await cursor.execute(queries.CONNECTION_EVENTS, parameters)
            rows, next_cursor = pagination.slice_page(request, await cursor.fetchall(), page, key=lambda row: row.id)
    events = [
        {"id": row.id, "at": row.at, "reason": row.kind, "detail": row.reason, "trace_id": row.trace_id} for row in rows
    ]
    return http.json(
        {"events": events, "next_cursor": next_cursor}, headers=pagination.link_header(request, next_cursor)
    )


async def list_users(request: Request, caller: Caller, connection_id: str, page: Page) -> Response:
    """Who signs in through the connection, with the roles of their last sign-in."""
    parameters = {"connection_id": connection_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await connections.load(conn, connection_id)
        async with conn.cursor(row_factory=class_row(IdentityRow)) as cursor:
            await cursor.execute(queries.IDENTITIES, parameters)
            rows, next_cursor = pagination.slice_page(
                request, await cursor.fetchall(), page, key=lambda row: row.user_id
            )
    content = {"users": list(rows), "next_cursor": next_cursor}
    return http.json(content, headers=pagination.link_header(request, next_cursor))


async def unlink_user(request: Request, caller: Caller, connection_id: str, user_id: str) -> Response:
    """Forgets which NameID a user has, after which the address may be linked to another; ends their sessions through it and grants."""
    async with tenant_transaction(request, caller) as conn:
        connection = await connections.load(conn, connection_id, lock=True)
        if not (await conn.execute(queries.UNLINK, (connection.connection_id, user_id))).rowcount:
            raise problems.not_found()
        await conn.execute(queries.END_SESSIONS_OF_USER, (connection.connection_id, user_id))
        await conn.execute(queries.DELETE_TICKETS_OF_USER, (connection.connection_id, user_id))
        await people.revoke(conn, queries.GRANTS_OF_USER, user_id, "unlinked from the connection")
        await audit.record(conn, caller, "saml.user_unlinked", user_id, {"connection": connection.connection_id})
    await bell.ring(request.state.redis)
    return http.no_content()


async def claim_domain(request: Request, caller: Caller, connection_id: str, draft: DomainDraft) -> Response:
    """Answers the DNS record to publish. Until it is proven, a claim has no effect and hinders nobody."""
    domain = domains.normalised(draft.domain)
    if domain is None:
        raise problems.invalid("That is no domain.", [FieldError("/domain", "not a domain name in ASCII")])
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        connection = await connections.load(conn, connection_id, lock=True)
        cap = Cap("domains", request.state.settings.most_domains, "A connection")
        await require_room(conn, cap, connection_id, queries.COUNT_DOMAINS, (connection_id,))
        row = await _claim(conn, caller, connection_id, domain)
        detail = {"domain": domain}
        await audit.record(conn, caller, "saml.domain_claimed", connection.connection_id, detail)
        location = f"/v1/saml/connections/{connection.connection_id}/domains/{domain}"
        return await idempotency.keep(conn, request, caller, http.created(domain_view(row), location))


async def _claim(conn: AsyncConnection, caller: Caller, connection_id: str, domain: str) -> DomainRow:
    async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
        await cursor.execute(queries.CLAIM_DOMAIN, (caller.tenant_id, domain, connection_id, cookies.new_token()))
        row = await cursor.fetchone()
    if row is None:
        raise problems.conflict("Your organisation has claimed this domain already, for this connection or another.")
    return row


async def _load_domain(conn: AsyncConnection, connection_id: str, domain: str) -> DomainRow:
    connection = await connections.load(conn, connection_id)
    async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
        await cursor.execute(queries.DOMAIN, (connection.connection_id, domain))
        row = await cursor.fetchone()
    if row is None:
        raise problems.not_found()
    return row


async def read_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        return http.json(domain_view(await _load_domain(conn, connection_id, domain)))


async def prove_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    """Looks for the record now, once. Raises Problem: 409 where it is not there, or another organisation has proven the domain."""
    async with tenant_transaction(request, caller) as conn:
        claimed = await _load_domain(conn, connection_id, domain)
    if claimed.verified_at is not None:
        return http.json(domain_view(claimed))
    await _look(request.state.resolver, claimed)
    try:
        async with tenant_transaction(request, caller) as conn:
            async with conn.cursor(row_factory=class_row(DomainRow)) as cursor:
                await cursor.execute(queries.PROVE_DOMAIN, (claimed.connection_id, claimed.domain, claimed.token))
                row = await cursor.fetchone()
            if row is None:
                raise problems.not_found()
            detail = {"domain": row.domain}
            await audit.record(conn, caller, "saml.domain_proven", claimed.connection_id, detail)
    except UniqueViolation:
        raise problems.conflict("Another organisation has proven that it owns this domain.") from None
    return http.json(domain_view(row))


async def _look(resolver: Resolver, claimed: DomainRow) -> None:
    name = f"{domains.CHALLENGE_LABEL}.{claimed.domain}"
    try:
        proven = await domains.is_proven(resolver, claimed.domain, claimed.token)
    except domains.Unanswered:
        raise problems.unavailable(f"No DNS server answers for {name}; try again.") from None
    if not proven:
        raise problems.conflict(f"The TXT record is not to be seen at {name} yet; DNS may need a while.")


async def delete_domain(request: Request, caller: Caller, connection_id: str, domain: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        row = await _load_domain(conn, connection_id, domain)
        await _refuse_last_domain(conn, row)
        await conn.execute(queries.DELETE_DOMAIN, (row.connection_id, row.domain))
        await audit.record(conn, caller, "saml.domain_deleted", row.connection_id, {"domain": row.domain})
    return http.no_content()


async def _refuse_last_domain(conn: AsyncConnection, row: DomainRow) -> None:
    await conn.execute(queries.LOCK_TENANT)
    policy = await _policy(conn)
    others = await (await conn.execute(queries.OTHER_PROVEN_DOMAINS, (row.domain,))).fetchone()
    if policy is not None and policy.enforced and others is not None and not others[0]:
        raise problems.conflict(
            "Sign-in through a connection is enforced, and this is the last domain; end that first."
        )


async def _policy(conn: AsyncConnection) -> PolicyRow | None:
    async with conn.cursor(row_factory=class_row(PolicyRow)) as cursor:
        await cursor.execute(queries.POLICY)
        return await cursor.fetchone()


async def read_policy(request: Request, caller: Caller) -> Response:
    async with tenant_transaction(request, caller) as conn:
        return http.json(policy_view(await _policy(conn)))


async def set_policy(request: Request, caller: Caller, wanted: PolicyChange) -> Response:
    """Enforcing ends what a password began, sessions and grants, but the break-glass user's."""
    async with tenant_transaction(request, caller) as conn:
        await conn.execute(queries.LOCK_TENANT)
        before = await _policy(conn)
        break_glass = await _break_glass(conn, wanted)
        if wanted.enforced:
            await _check_way_in(conn)
        await conn.execute(queries.SET_POLICY, (caller.tenant_id, wanted.enforced, break_glass))
        if wanted.enforced:
            await _end_password_access(conn, before, break_glass)
        detail = {"enforced": wanted.enforced, "break_glass": break_glass}
        await audit.record(conn, caller, "saml.policy_changed", caller.tenant_id, detail)
        policy = await _policy(conn)
    await bell.ring(request.state.redis)
    return http.json(policy_view(policy))


async def _end_password_access(conn: AsyncConnection, before: PolicyRow | None, break_glass: str | None) -> None:
    """Grants made while it was enforced already began elsewhere, but for those of who was the break-glass user until now."""
    await conn.execute(queries.END_PASSWORD_SESSIONS, (break_glass,))
    if before is None or not before.enforced:
        await people.revoke(conn, queries.GRANTS_BY_PASSWORD, break_glass or "", "passwords are refused")
    elif before.break_glass_user_id not in (None, break_glass):
        await people.revoke(conn, queries.GRANTS_OF_USER, before.break_glass_user_id or "", "passwords are refused")


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
        raise problems.invalid("That user cannot break the glass.", [FieldError("/break_glass_email", why)])
    return str(row[0])


async def _check_way_in(conn: AsyncConnection) -> None:
    row = await (await conn.execute(queries.HAS_WORKING_CONNECTION)).fetchone()
    if row is None or not row[0]:
        raise problems.conflict(
            "No active connection with a proven domain has signed anybody in yet; enforcing would lock everyone out."
        )
