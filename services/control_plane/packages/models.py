"""Bodies, rows and answers of packages, their versions and signing keys."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, field

from services.control_plane.automations.models import AutomationDraft
from shared.primitives.crypto import base64url_encode
from shared.web import http
from shared.web.http import Page

MAX_CONTENT = 10 << 20

Kind = Literal["connector", "edge", "automations"]
PackageName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z",
        description="Lower-case letters, digits and hyphens, at most 63; unique in the organisation",
    ),
]
Description = Annotated[str, Meta(max_length=2000)]
KeyName = Annotated[str, Meta(min_length=1, max_length=120)]
Version = Annotated[str, Meta(min_length=5, max_length=64, description="Semantic Versioning 2.0.0, such as 1.4.0-rc.1")]
Scopes = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=50)]
EventTypes = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=50)]
Entry = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        description="Path of the file that starts the package, relative to the content's root",
    ),
]
Sha256 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}\Z", max_length=64, description="SHA-256 of the content, in lower-case hex")
]
Signature = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{86}\Z",
        max_length=86,
        description="Ed25519 signature (RFC 8032), 64 bytes in base64url without padding",
    ),
]
Automations = Annotated[
    list[AutomationDraft],
    Meta(max_length=20, description="Automations that each installation gets, as POST /automations takes them"),
]


class Jwk(http.Body):
    """An Ed25519 public key (RFC 8037 §2). A private one is refused."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z", max_length=43)]
    kid: Annotated[str, Meta(max_length=128)] | None = None
    alg: Literal["EdDSA", "Ed25519"] | None = None
    use: Literal["sig"] | None = None


class SigningKeyDraft(http.Body):
    """A key of the calling app."""

    name: KeyName
    jwk: Jwk


class PublicJwk(msgspec.Struct):
    """An Ed25519 public key (RFC 8037 §2); `kid` is the id it was registered under."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str


class SigningKey(msgspec.Struct):
    """A key that an app signs its versions with, until it is revoked."""

    id: str
    client_id: str
    name: str
    jwk: PublicJwk
    created_at: datetime
    revoked_at: datetime | None


class SigningKeys(msgspec.Struct):
    signing_keys: list[SigningKey]
    next_cursor: str | None


class SigningKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    client_id: str
    name: str
    public_key: bytes
    created_at: datetime
    revoked_at: datetime | None

    def shown(self) -> SigningKey:
        jwk = public_jwk(self.public_key, self.id)
        return SigningKey(self.id, self.client_id, self.name, jwk, self.created_at, self.revoked_at)


def public_jwk(public_key: bytes, key_id: str) -> PublicJwk:
    return PublicJwk("OKP", "Ed25519", base64url_encode(public_key), key_id)


class PackageDraft(http.Body):
    """A package to publish versions of. `connector` runs at the partner's, `edge` on a gateway box, `automations` nowhere.

    With `four_eyes`, which stays as it is, releases are approved by another person or app than asked for them.
    """

    name: PackageName
    kind: Kind
    description: Description = ""
    four_eyes: bool = False


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A package of the caller's organisation; `client_id` is the app that made it."""

    id: str
    name: str
    kind: Kind
    description: str
    four_eyes: bool
    client_id: str
    created_at: datetime


class Packages(msgspec.Struct):
    packages: list[Package]
    next_cursor: str | None


class PackageFilter(Page):
    kind: Kind | None = None


class VersionDraft(http.Body):
    """A manifest and its signature.

    Signed are the UTF-8 bytes of this object without `signature` and with the package's id as `package_id`, in the canonical
    form of RFC 8785.
    """

    max_bytes: ClassVar[int] = 512 << 10
    version: Version
    kind: Kind
    entry: Entry
    content_sha256: Sha256
    key_id: str
    signature: Signature
    scopes: Scopes = field(default_factory=list)
    event_types: EventTypes = field(default_factory=list)
    automations: Automations = field(default_factory=list)


class PackageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a package with its signed manifest. `status` says whether its content is stored."""

    id: str
    package_id: str
    client_id: str
    version: str
    kind: Kind
    scopes: list[str]
    event_types: list[str]
    entry: str
    automations: list[dict[str, Any]]
    content_sha256: str
    key_id: str
    signature: str
    size: int | None
    created_at: datetime
    published_at: datetime | None
    status: Literal["awaiting_content", "published"]


class Versions(msgspec.Struct):
    versions: list[PackageVersion]
    next_cursor: str | None
