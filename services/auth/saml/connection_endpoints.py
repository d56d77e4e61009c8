"""Connections: the HTTP door of a tenant's admin."""

from functools import partial
from typing import Any

import anyio
from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response

from services.auth import caps
from services.auth.apps.models import AppEventRow
from services.auth.apps.store import load_tenant
from services.auth.revocations import bell
from services.auth.saml import people, queries, rules, store
from services.auth.saml.models import Connection, ConnectionChange, ConnectionDraft, IdentityRow
from services.auth.saml.views import connection_view
from shared import audit, http, idempotency, pagination, problems
from shared.database import AsyncConnection, tenant_transaction
from shared.identity import Caller
from shared.pagination import Page

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
    return await rules.resolved(wanted, read, plain_http=may_be_plain(request))


async def create_connection(request: Request, caller: Caller, draft: ConnectionDraft) -> Response:
    fields = {"slo_url": ""} | await _resolved(request, caller, draft)
    rules.check_complete(fields)
    rules.check_roles(draft.attribute_mapping, draft.role_mapping)
    wanted = rules.pinned(fields.pop("certificates"))
    own_key, own_certificate = await anyio.to_thread.run_sync(store.new_own, request.state.settings.issuer)
    async with tenant_transaction(request, caller) as conn:
        if (answer := await idempotency.stored(conn, request, caller)) is not None:
            return answer
        await conn.execute(queries.LOCK_TENANT)
        settings, count = request.state.settings, queries.COUNT_CONNECTIONS
        await caps.require(conn, settings, caller.tenant_id, "connections", count)
        connection = await store.insert(conn, request.state.keyring, caller.tenant_id, fields, own_key, own_certificate)
        pinned = await store.pin(conn, connection, wanted)
        detail = {"entity_id": connection.entity_id, "certificates": pinned}
        await audit.record(conn, caller, "saml.connection_created", connection.connection_id, detail)
        location = f"/v1/saml/connections/{connection.connection_id}"
        response = http.created(await _shown(conn, request, connection), location)
        return await idempotency.keep(conn, request, caller, response)


async def _shown(conn: AsyncConnection, request: Request, connection: Connection) -> dict[str, Any]:
    pinned = await store.certificates_of(conn, connection.connection_id)
    domains = await store.domains_of(conn, connection.connection_id)
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
        connection = await store.load(conn, connection_id)
        return http.json(await _shown(conn, request, connection))


async def change_connection(request: Request, caller: Caller, connection_id: str, change: ConnectionChange) -> Response:
    """Changes what it names. Disabling ends the sessions the connection started and its people's grants; roles count at once."""
    named = await _resolved(request, caller, change)
    wanted = rules.pinned(named.pop("certificates")) if "certificates" in named else None
    async with tenant_transaction(request, caller) as conn:
        connection = await store.load(conn, connection_id, lock=True)
        attributes = named.get("attribute_mapping", rules.mapping_of(connection))
        rules.check_roles(attributes, named.get("role_mapping", connection.role_mapping))
        if named.get("status") == "disabled" and connection.status == "active":
            await refuse_last(conn, connection.connection_id)
            await _end_access(conn, connection.connection_id, "connection disabled")
        if "role_mapping" in named and named["role_mapping"] != connection.role_mapping:
            await people.apply_mapping(conn, connection.connection_id, named["role_mapping"])
        connection = await store.save(conn, connection, named)
        detail: dict[str, Any] = {"fields": sorted(named)}
        if wanted is not None:
            detail["certificates"] = await store.pin(conn, connection, wanted)
        await audit.record(conn, caller, "saml.connection_changed", connection.connection_id, detail)
        shown = await _shown(conn, request, connection)
    await bell.ring(request.state.redis)
    return http.json(shown)


async def _end_access(conn: AsyncConnection, connection_id: str, why: str) -> None:
    """Ends the sessions that a connection started, those about to start, and what apps hold in its people's names."""
    await conn.execute(queries.END_SESSIONS_OF_CONNECTION, (connection_id,))
    await conn.execute(queries.DELETE_TICKETS_OF_CONNECTION, (connection_id,))
    await people.revoke(conn, queries.GRANTS_OF_CONNECTION, connection_id, why)


async def refuse_last(conn: AsyncConnection, connection_id: str) -> None:
    """While passwords are refused, the last way in stays. Raises a 409 Problem."""
    await conn.execute(queries.LOCK_TENANT)
    policy = await (await conn.execute(queries.POLICY)).fetchone()
    others = await (await conn.execute(queries.OTHER_ACTIVE_CONNECTIONS, (connection_id,))).fetchone()
    if policy is not None and policy[0] and others is not None and not others[0]:
        raise problems.conflict("Sign-in through a connection is enforced, and this is the last; end that first.")


async def delete_connection(request: Request, caller: Caller, connection_id: str) -> Response:
    """Its sessions and its people's grants end, and its domains and links to users go with it; the users stay."""
    async with tenant_transaction(request, caller) as conn:
        connection = await store.load(conn, connection_id, lock=True)
        await refuse_last(conn, connection.connection_id)
        await _end_access(conn, connection.connection_id, "connection deleted")
        await conn.execute(queries.DELETE_CONNECTION, (connection.connection_id,))
        await audit.record(conn, caller, "saml.connection_deleted", connection.connection_id)
    await bell.ring(request.state.redis)
    return http.no_content()


async def list_events(request: Request, caller: Caller, connection_id: str, page: Page) -> Response:
    """Sign-ins and logouts of the last 30 days that were refused, and why; never whose."""
    parameters = {"connection_id": connection_id, "after": pagination.after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        await store.load(conn, connection_id)
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
        await store.load(conn, connection_id)
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
        connection = await store.load(conn, connection_id, lock=True)
        if not (await conn.execute(queries.UNLINK, (connection.connection_id, user_id))).rowcount:
            raise problems.not_found()
        await conn.execute(queries.END_SESSIONS_OF_USER, (connection.connection_id, user_id))
        await conn.execute(queries.DELETE_TICKETS_OF_USER, (connection.connection_id, user_id))
        await people.revoke(conn, queries.GRANTS_OF_USER, user_id, "unlinked from the connection")
        await audit.record(conn, caller, "saml.user_unlinked", user_id, {"connection": connection.connection_id})
    await bell.ring(request.state.redis)
    return http.no_content()
