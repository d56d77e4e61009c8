"""Listings and installations: published, installed and uninstalled by calls, settled by auth's messages.

An installation asks auth for an app. Auth's answer makes it active or failed; deleting the app ends it.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from msgspec.structs import asdict
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.control_plane.automations.lifecycle import make_installed, send_interest
from services.control_plane.automations.queries import STOP_THOSE_OF_APP
from services.control_plane.marketplace import queries
from services.control_plane.marketplace.models import Consent, Installation, ListingDraft, ListingRow
from shared.messaging import outbox
from shared.messaging.messages import AppInstalled, InstallApp, PlatformApp, Received, UninstallApp
from shared.primitives import ids
from shared.storage.database import AsyncConnection, Connection, first, found, set_tenant
from shared.web import problems
from shared.web.identity import Caller
from shared.web.problems import FieldError


async def publish(conn: AsyncConnection, caller: Caller, draft: ListingDraft) -> tuple[ListingRow, bool]:
    """The package's one listing, and whether it is new. A newer release replaces the older. Raises a 422 Problem."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        release = await (await cursor.execute(queries.LIVE_RELEASE, (draft.release_id,))).fetchone()
    if release is None:
        refusal = FieldError("/release_id", "is no release of this organisation that is live in production")
        raise problems.invalid("This cannot be published; see errors.", [refusal])
    listing_id = ids.new_id("lst")
    row = release | asdict(draft)
    row |= {"id": listing_id, "tenant_id": caller.tenant_id, "automations": Jsonb(release["automations"])}
    listing = await found(conn, ListingRow, queries.PUBLISH, row)
    return listing, listing.id == listing_id


async def load_listing(conn: AsyncConnection, listing_id: str) -> ListingRow:
    """A published listing, or the tenant's own. Raises a 404 Problem for any other."""
    if not ids.is_id(listing_id, "lst"):
        raise problems.not_found()
    return await found(conn, ListingRow, queries.FIND_LISTING, (listing_id,))


async def withdraw(conn: AsyncConnection, caller: Caller, listing_id: str) -> ListingRow:
    """Raises a 404 Problem for a listing of another tenant too."""
    await load_listing(conn, listing_id)
    return await found(conn, ListingRow, queries.WITHDRAW, (listing_id, caller.tenant_id))


async def install(conn: AsyncConnection, caller: Caller, consent: Consent) -> Installation:
    """Asks auth for the app.

    Raises Problem: 422 for no such listing or another consent, 409 where the package is installed or the listing shows another version.
    """
    listing = None
    if ids.is_id(consent.listing_id, "lst"):
        listing = await first(conn, ListingRow, queries.FIND_LISTING, (consent.listing_id,))
    if listing is None or listing.status != "published":
        raise problems.invalid("There is nothing to install.", [FieldError("/listing_id", "is no published listing")])
    if consent.version != listing.version:
        raise problems.conflict("The listing shows another version by now; read it again.", version=listing.version)
    if errors := consent_errors(consent, listing):
        raise problems.invalid("Consent names exactly what the listing asks for; see errors.", errors)
    row: dict[str, Any] = asdict(listing) | {
        "id": ids.new_id("ins"),
        "tenant_id": caller.tenant_id,
        "listing_id": listing.id,
        "client_id": ids.new_id("app"),
        "automations": Jsonb(listing.automations),
        "graphql_bundles": listing.bundles,
        "consented_by": caller.client_id,
        "consented_by_user": caller.person_id,
    }
    made = await first(conn, Installation, queries.INSERT_INSTALLATION, row)
    if made is None:
        known = await (await conn.execute(queries.FIND_INSTALLED, (listing.package_id,))).fetchone()
        raise problems.conflict("This package is installed already.", id=known and known[0])
    message = InstallApp(
        installation_id=made.id,
        client_id=made.client_id,
        app_name=made.title,
        scopes=made.scopes,
        approved_events=made.event_types,
        graphql_bundles=made.graphql_bundles,
        consented_by=made.consented_by,
        consented_by_user=made.consented_by_user,
    )
    await outbox.add(conn, caller.tenant_id, message)
    return made


def consent_errors(consent: Consent, listing: ListingRow) -> list[FieldError]:
    """Consent equals the listing's requests: a later version cannot add any, an installation cannot lack any."""
    return [
        *_differences("/consented_scopes", consent.consented_scopes, listing.scopes),
        *_differences("/consented_event_types", consent.consented_event_types, listing.event_types),
        *_differences("/consented_bundles", consent.consented_bundles, listing.bundles),
    ]


def _differences(pointer: str, consented: Sequence[str], asked: Sequence[str]) -> list[FieldError]:
    errors = [FieldError(f"{pointer}/{n}", "is not asked for") for n, name in enumerate(consented) if name not in asked]
    if missing := [name for name in asked if name not in consented]:
        errors.append(FieldError(pointer, f"does not name {', '.join(missing)}"))
    if len(set(consented)) != len(consented):
        errors.append(FieldError(pointer, "names something twice"))
    return errors


async def load(
    conn: AsyncConnection, installation_id: str, query: LiteralString = queries.FIND_INSTALLATION
) -> Installation:
    """Raises a 404 Problem for an id that is not an installation of this tenant."""
    if not ids.is_id(installation_id, "ins"):
        raise problems.not_found()
    return await found(conn, Installation, query, (installation_id,))


async def uninstall(conn: AsyncConnection, caller: Caller, installation_id: str) -> Installation:
    """Stops the automations and asks auth to delete the app. A repeat gets the same answer.

    Raises a 409 Problem for an installation that is pending or failed.
    """
    installation = await load(conn, installation_id, queries.LOCK_INSTALLATION)
    if installation.status in ("uninstalling", "uninstalled"):
        return installation
    if installation.status != "active":
        detail = {"pending": "It is still being installed; try again.", "failed": "It was never installed."}
        raise problems.conflict(detail[installation.status], status_now=installation.status)
    ended = await found(conn, Installation, queries.UNINSTALL, (installation.id,))
    await conn.execute(STOP_THOSE_OF_APP, {"client_id": ended.client_id, "reason": "uninstalled"})
    await send_interest(conn, caller.tenant_id)
    message = UninstallApp(
        installation_id=ended.id,
        client_id=ended.client_id,
        uninstalled_by=caller.client_id,
        uninstalled_by_user=caller.person_id,
    )
    await outbox.add(conn, caller.tenant_id, message)
    return ended


def settle(conn: Connection, messages: Sequence[Received[AppInstalled]]) -> None:
    """Activates installations whose app auth made, with the package's automations; stores the reason for those it refused."""
    for message in messages:
        answer = message.body
        set_tenant(conn, message.tenant_id)
        if answer.outcome == "refused":
            conn.execute(queries.FAIL, (answer.reason, answer.installation_id))
            continue
        activated = conn.execute(queries.ACTIVATE, (answer.installation_id,)).fetchone()
        if activated is not None:
            make_installed(conn, message.tenant_id, *activated)


def end(conn: Connection, messages: Sequence[Received[PlatformApp]]) -> None:
    """Ends the installations of deleted apps, whether uninstalled or deleted by an administrator."""
    for message in messages:
        if message.body.status == "deleted":
            set_tenant(conn, message.tenant_id)
            conn.execute(queries.END, (message.body.client_id,))
