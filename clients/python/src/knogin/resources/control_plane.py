"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from typing import Literal, overload

from .. import models
from .._paging import AsyncPages, Pages
from .._transport import Call, Caller, Operation

_LIST_SIGNING_KEYS = Operation(
    "listSigningKeys", "GET", "/api/v1/platform/signing-keys", {200: models.platform.SigningKeys}
)
_REGISTER_SIGNING_KEY = Operation(
    "registerSigningKey",
    "POST",
    "/api/v1/platform/signing-keys",
    {201: models.platform.SigningKey},
    body="json",
    keyed=True,
)
_GET_SIGNING_KEY = Operation(
    "getSigningKey", "GET", "/api/v1/platform/signing-keys/{}", {200: models.platform.SigningKey}
)
_REVOKE_SIGNING_KEY = Operation("revokeSigningKey", "DELETE", "/api/v1/platform/signing-keys/{}", {204: None})
_LIST_PACKAGES = Operation("listPackages", "GET", "/api/v1/platform/packages", {200: models.platform.Packages})
_CREATE_PACKAGE = Operation(
    "createPackage", "POST", "/api/v1/platform/packages", {201: models.platform.Package}, body="json", keyed=True
)
_GET_PACKAGE = Operation("getPackage", "GET", "/api/v1/platform/packages/{}", {200: models.platform.Package})
_LIST_PACKAGE_VERSIONS = Operation(
    "listPackageVersions", "GET", "/api/v1/platform/packages/{}/versions", {200: models.platform.Versions}
)
_CREATE_PACKAGE_VERSION = Operation(
    "createPackageVersion",
    "POST",
    "/api/v1/platform/packages/{}/versions",
    {201: models.platform.PackageVersion},
    body="json",
    keyed=True,
)
_GET_PACKAGE_VERSION = Operation(
    "getPackageVersion", "GET", "/api/v1/platform/packages/{}/versions/{}", {200: models.platform.PackageVersion}
)
_DELETE_PACKAGE_VERSION = Operation(
    "deletePackageVersion", "DELETE", "/api/v1/platform/packages/{}/versions/{}", {204: None}
)
_DOWNLOAD_PACKAGE_CONTENT = Operation(
    "downloadPackageContent", "GET", "/api/v1/platform/packages/{}/versions/{}/content", {200: bytes}
)
_UPLOAD_PACKAGE_CONTENT = Operation(
    "uploadPackageContent",
    "PUT",
    "/api/v1/platform/packages/{}/versions/{}/content",
    {200: models.platform.PackageVersion},
    body="bytes",
)
_LIST_RELEASES = Operation("listReleases", "GET", "/api/v1/platform/releases", {200: models.platform.Releases})
_REQUEST_RELEASE = Operation(
    "requestRelease",
    "POST",
    "/api/v1/platform/releases",
    {201: models.platform.ReleaseWithHistory},
    body="json",
    keyed=True,
)
_GET_RELEASE = Operation("getRelease", "GET", "/api/v1/platform/releases/{}", {200: models.platform.ReleaseWithHistory})
_APPROVE_RELEASE = Operation(
    "approveRelease",
    "POST",
    "/api/v1/platform/releases/{}/approve",
    {200: models.platform.ReleaseWithHistory},
    body="json",
    keyed=True,
)
_REJECT_RELEASE = Operation(
    "rejectRelease",
    "POST",
    "/api/v1/platform/releases/{}/reject",
    {200: models.platform.ReleaseWithHistory},
    body="json",
    keyed=True,
)
_PROMOTE_RELEASE = Operation(
    "promoteRelease",
    "POST",
    "/api/v1/platform/releases/{}/promote",
    {200: models.platform.ReleaseWithHistory},
    body="json",
    keyed=True,
)
_ROLL_BACK_RELEASE = Operation(
    "rollBackRelease",
    "POST",
    "/api/v1/platform/releases/{}/rollback",
    {200: models.platform.RolledBack},
    body="json",
    keyed=True,
)
_LIST_LISTINGS = Operation("listListings", "GET", "/api/v1/platform/listings", {200: models.platform.Listings})
_PUBLISH_LISTING = Operation(
    "publishListing",
    "POST",
    "/api/v1/platform/listings",
    {200: models.platform.Listing, 201: models.platform.Listing},
    body="json",
    keyed=True,
)
_GET_LISTING = Operation("getListing", "GET", "/api/v1/platform/listings/{}", {200: models.platform.Listing})
_WITHDRAW_LISTING = Operation("withdrawListing", "DELETE", "/api/v1/platform/listings/{}", {204: None})
_LIST_INSTALLATIONS = Operation(
    "listInstallations", "GET", "/api/v1/platform/installations", {200: models.platform.Installations}
)
_INSTALL_LISTING = Operation(
    "installListing",
    "POST",
    "/api/v1/platform/installations",
    {201: models.platform.Installation},
    body="json",
    keyed=True,
)
_GET_INSTALLATION = Operation(
    "getInstallation", "GET", "/api/v1/platform/installations/{}", {200: models.platform.Installation}
)
_DOWNLOAD_INSTALLATION_CONTENT = Operation(
    "downloadInstallationContent", "GET", "/api/v1/platform/installations/{}/content", {200: bytes}
)
_UNINSTALL_LISTING = Operation(
    "uninstallListing", "POST", "/api/v1/platform/installations/{}/uninstall", {202: models.platform.Installation}
)
_LIST_AUTOMATIONS = Operation(
    "listAutomations", "GET", "/api/v1/platform/automations", {200: models.platform.Automations}
)
_CREATE_AUTOMATION = Operation(
    "createAutomation",
    "POST",
    "/api/v1/platform/automations",
    {201: models.platform.Automation},
    body="json",
    keyed=True,
)
_GET_AUTOMATION = Operation(
    "getAutomation", "GET", "/api/v1/platform/automations/{}", {200: models.platform.Automation}
)
_UPDATE_AUTOMATION = Operation(
    "updateAutomation", "PATCH", "/api/v1/platform/automations/{}", {200: models.platform.Automation}, body="json"
)
_DELETE_AUTOMATION = Operation("deleteAutomation", "DELETE", "/api/v1/platform/automations/{}", {204: None})
_LIST_AUTOMATION_RUNS = Operation(
    "listAutomationRuns", "GET", "/api/v1/platform/automations/{}/runs", {200: models.platform.Runs}
)
_LIST_ALL_AUTOMATION_RUNS = Operation(
    "listAllAutomationRuns", "GET", "/api/v1/platform/automations/runs", {200: models.platform.Runs}
)
_GET_AUTOMATION_RUN = Operation(
    "getAutomationRun", "GET", "/api/v1/platform/automations/runs/{}", {200: models.platform.Run}
)
_RETRY_AUTOMATION_RUN = Operation(
    "retryAutomationRun", "POST", "/api/v1/platform/automations/runs/{}/retry", {202: models.platform.Run}
)
_LIST_AGENTS = Operation("listAgents", "GET", "/api/v1/platform/agents", {200: models.platform.Agents})
_CREATE_AGENT = Operation(
    "createAgent", "POST", "/api/v1/platform/agents", {201: models.platform.AgentWithCode}, body="json", keyed=True
)
_ENROL_AGENT = Operation(
    "enrolAgent", "POST", "/api/v1/platform/agents/enrol", {200: models.platform.Enrolled}, body="json", auth="open"
)
_SEND_AGENT_HEARTBEAT = Operation(
    "sendAgentHeartbeat",
    "POST",
    "/api/v1/platform/agents/heartbeat",
    {200: models.platform.Instructions},
    body="json",
    auth="open",
)
_DOWNLOAD_AGENT_CONTENT = Operation(
    "downloadAgentContent", "GET", "/api/v1/platform/agents/content/{}/{}", {200: bytes, 206: bytes}, auth="open"
)
_GET_AGENT = Operation("getAgent", "GET", "/api/v1/platform/agents/{}", {200: models.platform.Agent})
_UPDATE_AGENT = Operation(
    "updateAgent", "PATCH", "/api/v1/platform/agents/{}", {200: models.platform.Agent}, body="json"
)
_RENEW_ENROLMENT_CODE = Operation(
    "renewEnrolmentCode",
    "POST",
    "/api/v1/platform/agents/{}/enrolment-code",
    {201: models.platform.AgentWithCode},
    keyed=True,
)
_REVOKE_AGENT = Operation("revokeAgent", "POST", "/api/v1/platform/agents/{}/revoke", {200: models.platform.Agent})


