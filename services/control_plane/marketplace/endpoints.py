"""The marketplace: the HTTP door."""

from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps
from services.control_plane.access import BASE
from services.control_plane.marketplace import queries, store
from services.control_plane.marketplace.models import (
    Consent,
    Installation,
    InstallationFilter,
    ListingDraft,
    ListingFilter,
    ListingRow,
)
from services.control_plane.octets import octets
from shared import audit, http, idempotency, identity, pagination, problems
from shared.database import tenant_transaction
from shared.identity import Caller
from shared.rows import every

# An administrator's: installing makes an app and says what it may do.
APPS = "platform:apps"


async def list_listings(request: Request, caller: Caller, page: ListingFilter) -> Response:
    """What every organisation has published; with `own=true` the caller's own, those withdrawn too."""
    wanted = {"kind": page.kind, "own": page.own, "tenant_id": caller.tenant_id}
    async with tenant_transaction(request, caller) as conn:
        parameters = wanted | {"after": pagination.after(request, page), "limit": page.limit + 1}
        found = await every(conn, ListingRow, queries.LIST_LISTINGS, parameters)
    rows, cursor = pagination.slice_page(request, found, page, key=lambda listing: listing.id)
    content = {"listings": [store.shown(row) for row in rows], "next_cursor": cursor}
    return http.json(content, headers=pagination.link_header(request, cursor))


async def publish_listing(request: Request, caller: Caller, draft: ListingDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await caps.require(conn, request.state.settings, caps.LISTINGS, caller.tenant_id)
        listing, is_new = await store.publish(conn, caller, draft)
        await audit.record(conn, caller, "listing.published", listing.id, {"release": listing.release_id})
        if is_new:
            response = http.created(store.shown(listing), location=f"{BASE}/listings/{listing.id}")
        else:
            response = http.json(store.shown(listing))
        return await idempotency.keep(conn, request, caller, response)


async def read_listing(request: Request, caller: Caller, listing_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        return http.json(store.shown(await store.load_listing(conn, listing_id)))


async def withdraw_listing(request: Request, caller: Caller, listing_id: str) -> Response:
    """Nobody installs it any more; where it is installed it stays."""
    async with tenant_transaction(request, caller) as conn:
        await store.withdraw(conn, caller, listing_id)
        await audit.record(conn, caller, "listing.withdrawn", listing_id)
    return http.no_content()


async def list_installations(request: Request, caller: Caller, page: InstallationFilter) -> Response:
    async with tenant_transaction(request, caller) as conn:
        parameters = {"status": page.status, "after": pagination.after(request, page), "limit": page.limit + 1}
        found = await every(conn, Installation, queries.LIST_INSTALLATIONS, parameters)
    rows, cursor = pagination.slice_page(request, found, page, key=lambda installation: installation.id)
    return http.json({"installations": rows, "next_cursor": cursor}, headers=pagination.link_header(request, cursor))


async def install(request: Request, caller: Caller, consent: Consent) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await caps.require(conn, request.state.settings, caps.INSTALLATIONS, caller.tenant_id)
        made = await store.install(conn, caller, consent)
        detail = {"listing": made.listing_id, "scopes": made.scopes, "client_id": made.client_id}
        detail |= {"event_types": made.event_types, "bundles": made.graphql_bundles}
        await audit.record(conn, caller, "installation.consented", made.id, detail)
        response = http.created(made, location=f"{BASE}/installations/{made.id}")
        return await idempotency.keep(conn, request, caller, response)


async def read_installation(request: Request, caller: Caller, installation_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        return http.json(await store.load(conn, installation_id))


async def download_installed(request: Request, caller: Caller, installation_id: str) -> Response:
    """The content of an active installation's version, whoever published it."""
    async with tenant_transaction(request, caller) as conn:
        found = await store.load(conn, installation_id)
        row = await (await conn.execute(queries.CONTENT, (found.id,))).fetchone()
    if row is None or row[0] is None:
        raise problems.not_found("Only what is installed and active can be downloaded.")
    return octets(row[0], found.content_sha256)


async def uninstall(request: Request, caller: Caller, installation_id: str) -> Response:
    """The app's tokens end at every gateway within a second of auth's hearing of it."""
    async with tenant_transaction(request, caller) as conn:
        ended = await store.uninstall(conn, caller, installation_id)
        await audit.record(conn, caller, "installation.uninstalled", ended.id, {"client_id": ended.client_id})
    return http.json(ended, 202)


async def require_administrator(request: Request, caller: Caller) -> None:
    """Raises a 403 Problem unless the caller also administers the organisation's apps."""
    identity.require(request, APPS)
