"""Listings that everybody sees, and what a tenant has installed of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from services.control_plane.packages.models import Kind, Version
from shared import http
from shared.pagination import Page

InstallationStatus = Literal["pending", "active", "failed", "uninstalling", "uninstalled"]
Title = Annotated[str, Meta(min_length=1, max_length=120)]


Names = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=50)]


class ListingDraft(http.Body):
    """A release that is live in production, and what others read of it."""

    release_id: str
    title: Title
    description: Annotated[str, Meta(max_length=4000)] = ""


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A package anybody may install: what it asks for, and what each installation gets. `publisher` is an organisation's name."""

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


class ListingRow(Listing, frozen=True, kw_only=True):
    """The row, with what is its owner's alone."""

    tenant_id: str
    release_id: str
    version_id: str


class ListingFilter(Page):
    kind: Kind | None = None
    own: bool = False


class Consent(http.Body):
    """What to install, and what it will have: all scopes, event types and bundles that the listing asks for, and no other.

    `version` is the one that was read: another that the publisher shows by then is not installed.
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


class InstallationFilter(Page):
    status: InstallationStatus | None = None
