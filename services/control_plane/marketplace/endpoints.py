"""HTTP endpoints of the marketplace."""

from starlette.requests import Request
from starlette.responses import Response

from services.control_plane import caps, contents
from services.control_plane.access import BASE
from services.control_plane.marketplace import queries, store
from services.control_plane.marketplace.models import (
    Consent,
    Installation,
    InstallationFilter,
    Listing,
    ListingDraft,
    ListingFilter,
    ListingRow,
)
from services.control_plane.packages.models import VersionDraft
from shared.storage import audit, idempotency
from shared.storage.database import every, page_of, tenant_transaction
from shared.web import http, identity, problems
from shared.web.identity import Caller

# Installing makes an app and sets its rules, as only an administrator may.
APPS = "platform:apps"


async def list_listings(request: Request, caller: Caller, page: ListingFilter) -> Response:
    parameters = {
        "kind": page.kind,
        "own": page.own,
        "tenant_id": caller.tenant_id,
        "after": http.page_after(request, page),
        "limit": page.limit + 1,
    }
    async with tenant_transaction(request, caller) as conn:
        listings, fitting = await page_of(
            conn, ListingRow, queries.LIST_LISTINGS, parameters, page, VersionDraft.max_bytes
        )
    return http.listed(request, "listings", listings, fitting, lambda listing: listing.id, ListingRow.shown)


async def publish_listing(request: Request, caller: Caller, draft: ListingDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        if stored := await idempotency.stored(conn, request, caller):
            return stored
        await caps.require(conn, request.state.settings, caps.LISTINGS, caller.tenant_id)
        listing, is_new = await store.publish(conn, caller, draft)
        await audit.record(conn, caller, "listing.published", listing.id, {"release": listing.release_id})
        if is_new:
            response = http.created(listing.shown(), location=f"{BASE}/listings/{listing.id}")
        else:
            response = http.json(listing.shown())
        return await idempotency.keep(conn, request, caller, response)


async def read_listing(request: Request, caller: Caller, listing_id: str) -> Listing:
    async with tenant_transaction(request, caller) as conn:
        return (await store.load_listing(conn, listing_id)).shown()


async def withdraw_listing(request: Request, caller: Caller, listing_id: str) -> Response:
    """Ends new installations of the listing. Existing installations stay."""
    async with tenant_transaction(request, caller) as conn:
        await store.withdraw(conn, caller, listing_id)
        await audit.record(conn, caller, "listing.withdrawn", listing_id)
    return http.no_content()


async def list_installations(request: Request, caller: Caller, page: InstallationFilter) -> Response:
    parameters = {"status": page.status, "after": http.page_after(request, page), "limit": page.limit + 1}
    async with tenant_transaction(request, caller) as conn:
        installations = await every(conn, Installation, queries.LIST_INSTALLATIONS, parameters)
    return http.listed(request, "installations", installations, page, lambda installation: installation.id)


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


async def read_installation(request: Request, caller: Caller, installation_id: str) -> Installation:
    async with tenant_transaction(request, caller) as conn:
        return await store.load(conn, installation_id)


async def download_installed(request: Request, caller: Caller, installation_id: str) -> Response:
    """The content of an active installation's version, from any publisher."""
    async with tenant_transaction(request, caller) as conn:
        installation = await store.load(conn, installation_id)
        row = await (await conn.execute(queries.SIZE, (installation.id,))).fetchone()
    if row is None or row[0] is None:
        raise problems.not_found("Only the content of an active installation can be downloaded.")

    async def read(first: int, length: int) -> bytes:
        async with tenant_transaction(request, caller) as conn:
            return await contents.read_piece(conn, queries.READ_CONTENT, first, length, installation.id)

    return await contents.whole(installation.content_sha256, row[0]).response(request, read)


async def uninstall(request: Request, caller: Caller, installation_id: str) -> Installation:
    """Every gateway refuses the app's tokens within a second after auth receives the message."""
    async with tenant_transaction(request, caller) as conn:
        ended = await store.uninstall(conn, caller, installation_id)
        await audit.record(conn, caller, "installation.uninstalled", ended.id, {"client_id": ended.client_id})
    return ended


async def require_administrator(request: Request, caller: Caller) -> None:
    """Raises a 403 Problem unless the caller also administers the organisation's apps."""
    identity.require(request, APPS)
