"""Publishing, installing and uninstalling inside a tenant's transaction."""

from typing import Any, LiteralString

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.control_plane.automations import interest
from services.control_plane.automations.queries import STOP_THOSE_OF_APP
from services.control_plane.marketplace import queries, rules
from services.control_plane.marketplace.models import Consent, Installation, Listing, ListingDraft, ListingRow
from services.control_plane.releases.rules import user_of
from shared import ids, outbox, problems
from shared.database import AsyncConnection
from shared.identity import Caller
from shared.messages import InstallApp, UninstallApp
from shared.problems import FieldError
from shared.rows import first


def shown(row: ListingRow) -> Listing:
    """Without what is its owner's alone."""
    fields: dict[str, Any] = {name: getattr(row, name) for name in Listing.__struct_fields__}
    fields["graphql_bundles"] = rules.bundles(row.automations)
    return Listing(**fields)


async def publish(conn: AsyncConnection, caller: Caller, draft: ListingDraft) -> tuple[ListingRow, bool]:
    """The listing, and whether it is new: a package has one, which a newer release takes over. Raises a 422 Problem."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        found = await (await cursor.execute(queries.LIVE_RELEASE, (draft.release_id,))).fetchone()
    if found is None:
        refusal = FieldError("/release_id", "is no release of this organisation that is live in production")
        raise problems.invalid("This cannot be published; see errors.", [refusal])
    listing_id = ids.new_id("lst")
    row = found | msgspec.structs.asdict(draft)
    row |= {"id": listing_id, "tenant_id": caller.tenant_id, "automations": Jsonb(found["automations"])}
    listing = await first(conn, ListingRow, queries.PUBLISH, row)
    assert listing is not None
    return listing, listing.id == listing_id


async def load_listing(conn: AsyncConnection, listing_id: str) -> ListingRow:
    """One that is published, or the tenant's own. Raises a 404 Problem for any other."""
    found = await first(conn, ListingRow, queries.FIND_LISTING, (listing_id,)) if ids.is_id(listing_id, "lst") else None
    if found is None:
        raise problems.not_found()
    return found


async def withdraw(conn: AsyncConnection, caller: Caller, listing_id: str) -> None:
    await load_listing(conn, listing_id)
    if await first(conn, ListingRow, queries.WITHDRAW, (listing_id, caller.tenant_id)) is None:
        raise problems.not_found()


async def install(conn: AsyncConnection, caller: Caller, consent: Consent) -> Installation:
    """Asks auth for the app. Raises Problem: 422 for no such listing or another consent, 409 where the package is installed or newer."""
    listing = await _installable(conn, consent)
    if consent.version != listing.version:
        raise problems.conflict("The listing shows another version by now; read it anew.", version=listing.version)
    if errors := rules.check_consent(consent, listing):
        raise problems.invalid("Consent names exactly what the listing asks for; see errors.", errors)
    row: dict[str, Any] = msgspec.structs.asdict(listing) | {
        "id": ids.new_id("ins"),
        "tenant_id": caller.tenant_id,
        "listing_id": listing.id,
        "client_id": ids.new_id("app"),
        "automations": Jsonb(listing.automations),
        "graphql_bundles": rules.bundles(listing.automations),
        "consented_by": caller.client_id,
        "consented_by_user": user_of(caller),
    }
    made = await first(conn, Installation, queries.INSERT_INSTALLATION, row)
    if made is None:
        known = await (await conn.execute(queries.FIND_INSTALLED, (listing.package_id,))).fetchone()
        raise problems.conflict("This package is installed already.", id=known and known[0])
    await outbox.add(conn, caller.tenant_id, _install_app(made))
    return made


async def _installable(conn: AsyncConnection, consent: Consent) -> ListingRow:
    found = None
    if ids.is_id(consent.listing_id, "lst"):
        found = await first(conn, ListingRow, queries.FIND_LISTING, (consent.listing_id,))
    if found is None or found.status != "published":
        raise problems.invalid("There is nothing to install.", [FieldError("/listing_id", "is no published listing")])
    return found


def _install_app(made: Installation) -> InstallApp:
    return InstallApp(
        installation_id=made.id,
        client_id=made.client_id,
        app_name=made.title,
        scopes=made.scopes,
        approved_events=made.event_types,
        graphql_bundles=made.graphql_bundles,
        consented_by=made.consented_by,
        consented_by_user=made.consented_by_user,
    )


async def load(
    conn: AsyncConnection, installation_id: str, query: LiteralString = queries.FIND_INSTALLATION
) -> Installation:
    """Raises a 404 Problem for anything that is not an installation of this tenant."""
    is_one = ids.is_id(installation_id, "ins")
    found = await first(conn, Installation, query, (installation_id,)) if is_one else None
    if found is None:
        raise problems.not_found()
    return found


async def uninstall(conn: AsyncConnection, caller: Caller, installation_id: str) -> Installation:
    """Stops its automations and asks auth to delete the app; once asked, it is answered alike. Raises 409 where there is no app yet."""
    found = await load(conn, installation_id, queries.FIND_INSTALLATION_TO_CHANGE)
    if found.status in ("uninstalling", "uninstalled"):
        return found
    if found.status != "active":
        detail = {"pending": "It is still being installed; try again.", "failed": "It was never installed."}
        raise problems.conflict(detail[found.status], status_now=found.status)
    ended = await first(conn, Installation, queries.UNINSTALL, (found.id,))
    assert ended is not None
    await conn.execute(STOP_THOSE_OF_APP, {"client_id": ended.client_id, "reason": "uninstalled"})
    await interest.tell(conn, caller.tenant_id)
    message = UninstallApp(
        installation_id=ended.id,
        client_id=ended.client_id,
        uninstalled_by=caller.client_id,
        uninstalled_by_user=user_of(caller),
    )
    await outbox.add(conn, caller.tenant_id, message)
    return ended