class ControlPlane:
    """Signed integration packages: their versions and releases, the marketplace, automations and edge agents."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_signing_keys(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.platform.SigningKey]:
        """List signing keys.

        Those of your organisation, newest first; revoked ones too.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_SIGNING_KEYS, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="signing_keys")
        )

    def register_signing_key(
        self, body: models.platform.SigningKeyDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.SigningKey:
        """Register a signing key.

        The public half of an Ed25519 key with which the calling app will sign its versions. An app has at most 20
        live ones.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_REGISTER_SIGNING_KEY, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_signing_key(self, key_id: str, *, timeout: float | None = None) -> models.platform.SigningKey:
        """Read a signing key.

        Its public half, and whether it is revoked.

        Scope: `argus:platform:read`.

        `key_id`: The id of the signing key.
        """
        return self._client._call(Call(_GET_SIGNING_KEY, path=(key_id,), timeout=timeout))

    def revoke_signing_key(self, key_id: str, *, timeout: float | None = None) -> None:
        """Revoke a signing key.

        For good: the key signs no further version, the versions it signed are not released again, and their
        listings are withdrawn. Any app of the organisation may do so.

        Scope: `argus:platform:write`.

        `key_id`: The id of the signing key.
        """
        return self._client._call(Call(_REVOKE_SIGNING_KEY, path=(key_id,), timeout=timeout))

    def list_packages(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal["automations", "connector", "edge"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Package]:
        """List packages.

        Those of your organisation, newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `kind`: Only packages of this kind.
        """
        return self._client._pages(
            Call(
                _LIST_PACKAGES, query={"limit": limit, "cursor": cursor, "kind": kind}, timeout=timeout, page="packages"
            )
        )

    def create_package(
        self, body: models.platform.PackageDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Package:
        """Create a package.

        A name for versions to come.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_PACKAGE, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_package(self, package_id: str, *, timeout: float | None = None) -> models.platform.Package:
        """Read a package.

        Without its versions.

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        """
        return self._client._call(Call(_GET_PACKAGE, path=(package_id,), timeout=timeout))

    def list_package_versions(
        self, package_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> Pages[models.platform.PackageVersion]:
        """List a package's versions.

        Newest first; those that wait for their content too.

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_PACKAGE_VERSIONS,
                path=(package_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="versions",
            )
        )

    def create_package_version(
        self,
        package_id: str,
        body: models.platform.VersionDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.PackageVersion:
        """Announce a version.

        The signed manifest; its content follows with PUT. Signed with Ed25519 are the UTF-8 bytes of this body
        without `signature` and with `package_id` added, in the canonical form of RFC 8785: members sorted, no
        spaces. A version never changes; build metadata does not tell versions apart.

        Scope: `argus:platform:write`.

        `package_id`: The package's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _CREATE_PACKAGE_VERSION,
                path=(package_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def get_package_version(
        self, package_id: str, version: str, *, timeout: float | None = None
    ) -> models.platform.PackageVersion:
        """Read a version.

        With its signed manifest.

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return self._client._call(
            Call(
                _GET_PACKAGE_VERSION,
                path=(
                    package_id,
                    version,
                ),
                timeout=timeout,
            )
        )

    def delete_package_version(self, package_id: str, version: str, *, timeout: float | None = None) -> None:
        """Withdraw an announced version.

        Only before its content is uploaded. After seven days without content it is withdrawn by itself.

        Scope: `argus:platform:write`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return self._client._call(
            Call(
                _DELETE_PACKAGE_VERSION,
                path=(
                    package_id,
                    version,
                ),
                timeout=timeout,
            )
        )

    def download_package_content(self, package_id: str, version: str, *, timeout: float | None = None) -> bytes:
        """Download a version's content.

        The bytes as they were uploaded, with their digest in `Repr-Digest` (RFC 9530).

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return self._client._call(
            Call(
                _DOWNLOAD_PACKAGE_CONTENT,
                path=(
                    package_id,
                    version,
                ),
                timeout=timeout,
            )
        )

    def upload_package_content(
        self, package_id: str, version: str, body: bytes, *, timeout: float | None = None
    ) -> models.platform.PackageVersion:
        """Upload a version's content.

        At most 10 MiB, with the signed digest. The upload publishes the version; a repeat gets the same answer.

        Scope: `argus:platform:write`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return self._client._call(
            Call(
                _UPLOAD_PACKAGE_CONTENT,
                path=(
                    package_id,
                    version,
                ),
                body=body,
                timeout=timeout,
            )
        )

    def list_releases(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        package_id: str | None = None,
        environment: Literal["production", "sandbox"] | None = None,
        status: Literal["approved", "live", "rejected", "requested", "rolled_back", "superseded"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Release]:
        """List releases.

        Newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `package_id`: Only releases of this package.
        `environment`: Only releases to this environment.
        `status`: Only releases in this state.
        """
        return self._client._pages(
            Call(
                _LIST_RELEASES,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "package_id": package_id,
                    "environment": environment,
                    "status": status,
                },
                timeout=timeout,
                page="releases",
            )
        )

    def request_release(
        self, body: models.platform.ReleaseDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.ReleaseWithHistory:
        """Request a release.

        Of a published version to `sandbox` or `production`. A package has one live release in each.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_REQUEST_RELEASE, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_release(self, release_id: str, *, timeout: float | None = None) -> models.platform.ReleaseWithHistory:
        """Read a release.

        With its history of states.

        Scope: `argus:platform:read`.

        `release_id`: The release's id.
        """
        return self._client._call(Call(_GET_RELEASE, path=(release_id,), timeout=timeout))

    def approve_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.ReleaseWithHistory:
        """Approve a release.

        Approves replacing the release that is live at this moment. After another one has gone live, an approved
        release may be approved again.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _APPROVE_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def reject_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.ReleaseWithHistory:
        """Reject a release.

        Ends a requested release for good.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _REJECT_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def promote_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.ReleaseWithHistory:
        """Promote a release.

        Makes an approved release live at once, in place of the release that its approval names. Of two promotions
        at the same moment one gets 409.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _PROMOTE_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def roll_back_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.RolledBack:
        """Roll a release back.

        Ends a live release and its listing. The release before it is live again, unless its key was revoked since:
        then no release is live, and `restored` is null.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(
                _ROLL_BACK_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_listings(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal["automations", "connector", "edge"] | None = None,
        own: bool | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Listing]:
        """Browse the marketplace.

        The published listings of every organisation; with `own=true` your own, withdrawn ones too.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `kind`: Only packages of this kind.
        `own`: Only those of the calling organisation, withdrawn ones too.
        """
        return self._client._pages(
            Call(
                _LIST_LISTINGS,
                query={"limit": limit, "cursor": cursor, "kind": kind, "own": own},
                timeout=timeout,
                page="listings",
            )
        )

    def publish_listing(
        self, body: models.platform.ListingDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Listing:
        """Publish a listing.

        For a release that is live in production. A package has one listing: a newer release replaces the older one,
        with 200.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_PUBLISH_LISTING, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_listing(self, listing_id: str, *, timeout: float | None = None) -> models.platform.Listing:
        """Read a listing.

        With the scopes, event types and bundles that an installation consents to.

        Scope: `argus:platform:read`.

        `listing_id`: The listing's id.
        """
        return self._client._call(Call(_GET_LISTING, path=(listing_id,), timeout=timeout))

    def withdraw_listing(self, listing_id: str, *, timeout: float | None = None) -> None:
        """Withdraw a listing.

        Ends new installations. Existing installations stay.

        Scope: `argus:platform:write`.

        `listing_id`: The listing's id.
        """
        return self._client._call(Call(_WITHDRAW_LISTING, path=(listing_id,), timeout=timeout))

    def list_installations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["active", "failed", "pending", "uninstalled", "uninstalling"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Installation]:
        """List installations.

        Those of your organisation, newest first; ended ones too.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only installations in this state.
        """
        return self._client._pages(
            Call(
                _LIST_INSTALLATIONS,
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="installations",
            )
        )

    def install_listing(
        self, body: models.platform.Consent, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Installation:
        """Install a listing.

        Consents to exactly the scopes, event types and bundles that the listing asks for, in the `version` that you
        read: no other is installed. The installation gets an app of its own, within your organisation's catalogue,
        with the automations of the package. Rotating the app's secret gives it its first one.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_INSTALL_LISTING, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_installation(self, installation_id: str, *, timeout: float | None = None) -> models.platform.Installation:
        """Read an installation.

        With the app that was made for it, or the reason why it failed.

        Scope: `argus:platform:read`.

        `installation_id`: The installation's id.
        """
        return self._client._call(Call(_GET_INSTALLATION, path=(installation_id,), timeout=timeout))

    def download_installation_content(self, installation_id: str, *, timeout: float | None = None) -> bytes:
        """Download what is installed.

        The content of an active installation's version, with its digest in `Repr-Digest` (RFC 9530).

        Scope: `argus:platform:read`.

        `installation_id`: The installation's id.
        """
        return self._client._call(Call(_DOWNLOAD_INSTALLATION_CONTENT, path=(installation_id,), timeout=timeout))

    def uninstall_listing(self, installation_id: str, *, timeout: float | None = None) -> models.platform.Installation:
        """Uninstall.

        Stops its automations at once and deletes its app: its tokens end at every gateway within a second of that.

        Scope: `argus:platform:write`.

        `installation_id`: The installation's id.
        """
        return self._client._call(Call(_UNINSTALL_LISTING, path=(installation_id,), timeout=timeout))

    def list_automations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Automation]:
        """List automations.

        Newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app.
        """
        return self._client._pages(
            Call(
                _LIST_AUTOMATIONS,
                query={"limit": limit, "cursor": cursor, "client_id": client_id},
                timeout=timeout,
                page="automations",
            )
        )

    def create_automation(
        self, body: models.platform.AutomationDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Automation:
        """Create an automation.

        Values of an action may be `{"from": "/pointer"}`, a place in the event's data. It gets events from a moment
        after it was made.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_AUTOMATION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def get_automation(self, automation_id: str, *, timeout: float | None = None) -> models.platform.Automation:
        """Inspect an automation.

        With its trigger, its action and the scopes that limit it.

        Scope: `argus:platform:read`.

        `automation_id`: The automation's id.
        """
        return self._client._call(Call(_GET_AUTOMATION, path=(automation_id,), timeout=timeout))

    def update_automation(
        self, automation_id: str, body: models.platform.AutomationChange, *, timeout: float | None = None
    ) -> models.platform.Automation:
        """Change an automation.

        Changes the given fields. An administrator renames, stops and starts every app's automations, but changes no
        trigger or action.

        Scope: `argus:platform:write`.

        `automation_id`: The automation's id.
        """
        return self._client._call(Call(_UPDATE_AUTOMATION, path=(automation_id,), body=body, timeout=timeout))

    def delete_automation(self, automation_id: str, *, timeout: float | None = None) -> None:
        """Delete an automation and its runs.

        Its runs are deleted with it.

        Scope: `argus:platform:write`.

        `automation_id`: The automation's id.
        """
        return self._client._call(Call(_DELETE_AUTOMATION, path=(automation_id,), timeout=timeout))

    def list_automation_runs(
        self,
        automation_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["dead", "failed", "queued", "running", "succeeded", "suppressed"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Run]:
        """Review an automation's runs.

        Newest first. A call looks at 10,000 runs: a short page, or an empty one, may have a `next_cursor`.

        Scope: `argus:platform:read`.

        `automation_id`: The automation's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only runs in this state.
        """
        return self._client._pages(
            Call(
                _LIST_AUTOMATION_RUNS,
                path=(automation_id,),
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="runs",
            )
        )

    def list_all_automation_runs(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["dead", "failed", "queued", "running", "succeeded", "suppressed"] | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Run]:
        """Review every run.

        `?status=dead` lists the dead letters. A call looks at 10,000 runs: a short page, or an empty one, may have
        a `next_cursor`.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only runs in this state.
        """
        return self._client._pages(
            Call(
                _LIST_ALL_AUTOMATION_RUNS,
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="runs",
            )
        )

    def get_automation_run(self, run_id: str, *, timeout: float | None = None) -> models.platform.Run:
        """Inspect a run.

        With its attempts, its result and the automations that led to the event.

        Scope: `argus:platform:read`.

        `run_id`: The run's id.
        """
        return self._client._call(Call(_GET_AUTOMATION_RUN, path=(run_id,), timeout=timeout))

    def retry_automation_run(self, run_id: str, *, timeout: float | None = None) -> models.platform.Run:
        """Try a dead run again.

        If an earlier attempt had its effect, there is no second one.

        Scope: `argus:platform:write`.

        `run_id`: The run's id.
        """
        return self._client._call(Call(_RETRY_AUTOMATION_RUN, path=(run_id,), timeout=timeout))

    def list_agents(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        vehicle_id: str | None = None,
        timeout: float | None = None,
    ) -> Pages[models.platform.Agent]:
        """List edge agents.

        Those of your organisation, newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `vehicle_id`: Only those of this vehicle.
        """
        return self._client._pages(
            Call(
                _LIST_AGENTS,
                query={"limit": limit, "cursor": cursor, "vehicle_id": vehicle_id},
                timeout=timeout,
                page="agents",
            )
        )

    def create_agent(
        self, body: models.platform.AgentDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.AgentWithCode:
        """Register an edge agent.

        Answers with the code for its one enrolment.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_CREATE_AGENT, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    def enrol_agent(self, body: models.platform.Enrolment, *, timeout: float | None = None) -> models.platform.Enrolled:
        """Enrol, as an edge agent.

        Ten wrong guesses make a code void.
        """
        return self._client._call(Call(_ENROL_AGENT, body=body, timeout=timeout))

    def send_agent_heartbeat(
        self, body: models.platform.Heartbeat, *, timeout: float | None = None
    ) -> models.platform.Instructions:
        """Report, as an edge agent.

        Sent with the agent's own credential. Repeating a heartbeat changes nothing.
        """
        return self._client._call(Call(_SEND_AGENT_HEARTBEAT, body=body, timeout=timeout))

    @overload
    def download_agent_content(
        self,
        package_id: str,
        version: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> bytes: ...

    @overload
    def download_agent_content(
        self,
        package_id: str,
        version: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> bytes | None: ...

    def download_agent_content(
        self,
        package_id: str,
        version: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> bytes | None:
        """Download what to run, as an edge agent.

        Sent with the agent's own credential, for a version that the heartbeat's answer names and that is still
        live. Anything else is 404: report again. An interrupted download continues with `Range`, one range of
        bytes, and the ETag in `If-Range`. `Repr-Digest` (RFC 9530) is the digest of the whole content, also with a
        part of it.

        None means that nothing has changed since `if_none_match`.

        `package_id`: The package's id.
        `version`: The version.
        `range`: One range of bytes (RFC 9110 §14). Any other value gets the whole content.
        `if_range`: The ETag of the part that the client has. If the content has changed since, the answer is the
        whole content.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return self._client._call(
            Call(
                _DOWNLOAD_AGENT_CONTENT,
                path=(
                    package_id,
                    version,
                ),
                headers={"Range": range, "If-Range": if_range, "If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    def get_agent(self, agent_id: str, *, timeout: float | None = None) -> models.platform.Agent:
        """Inspect an edge agent.

        With its newest heartbeat.

        Scope: `argus:platform:read`.

        `agent_id`: The agent's id.
        """
        return self._client._call(Call(_GET_AGENT, path=(agent_id,), timeout=timeout))

    def update_agent(
        self, agent_id: str, body: models.platform.AgentChange, *, timeout: float | None = None
    ) -> models.platform.Agent:
        """Change what an edge agent should run.

        Changes the given fields; the agent gets the change with the answer to its next heartbeat.

        Scope: `argus:platform:write`.

        `agent_id`: The agent's id.
        """
        return self._client._call(Call(_UPDATE_AGENT, path=(agent_id,), body=body, timeout=timeout))

    def renew_enrolment_code(
        self, agent_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.AgentWithCode:
        """Get another enrolment code.

        The former code becomes void. An agent that is enrolled already keeps its credential until it first uses one
        of a later enrolment. Of credentials that it has not used, the newest 5 work.

        Scope: `argus:platform:write`.

        `agent_id`: The agent's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return self._client._call(
            Call(_RENEW_ENROLMENT_CODE, path=(agent_id,), headers={"Idempotency-Key": idempotency_key}, timeout=timeout)
        )

    def revoke_agent(self, agent_id: str, *, timeout: float | None = None) -> models.platform.Agent:
        """Revoke an edge agent.

        Its credential and its code end at once, for good.

        Scope: `argus:platform:write`.

        `agent_id`: The agent's id.
        """
        return self._client._call(Call(_REVOKE_AGENT, path=(agent_id,), timeout=timeout))


class AsyncControlPlane:
    """Signed integration packages: their versions and releases, the marketplace, automations and edge agents."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def list_signing_keys(
        self, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.platform.SigningKey]:
        """List signing keys.

        Those of your organisation, newest first; revoked ones too.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(_LIST_SIGNING_KEYS, query={"limit": limit, "cursor": cursor}, timeout=timeout, page="signing_keys")
        )

    async def register_signing_key(
        self, body: models.platform.SigningKeyDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.SigningKey:
        """Register a signing key.

        The public half of an Ed25519 key with which the calling app will sign its versions. An app has at most 20
        live ones.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_REGISTER_SIGNING_KEY, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_signing_key(self, key_id: str, *, timeout: float | None = None) -> models.platform.SigningKey:
        """Read a signing key.

        Its public half, and whether it is revoked.

        Scope: `argus:platform:read`.

        `key_id`: The id of the signing key.
        """
        return await self._client._call(Call(_GET_SIGNING_KEY, path=(key_id,), timeout=timeout))

    async def revoke_signing_key(self, key_id: str, *, timeout: float | None = None) -> None:
        """Revoke a signing key.

        For good: the key signs no further version, the versions it signed are not released again, and their
        listings are withdrawn. Any app of the organisation may do so.

        Scope: `argus:platform:write`.

        `key_id`: The id of the signing key.
        """
        return await self._client._call(Call(_REVOKE_SIGNING_KEY, path=(key_id,), timeout=timeout))

    def list_packages(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal["automations", "connector", "edge"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Package]:
        """List packages.

        Those of your organisation, newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `kind`: Only packages of this kind.
        """
        return self._client._pages(
            Call(
                _LIST_PACKAGES, query={"limit": limit, "cursor": cursor, "kind": kind}, timeout=timeout, page="packages"
            )
        )

    async def create_package(
        self, body: models.platform.PackageDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Package:
        """Create a package.

        A name for versions to come.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_PACKAGE, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_package(self, package_id: str, *, timeout: float | None = None) -> models.platform.Package:
        """Read a package.

        Without its versions.

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        """
        return await self._client._call(Call(_GET_PACKAGE, path=(package_id,), timeout=timeout))

    def list_package_versions(
        self, package_id: str, *, limit: int | None = None, cursor: str | None = None, timeout: float | None = None
    ) -> AsyncPages[models.platform.PackageVersion]:
        """List a package's versions.

        Newest first; those that wait for their content too.

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        """
        return self._client._pages(
            Call(
                _LIST_PACKAGE_VERSIONS,
                path=(package_id,),
                query={"limit": limit, "cursor": cursor},
                timeout=timeout,
                page="versions",
            )
        )

    async def create_package_version(
        self,
        package_id: str,
        body: models.platform.VersionDraft,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.PackageVersion:
        """Announce a version.

        The signed manifest; its content follows with PUT. Signed with Ed25519 are the UTF-8 bytes of this body
        without `signature` and with `package_id` added, in the canonical form of RFC 8785: members sorted, no
        spaces. A version never changes; build metadata does not tell versions apart.

        Scope: `argus:platform:write`.

        `package_id`: The package's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _CREATE_PACKAGE_VERSION,
                path=(package_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def get_package_version(
        self, package_id: str, version: str, *, timeout: float | None = None
    ) -> models.platform.PackageVersion:
        """Read a version.

        With its signed manifest.

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return await self._client._call(
            Call(
                _GET_PACKAGE_VERSION,
                path=(
                    package_id,
                    version,
                ),
                timeout=timeout,
            )
        )

    async def delete_package_version(self, package_id: str, version: str, *, timeout: float | None = None) -> None:
        """Withdraw an announced version.

        Only before its content is uploaded. After seven days without content it is withdrawn by itself.

        Scope: `argus:platform:write`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return await self._client._call(
            Call(
                _DELETE_PACKAGE_VERSION,
                path=(
                    package_id,
                    version,
                ),
                timeout=timeout,
            )
        )

    async def download_package_content(self, package_id: str, version: str, *, timeout: float | None = None) -> bytes:
        """Download a version's content.

        The bytes as they were uploaded, with their digest in `Repr-Digest` (RFC 9530).

        Scope: `argus:platform:read`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return await self._client._call(
            Call(
                _DOWNLOAD_PACKAGE_CONTENT,
                path=(
                    package_id,
                    version,
                ),
                timeout=timeout,
            )
        )

    async def upload_package_content(
        self, package_id: str, version: str, body: bytes, *, timeout: float | None = None
    ) -> models.platform.PackageVersion:
        """Upload a version's content.

        At most 10 MiB, with the signed digest. The upload publishes the version; a repeat gets the same answer.

        Scope: `argus:platform:write`.

        `package_id`: The package's id.
        `version`: The version.
        """
        return await self._client._call(
            Call(
                _UPLOAD_PACKAGE_CONTENT,
                path=(
                    package_id,
                    version,
                ),
                body=body,
                timeout=timeout,
            )
        )

    def list_releases(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        package_id: str | None = None,
        environment: Literal["production", "sandbox"] | None = None,
        status: Literal["approved", "live", "rejected", "requested", "rolled_back", "superseded"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Release]:
        """List releases.

        Newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `package_id`: Only releases of this package.
        `environment`: Only releases to this environment.
        `status`: Only releases in this state.
        """
        return self._client._pages(
            Call(
                _LIST_RELEASES,
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "package_id": package_id,
                    "environment": environment,
                    "status": status,
                },
                timeout=timeout,
                page="releases",
            )
        )

    async def request_release(
        self, body: models.platform.ReleaseDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.ReleaseWithHistory:
        """Request a release.

        Of a published version to `sandbox` or `production`. A package has one live release in each.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_REQUEST_RELEASE, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_release(self, release_id: str, *, timeout: float | None = None) -> models.platform.ReleaseWithHistory:
        """Read a release.

        With its history of states.

        Scope: `argus:platform:read`.

        `release_id`: The release's id.
        """
        return await self._client._call(Call(_GET_RELEASE, path=(release_id,), timeout=timeout))

    async def approve_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.ReleaseWithHistory:
        """Approve a release.

        Approves replacing the release that is live at this moment. After another one has gone live, an approved
        release may be approved again.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _APPROVE_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def reject_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.ReleaseWithHistory:
        """Reject a release.

        Ends a requested release for good.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _REJECT_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def promote_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.ReleaseWithHistory:
        """Promote a release.

        Makes an approved release live at once, in place of the release that its approval names. Of two promotions
        at the same moment one gets 409.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _PROMOTE_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    async def roll_back_release(
        self,
        release_id: str,
        body: models.platform.Decision | None = None,
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> models.platform.RolledBack:
        """Roll a release back.

        Ends a live release and its listing. The release before it is live again, unless its key was revoked since:
        then no release is live, and `restored` is null.

        Scope: `argus:platform:write`.

        `release_id`: The release's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(
                _ROLL_BACK_RELEASE,
                path=(release_id,),
                headers={"Idempotency-Key": idempotency_key},
                body=body,
                timeout=timeout,
            )
        )

    def list_listings(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal["automations", "connector", "edge"] | None = None,
        own: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Listing]:
        """Browse the marketplace.

        The published listings of every organisation; with `own=true` your own, withdrawn ones too.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `kind`: Only packages of this kind.
        `own`: Only those of the calling organisation, withdrawn ones too.
        """
        return self._client._pages(
            Call(
                _LIST_LISTINGS,
                query={"limit": limit, "cursor": cursor, "kind": kind, "own": own},
                timeout=timeout,
                page="listings",
            )
        )

    async def publish_listing(
        self, body: models.platform.ListingDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Listing:
        """Publish a listing.

        For a release that is live in production. A package has one listing: a newer release replaces the older one,
        with 200.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_PUBLISH_LISTING, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_listing(self, listing_id: str, *, timeout: float | None = None) -> models.platform.Listing:
        """Read a listing.

        With the scopes, event types and bundles that an installation consents to.

        Scope: `argus:platform:read`.

        `listing_id`: The listing's id.
        """
        return await self._client._call(Call(_GET_LISTING, path=(listing_id,), timeout=timeout))

    async def withdraw_listing(self, listing_id: str, *, timeout: float | None = None) -> None:
        """Withdraw a listing.

        Ends new installations. Existing installations stay.

        Scope: `argus:platform:write`.

        `listing_id`: The listing's id.
        """
        return await self._client._call(Call(_WITHDRAW_LISTING, path=(listing_id,), timeout=timeout))

    def list_installations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["active", "failed", "pending", "uninstalled", "uninstalling"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Installation]:
        """List installations.

        Those of your organisation, newest first; ended ones too.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only installations in this state.
        """
        return self._client._pages(
            Call(
                _LIST_INSTALLATIONS,
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="installations",
            )
        )

    async def install_listing(
        self, body: models.platform.Consent, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Installation:
        """Install a listing.

        Consents to exactly the scopes, event types and bundles that the listing asks for, in the `version` that you
        read: no other is installed. The installation gets an app of its own, within your organisation's catalogue,
        with the automations of the package. Rotating the app's secret gives it its first one.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_INSTALL_LISTING, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_installation(
        self, installation_id: str, *, timeout: float | None = None
    ) -> models.platform.Installation:
        """Read an installation.

        With the app that was made for it, or the reason why it failed.

        Scope: `argus:platform:read`.

        `installation_id`: The installation's id.
        """
        return await self._client._call(Call(_GET_INSTALLATION, path=(installation_id,), timeout=timeout))

    async def download_installation_content(self, installation_id: str, *, timeout: float | None = None) -> bytes:
        """Download what is installed.

        The content of an active installation's version, with its digest in `Repr-Digest` (RFC 9530).

        Scope: `argus:platform:read`.

        `installation_id`: The installation's id.
        """
        return await self._client._call(Call(_DOWNLOAD_INSTALLATION_CONTENT, path=(installation_id,), timeout=timeout))

    async def uninstall_listing(
        self, installation_id: str, *, timeout: float | None = None
    ) -> models.platform.Installation:
        """Uninstall.

        Stops its automations at once and deletes its app: its tokens end at every gateway within a second of that.

        Scope: `argus:platform:write`.

        `installation_id`: The installation's id.
        """
        return await self._client._call(Call(_UNINSTALL_LISTING, path=(installation_id,), timeout=timeout))

    def list_automations(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        client_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Automation]:
        """List automations.

        Newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `client_id`: Only those of this app.
        """
        return self._client._pages(
            Call(
                _LIST_AUTOMATIONS,
                query={"limit": limit, "cursor": cursor, "client_id": client_id},
                timeout=timeout,
                page="automations",
            )
        )

    async def create_automation(
        self, body: models.platform.AutomationDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.Automation:
        """Create an automation.

        Values of an action may be `{"from": "/pointer"}`, a place in the event's data. It gets events from a moment
        after it was made.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_AUTOMATION, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def get_automation(self, automation_id: str, *, timeout: float | None = None) -> models.platform.Automation:
        """Inspect an automation.

        With its trigger, its action and the scopes that limit it.

        Scope: `argus:platform:read`.

        `automation_id`: The automation's id.
        """
        return await self._client._call(Call(_GET_AUTOMATION, path=(automation_id,), timeout=timeout))

    async def update_automation(
        self, automation_id: str, body: models.platform.AutomationChange, *, timeout: float | None = None
    ) -> models.platform.Automation:
        """Change an automation.

        Changes the given fields. An administrator renames, stops and starts every app's automations, but changes no
        trigger or action.

        Scope: `argus:platform:write`.

        `automation_id`: The automation's id.
        """
        return await self._client._call(Call(_UPDATE_AUTOMATION, path=(automation_id,), body=body, timeout=timeout))

    async def delete_automation(self, automation_id: str, *, timeout: float | None = None) -> None:
        """Delete an automation and its runs.

        Its runs are deleted with it.

        Scope: `argus:platform:write`.

        `automation_id`: The automation's id.
        """
        return await self._client._call(Call(_DELETE_AUTOMATION, path=(automation_id,), timeout=timeout))

    def list_automation_runs(
        self,
        automation_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["dead", "failed", "queued", "running", "succeeded", "suppressed"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Run]:
        """Review an automation's runs.

        Newest first. A call looks at 10,000 runs: a short page, or an empty one, may have a `next_cursor`.

        Scope: `argus:platform:read`.

        `automation_id`: The automation's id.
        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only runs in this state.
        """
        return self._client._pages(
            Call(
                _LIST_AUTOMATION_RUNS,
                path=(automation_id,),
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="runs",
            )
        )

    def list_all_automation_runs(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["dead", "failed", "queued", "running", "succeeded", "suppressed"] | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Run]:
        """Review every run.

        `?status=dead` lists the dead letters. A call looks at 10,000 runs: a short page, or an empty one, may have
        a `next_cursor`.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `status`: Only runs in this state.
        """
        return self._client._pages(
            Call(
                _LIST_ALL_AUTOMATION_RUNS,
                query={"limit": limit, "cursor": cursor, "status": status},
                timeout=timeout,
                page="runs",
            )
        )

    async def get_automation_run(self, run_id: str, *, timeout: float | None = None) -> models.platform.Run:
        """Inspect a run.

        With its attempts, its result and the automations that led to the event.

        Scope: `argus:platform:read`.

        `run_id`: The run's id.
        """
        return await self._client._call(Call(_GET_AUTOMATION_RUN, path=(run_id,), timeout=timeout))

    async def retry_automation_run(self, run_id: str, *, timeout: float | None = None) -> models.platform.Run:
        """Try a dead run again.

        If an earlier attempt had its effect, there is no second one.

        Scope: `argus:platform:write`.

        `run_id`: The run's id.
        """
        return await self._client._call(Call(_RETRY_AUTOMATION_RUN, path=(run_id,), timeout=timeout))

    def list_agents(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        vehicle_id: str | None = None,
        timeout: float | None = None,
    ) -> AsyncPages[models.platform.Agent]:
        """List edge agents.

        Those of your organisation, newest first.

        Scope: `argus:platform:read`.

        `limit`: The highest number of items.
        `cursor`: `next_cursor` of the previous page.
        `vehicle_id`: Only those of this vehicle.
        """
        return self._client._pages(
            Call(
                _LIST_AGENTS,
                query={"limit": limit, "cursor": cursor, "vehicle_id": vehicle_id},
                timeout=timeout,
                page="agents",
            )
        )

    async def create_agent(
        self, body: models.platform.AgentDraft, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.AgentWithCode:
        """Register an edge agent.

        Answers with the code for its one enrolment.

        Scope: `argus:platform:write`.

        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_CREATE_AGENT, headers={"Idempotency-Key": idempotency_key}, body=body, timeout=timeout)
        )

    async def enrol_agent(
        self, body: models.platform.Enrolment, *, timeout: float | None = None
    ) -> models.platform.Enrolled:
        """Enrol, as an edge agent.

        Ten wrong guesses make a code void.
        """
        return await self._client._call(Call(_ENROL_AGENT, body=body, timeout=timeout))

    async def send_agent_heartbeat(
        self, body: models.platform.Heartbeat, *, timeout: float | None = None
    ) -> models.platform.Instructions:
        """Report, as an edge agent.

        Sent with the agent's own credential. Repeating a heartbeat changes nothing.
        """
        return await self._client._call(Call(_SEND_AGENT_HEARTBEAT, body=body, timeout=timeout))

    @overload
    async def download_agent_content(
        self,
        package_id: str,
        version: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: None = None,
        timeout: float | None = None,
    ) -> bytes: ...

    @overload
    async def download_agent_content(
        self,
        package_id: str,
        version: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: str,
        timeout: float | None = None,
    ) -> bytes | None: ...

    async def download_agent_content(
        self,
        package_id: str,
        version: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_none_match: str | None = None,
        timeout: float | None = None,
    ) -> bytes | None:
        """Download what to run, as an edge agent.

        Sent with the agent's own credential, for a version that the heartbeat's answer names and that is still
        live. Anything else is 404: report again. An interrupted download continues with `Range`, one range of
        bytes, and the ETag in `If-Range`. `Repr-Digest` (RFC 9530) is the digest of the whole content, also with a
        part of it.

        None means that nothing has changed since `if_none_match`.

        `package_id`: The package's id.
        `version`: The version.
        `range`: One range of bytes (RFC 9110 §14). Any other value gets the whole content.
        `if_range`: The ETag of the part that the client has. If the content has changed since, the answer is the
        whole content.
        `if_none_match`: The ETag of an earlier answer. If it is still current, the answer is 304.
        """
        return await self._client._call(
            Call(
                _DOWNLOAD_AGENT_CONTENT,
                path=(
                    package_id,
                    version,
                ),
                headers={"Range": range, "If-Range": if_range, "If-None-Match": if_none_match},
                timeout=timeout,
            )
        )

    async def get_agent(self, agent_id: str, *, timeout: float | None = None) -> models.platform.Agent:
        """Inspect an edge agent.

        With its newest heartbeat.

        Scope: `argus:platform:read`.

        `agent_id`: The agent's id.
        """
        return await self._client._call(Call(_GET_AGENT, path=(agent_id,), timeout=timeout))

    async def update_agent(
        self, agent_id: str, body: models.platform.AgentChange, *, timeout: float | None = None
    ) -> models.platform.Agent:
        """Change what an edge agent should run.

        Changes the given fields; the agent gets the change with the answer to its next heartbeat.

        Scope: `argus:platform:write`.

        `agent_id`: The agent's id.
        """
        return await self._client._call(Call(_UPDATE_AGENT, path=(agent_id,), body=body, timeout=timeout))

    async def renew_enrolment_code(
        self, agent_id: str, *, idempotency_key: str | None = None, timeout: float | None = None
    ) -> models.platform.AgentWithCode:
        """Get another enrolment code.

        The former code becomes void. An agent that is enrolled already keeps its credential until it first uses one
        of a later enrolment. Of credentials that it has not used, the newest 5 work.

        Scope: `argus:platform:write`.

        `agent_id`: The agent's id.
        `idempotency_key`: Makes the call safe to repeat: for 24 hours, the same request with the same key gets the
        stored answer.
        """
        return await self._client._call(
            Call(_RENEW_ENROLMENT_CODE, path=(agent_id,), headers={"Idempotency-Key": idempotency_key}, timeout=timeout)
        )

    async def revoke_agent(self, agent_id: str, *, timeout: float | None = None) -> models.platform.Agent:
        """Revoke an edge agent.

        Its credential and its code end at once, for good.

        Scope: `argus:platform:write`.

        `agent_id`: The agent's id.
        """
        return await self._client._call(Call(_REVOKE_AGENT, path=(agent_id,), timeout=timeout))
