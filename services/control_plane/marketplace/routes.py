"""Every call of the marketplace."""

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.contents import MEDIA
from services.control_plane.marketplace import endpoints
from services.control_plane.marketplace.models import (
    Consent,
    Installation,
    InstallationFilter,
    Installations,
    Listing,
    ListingDraft,
    ListingFilter,
    Listings,
)
from shared.web.routing import Content, Operation

LISTINGS = f"{BASE}/listings"
INSTALLATIONS = f"{BASE}/installations"
INSTALLATION = f"{INSTALLATIONS}/{{installation_id}}"
IDEMPOTENCY = ("Idempotency-Key",)
ADMINISTRATORS = "A scope is missing: `platform:apps` is needed as well"

OPERATIONS = [
    Operation(
        "GET",
        LISTINGS,
        endpoints.list_listings,
        "Browse the marketplace",
        READ,
        {200: Listings},
        "The published listings of every organisation; with `own=true` your own, withdrawn ones too.",
        query=ListingFilter,
    ),
    Operation(
        "POST",
        LISTINGS,
        endpoints.publish_listing,
        "Publish a listing",
        WRITE,
        {201: Listing, 200: Listing},
        "For a release that is live in production. A package has one listing: a newer release replaces the older one, with 200.",
        body=ListingDraft,
        headers=IDEMPOTENCY,
        refusals={409: "A call with this Idempotency-Key is under way"},
        example={"release_id": "rel_1", "title": "Ward board", "description": "Tells the wards what is on its way"},
    ),
    Operation(
        "GET",
        f"{LISTINGS}/{{listing_id}}",
        endpoints.read_listing,
        "Read a listing",
        READ,
        {200: Listing},
        "With the scopes, event types and bundles that an installation consents to.",
    ),
    Operation(
        "DELETE",
        f"{LISTINGS}/{{listing_id}}",
        endpoints.withdraw_listing,
        "Withdraw a listing",
        WRITE,
        {204: None},
        "Ends new installations. Existing installations stay.",
    ),
    Operation(
        "GET",
        INSTALLATIONS,
        endpoints.list_installations,
        "List installations",
        READ,
        {200: Installations},
        "Those of your organisation, newest first; ended ones too.",
        query=InstallationFilter,
    ),
    Operation(
        "POST",
        INSTALLATIONS,
        endpoints.install,
        "Install a listing",
        WRITE,
        {201: Installation},
        "Consents to exactly the scopes, event types and bundles that the listing asks for, in the `version` that you read: no other is"
        " installed. The installation gets an app of its own, within your organisation's catalogue, with the automations of the package."
        " Rotating the app's secret gives it its first one.",
        id="installListing",
        body=Consent,
        headers=IDEMPOTENCY,
        refusals={
            403: ADMINISTRATORS,
            409: "The package is installed, the listing shows another version, or a call with this Idempotency-Key is under way",
        },
        example={
            "listing_id": "lst_1",
            "version": "1.0.0",
            "consented_scopes": ["webhooks:write"],
            "consented_event_types": ["incident.created"],
        },
        guard=endpoints.require_administrator,
    ),
    Operation(
        "GET",
        INSTALLATION,
        endpoints.read_installation,
        "Read an installation",
        READ,
        {200: Installation},
        "With the app that was made for it, or the reason why it failed.",
    ),
    Operation(
        "GET",
        f"{INSTALLATION}/content",
        endpoints.download_installed,
        "Download what is installed",
        READ,
        {200: (Content(MEDIA, None),)},
        "The content of an active installation's version, with its digest in `Repr-Digest` (RFC 9530).",
        id="downloadInstallationContent",
    ),
    Operation(
        "POST",
        f"{INSTALLATION}/uninstall",
        endpoints.uninstall,
        "Uninstall",
        WRITE,
        {202: Installation},
        "Stops its automations at once and deletes its app: its tokens end at every gateway within a second of that.",
        id="uninstallListing",
        refusals={403: ADMINISTRATORS, 409: "It is still being installed, or never was"},
        guard=endpoints.require_administrator,
    ),
]
IDS = {"listing_id": "lst_1", "installation_id": "ins_1"}
