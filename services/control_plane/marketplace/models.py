"""Bodies, rows and answers of listings, which every tenant sees, and of a tenant's installations."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from services.control_plane.packages.models import Kind, Version
from shared.web import http
from shared.web.http import Page

InstallationStatus = Literal["pending", "active", "failed", "uninstalling", "uninstalled"]
Title = Annotated[str, Meta(min_length=1, max_length=120)]
Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=50)]


class ListingDraft(http.Body):
    """A release that is live in production, with the texts for other organisations."""

    release_id: str
    title: Title
    description: Annotated[str, Meta(max_length=4000)] = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A package that any organisation may install, its requests, and the automations of each installation.

    `publisher` is an organisation's name.
    """

    id: str
    publisher: str
    package_id: str
    name: str
    version: str
    kind: Kind
    title: str
    description: str
    scopes: list[str]
    event_types: list[str]
    automations: list[dict[str, Any]]
    content_sha256: str
    status: Literal["published", "withdrawn"]
    published_at: datetime
    withdrawn_at: datetime | None
    graphql_bundles: list[str] = field(default_factory=list)


class Listings(msgspec.Struct):
    listings: list[Listing]
    next_cursor: str | None


class ListingRow(Listing, frozen=True, kw_only=True):
    """A row of `listings`; only its owner may see the fields that `Listing` lacks."""

    tenant_id: str
    release_id: str
    version_id: str

    @property
    def bundles(self) -> list[str]:
        """The bundles whose documents the automations run."""
        actions = [template["action"] for template in self.automations]
        return sorted({action["bundle"] for action in actions if action["kind"] == "document"})

    def shown(self) -> Listing:
        fields: dict[str, Any] = {name: getattr(self, name) for name in Listing.__struct_fields__}
        fields["graphql_bundles"] = self.bundles
        return Listing(**fields)


class ListingFilter(Page):
    kind: Kind | None = None
    own: bool = False


class Consent(http.Body):
    """A listing to install, with exactly the scopes, event types and bundles that it asks for.

    `version` is the version that was read. If the listing shows another one by now, nothing is installed.
    """

    listing_id: str
    version: Version
    consented_scopes: Names
    consented_event_types: Names = field(default_factory=list)
    consented_bundles: Names = field(default_factory=list)


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A listing installed in the caller's organisation, and the app that was made for it. `reason` says why one failed."""

    id: str
    listing_id: str
    package_id: str
    publisher: str
    title: str
    version: str
    kind: Kind
    scopes: list[str]
    event_types: list[str]
    graphql_bundles: list[str]
    content_sha256: str
    client_id: str
    status: InstallationStatus
    reason: str | None
    consented_by: str
    consented_by_user: str | None
    created_at: datetime
    active_at: datetime | None
    ended_at: datetime | None


class Installations(msgspec.Struct):
    installations: list[Installation]
    next_cursor: str | None


class InstallationFilter(Page):
    status: InstallationStatus | None = None
