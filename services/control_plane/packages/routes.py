"""Every call about packages, their versions and signing keys."""

from services.control_plane.access import BASE, READ, WRITE
from services.control_plane.contents import MEDIA
from services.control_plane.packages import endpoints
from services.control_plane.packages.models import (
    Package,
    PackageDraft,
    PackageFilter,
    Packages,
    PackageVersion,
    SigningKey,
    SigningKeyDraft,
    SigningKeys,
    VersionDraft,
    Versions,
)
from shared.web.http import Page
from shared.web.routing import Content, Operation

KEYS = f"{BASE}/signing-keys"
PACKAGES = f"{BASE}/packages"
PACKAGE = f"{PACKAGES}/{{package_id}}"
VERSION = f"{PACKAGE}/versions/{{version}}"
IDEMPOTENCY = ("Idempotency-Key",)
DIGEST = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"


OPERATIONS = [
    Operation(
        "GET",
        KEYS,
        endpoints.list_keys,
        "List signing keys",
        READ,
        {200: SigningKeys},
        "Those of your organisation, newest first; revoked ones too.",
        id="listSigningKeys",
        query=Page,
    ),
    Operation(
        "POST",
        KEYS,
        endpoints.register_key,
        "Register a signing key",
        WRITE,
        {201: SigningKey},
        "The public half of an Ed25519 key with which the calling app will sign its versions. An app has at most 20 live ones.",
        id="registerSigningKey",
        body=SigningKeyDraft,
        headers=IDEMPOTENCY,
        refusals={
            409: "The key is known, there are 20 already, or a call with this Idempotency-Key is under way",
        },
        example={
            "name": "build server",
            "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "0J3n11pf6cgXkgQ1T-rMDBWDV1TUESRQuUHDmcR9rd8"},
        },
    ),
    Operation(
        "GET",
        f"{KEYS}/{{key_id}}",
        endpoints.read_key,
        "Read a signing key",
        READ,
        {200: SigningKey},
        "Its public half, and whether it is revoked.",
        id="getSigningKey",
    ),
    Operation(
        "DELETE",
        f"{KEYS}/{{key_id}}",
        endpoints.revoke_key,
        "Revoke a signing key",
        WRITE,
        {204: None},
        "For good: the key signs no further version, the versions it signed are not released again, and their listings are withdrawn."
        " Any app of the organisation may do so.",
        id="revokeSigningKey",
    ),
    Operation(
        "GET",
        PACKAGES,
        endpoints.list_packages,
        "List packages",
        READ,
        {200: Packages},
        "Those of your organisation, newest first.",
        query=PackageFilter,
    ),
    Operation(
        "POST",
        PACKAGES,
        endpoints.create_package,
        "Create a package",
        WRITE,
        {201: Package},
        "A name for versions to come.",
        body=PackageDraft,
        headers=IDEMPOTENCY,
        refusals={409: "There is a package of this name, or a call with this Idempotency-Key is under way"},
        example={"name": "ward-board", "kind": "connector", "description": "Tells the wards what is on its way"},
    ),
    Operation(
        "GET",
        PACKAGE,
        endpoints.read_package,
        "Read a package",
        READ,
        {200: Package},
        "Without its versions.",
    ),
    Operation(
        "GET",
        f"{PACKAGE}/versions",
        endpoints.list_versions,
        "List a package's versions",
        READ,
        {200: Versions},
        "Newest first; those that wait for their content too.",
        id="listPackageVersions",
        query=Page,
    ),
    Operation(
        "POST",
        f"{PACKAGE}/versions",
        endpoints.create_version,
        "Announce a version",
        WRITE,
        {201: PackageVersion},
        "The signed manifest; its content follows with PUT. Signed with Ed25519 are the UTF-8 bytes of this body without `signature`"
        " and with `package_id` added, in the canonical form of RFC 8785: members sorted, no spaces. A version never changes; build"
        " metadata does not tell versions apart.",
        id="createPackageVersion",
        body=VersionDraft,
        headers=IDEMPOTENCY,
        refusals={409: "This version is there already, or a call with this Idempotency-Key is under way"},
        example={
            "version": "1.4.0",
            "kind": "connector",
            "entry": "bin/start",
            "scopes": ["webhooks:write"],
            "event_types": ["incident.created", "automation.fired"],
            "automations": [
                {
                    "name": "Tell the ward",
                    "trigger": {"event_type": "incident.created", "filter": {"pointer": "/priority", "eq": "high"}},
                    "action": {"kind": "webhook", "fields": {"number": {"from": "/number"}}},
                }
            ],
            "content_sha256": DIGEST,
            "key_id": "sgk_1",
            "signature": "A" * 86,
        },
    ),
    Operation(
        "GET",
        VERSION,
        endpoints.read_version,
        "Read a version",
        READ,
        {200: PackageVersion},
        "With its signed manifest.",
        id="getPackageVersion",
    ),
    Operation(
        "DELETE",
        VERSION,
        endpoints.delete_version,
        "Withdraw an announced version",
        WRITE,
        {204: None},
        "Only before its content is uploaded. After seven days without content it is withdrawn by itself.",
        id="deletePackageVersion",
        refusals={409: "The version is published and stays"},
    ),
    Operation(
        "GET",
        f"{VERSION}/content",
        endpoints.download_content,
        "Download a version's content",
        READ,
        {200: (Content(MEDIA, None),)},
        "The bytes as they were uploaded, with their digest in `Repr-Digest` (RFC 9530).",
        id="downloadPackageContent",
    ),
    Operation(
        "PUT",
        f"{VERSION}/content",
        endpoints.upload_content,
        "Upload a version's content",
        WRITE,
        {200: PackageVersion},
        "At most 10 MiB, with the signed digest. The upload publishes the version; a repeat gets the same answer.",
        id="uploadPackageContent",
        body=Content(MEDIA, None),
        refusals={409: "The packages of your organisation take all the space there is for them"},
    ),
]
IDS = {"key_id": "sgk_1", "package_id": "pkg_1", "version": "1.4.0"}
