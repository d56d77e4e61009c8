"""The answers of the platform about people and federation, with the fields that the pages show."""

from datetime import datetime

import msgspec


class Role(msgspec.Struct):
    role: str
    scopes: list[str] | None = None


class Roles(msgspec.Struct):
    roles: list[Role]


class User(msgspec.Struct):
    user_id: str
    email: str
    name: str
    status: str
    role: str | None
    provider_roles: list[str]
    second_factor: bool
    has_password: bool
    federated: bool
    last_sign_in_at: datetime | None
    created_at: datetime


class Users(msgspec.Struct):
    users: list[User]


class UserSession(msgspec.Struct):
    id: str
    device: str
    place: str
    federated: bool
    signed_in_at: datetime
    last_used_at: datetime


class UserSessions(msgspec.Struct):
    sessions: list[UserSession]


class EndedAccess(msgspec.Struct):
    sessions: int
    grants: int
    refresh_tokens: int
    service_tokens: int
    invitations: int


class AccessChanged(msgspec.Struct):
    ended: EndedAccess


class Invitation(msgspec.Struct):
    id: str
    email: str
    role: str
    status: str
    mail: str
    invited_by: str
    user_id: str | None
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None


class Invitations(msgspec.Struct):
    invitations: list[Invitation]


class DnsRecord(msgspec.Struct):
    type: str
    name: str
    value: str


class Domain(msgspec.Struct):
    domain: str
    status: str
    dns_record: DnsRecord


class ServiceProvider(msgspec.Struct):
    entity_id: str
    metadata_url: str
    login_url: str
    acs_url: str
    slo_url: str
    certificate: str


class Certificate(msgspec.Struct):
    """A pinned certificate, or one that was only read, which is valid. `last_used_at` is of pinned ones."""

    fingerprint: str
    not_after: datetime
    is_valid: bool = True
    last_used_at: datetime | None = None


class AttributeMapping(msgspec.Struct):
    email: str = ""
    name: str = ""
    roles: str = ""


class Connection(msgspec.Struct):
    id: str
    name: str
    status: str
    entity_id: str
    sso_url: str
    certificates: list[Certificate]
    attribute_mapping: AttributeMapping
    role_mapping: dict[str, list[str]]
    default_role: str
    domains: list[Domain]
    service_provider: ServiceProvider
    last_sign_in_at: datetime | None = None
    slo_url: str = ""


class IdentityProviderRead(msgspec.Struct):
    """`POST /v1/saml/metadata`."""

    entity_id: str
    sso_url: str
    slo_url: str
    certificates: list[Certificate]


class Scope(msgspec.Struct):
    name: str


class Scopes(msgspec.Struct):
    """`GET /v1/platform/scopes`."""

    scopes: list[Scope]


class Connections(msgspec.Struct):
    connections: list[Connection]


class RefusedSignIn(msgspec.Struct):
    at: datetime
    reason: str
    detail: str
    trace_id: str


class RefusedSignIns(msgspec.Struct):
    events: list[RefusedSignIn]


class Policy(msgspec.Struct):
    enforced: bool
    break_glass_email: str | None
