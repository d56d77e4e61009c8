"""Connections, domains and sign-ins: the bodies of requests, the rows, and the answers."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from services.auth.people.roles import OrganisationRole
from shared.web import http

Name = Annotated[str, Meta(min_length=1, max_length=120)]
EntityId = Annotated[str, Meta(min_length=1, max_length=1024)]
Url = Annotated[str, Meta(min_length=1, max_length=1024)]
Pem = Annotated[str, Meta(min_length=1, max_length=16_384)]
Pems = Annotated[list[Pem], Meta(min_length=1, max_length=2)]
Xml = Annotated[str, Meta(min_length=1, max_length=262_144)]
AttributeName = Annotated[str, Meta(max_length=256)]
Role = Annotated[str, Meta(min_length=1, max_length=256)]
Scope = Annotated[str, Meta(min_length=1, max_length=64)]
RoleMapping = Annotated[dict[Role, Annotated[list[Scope], Meta(max_length=50)]], Meta(max_length=100)]
NameIdFormat = Literal["any", "persistent", "email"]
DomainName = Annotated[str, Meta(min_length=3, max_length=253)]


class AttributeMapping(http.Body):
    """Names of the attributes that hold a person's e-mail address, name and roles; empty where the usual names are looked for."""

    email: AttributeName = ""
    name: AttributeName = ""
    roles: AttributeName = ""


class ConnectionDraft(http.Body):
    """`POST /v1/saml/connections`: pasted metadata, or its content in fields."""

    max_bytes: ClassVar[int] = http.MAX_BODY
    name: Name
    metadata_xml: Xml | UnsetType = UNSET
    entity_id: EntityId | UnsetType = UNSET
    sso_url: Url | UnsetType = UNSET
    slo_url: Annotated[str, Meta(max_length=1024)] | UnsetType = UNSET
    certificates: Pems | UnsetType = UNSET
    name_id_format: NameIdFormat = "any"
    allow_idp_initiated: bool = False
    attribute_mapping: AttributeMapping = field(default_factory=AttributeMapping)
    role_mapping: RoleMapping = field(default_factory=dict)
    default_role: OrganisationRole = "quality_officer"


class MetadataDraft(http.Body):
    """`POST /v1/saml/metadata`: metadata to look at, or certificates alone; nothing is kept."""

    max_bytes: ClassVar[int] = http.MAX_BODY
    metadata_xml: Xml | UnsetType = UNSET
    certificates: Pems | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.metadata_xml is UNSET) == (self.certificates is UNSET):
            raise ValueError("metadata_xml or certificates: send one of the two")


class ConnectionChange(http.Body):
    """`PATCH /v1/saml/connections/{connection_id}`; changes the fields it names. `certificates` replaces the pinned ones."""

    max_bytes: ClassVar[int] = http.MAX_BODY
    name: Name | UnsetType = UNSET
    status: Literal["active", "disabled"] | UnsetType = UNSET
    metadata_xml: Xml | UnsetType = UNSET
    entity_id: EntityId | UnsetType = UNSET
    sso_url: Url | UnsetType = UNSET
    slo_url: Annotated[str, Meta(max_length=1024)] | UnsetType = UNSET
    certificates: Pems | UnsetType = UNSET
    name_id_format: NameIdFormat | UnsetType = UNSET
    allow_idp_initiated: bool | UnsetType = UNSET
    attribute_mapping: AttributeMapping | UnsetType = UNSET
    role_mapping: RoleMapping | UnsetType = UNSET
    default_role: OrganisationRole | UnsetType = UNSET


class DomainDraft(http.Body):
    """`POST …/domains`: an e-mail domain, in its ASCII form."""

    domain: DomainName


class PolicyChange(http.Body):
    """`PUT /v1/saml/policy`: whether people must sign in through a connection, and whose password still works."""

    enforced: bool
    break_glass_email: Annotated[str, Meta(min_length=3, max_length=254)] | None = None


class ConnectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `saml_connections`, without the key."""

    connection_id: str
    tenant_id: str
    name: str
    status: Literal["active", "disabled"]
    entity_id: str
    sso_url: str
    slo_url: str
    name_id_format: NameIdFormat
    allow_idp_initiated: bool
    attribute_mapping: dict[str, str]
    role_mapping: dict[str, list[str]]
    default_role: OrganisationRole
    own_certificate: str
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None


class DomainRow(msgspec.Struct, frozen=True, kw_only=True):
    domain: str
    connection_id: str
    token: str
    claimed_at: datetime
    verified_at: datetime | None


class OpenConnection(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `find_saml_connection`. `is_open` if the connection, its tenant and the capability are all enabled."""

    connection_id: str
    tenant_id: str
    tenant_name: str
    name: str
    is_open: bool
    entity_id: str
    sso_url: str
    slo_url: str
    name_id_format: NameIdFormat
    allow_idp_initiated: bool
    attribute_mapping: dict[str, str]
    role_mapping: dict[str, list[str]]
    default_role: OrganisationRole
    own_key: bytes
    own_certificate: str
    certificates: list[str]


class Federated(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `find_saml_domain`: the connection for an e-mail domain, and whether its use is enforced."""

    connection_id: str
    tenant_id: str
    organisation: str
    enforced: bool


class PendingRequest(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    browser_mac: bytes | None
    relay_state: str
    continue_to: str
    fresh: bool
    made_at: datetime


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A person with a valid answer, before their browser has a session."""

    user_id: str
    browser_mac: bytes | None
    continue_to: str
    name_id: str
    name_id_format: str
    session_index: str
    session_ends_at: datetime | None


class StartedSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session that a connection started."""

    connection_id: str
    name_id: str
    name_id_format: str
    session_index: str


class Certificate(msgspec.Struct, frozen=True):
    """A pinned certificate. `last_used_at` says when an answer was last signed with it."""

    fingerprint: str
    pem: str
    not_before: datetime
    not_after: datetime
    is_valid: bool
    added_at: datetime
    last_used_at: datetime | None


class DnsRecord(msgspec.Struct):
    """The DNS record that proves a domain."""

    type: Literal["TXT"]
    name: str
    value: str


class Domain(msgspec.Struct):
    """An e-mail domain. People of a proven one are led to the connection when they sign in."""

    domain: str
    status: Literal["claimed", "proven"]
    dns_record: DnsRecord
    claimed_at: datetime
    proven_at: datetime | None


class ServiceProvider(msgspec.Struct):
    """Our side of the connection, for the identity provider's administrator; `metadata_url` has all of it."""

    entity_id: str
    metadata_url: str
    login_url: str
    acs_url: str
    slo_url: str
    certificate: str


class Connection(msgspec.Struct):
    """An identity provider and how its answers are read. `role_mapping` holds the scopes of each value of the roles' attribute.

    `default_role` is the role of new people where no roles are mapped.
    """

    id: str
    name: str
    status: Literal["active", "disabled"]
    entity_id: str
    sso_url: str
    slo_url: str
    certificates: list[Certificate]
    name_id_format: NameIdFormat
    allow_idp_initiated: bool
    attribute_mapping: AttributeMapping
    role_mapping: dict[str, list[str]]
    default_role: OrganisationRole
    domains: list[Domain]
    service_provider: ServiceProvider
    created_at: datetime
    updated_at: datetime
    last_sign_in_at: datetime | None


class ReadCertificate(msgspec.Struct, frozen=True):
    """A certificate that was only read. A connection that pins it shows the same `fingerprint`."""

    fingerprint: str
    not_before: datetime
    not_after: datetime


class IdentityProviderRead(msgspec.Struct):
    """An identity provider as a connection would have it. The addresses are empty where certificates alone were sent.

    `slo_url` is also empty without single logout.
    """

    entity_id: str
    sso_url: str
    slo_url: str
    certificates: list[ReadCertificate]


class Connections(msgspec.Struct):
    connections: list[Connection]
    next_cursor: str | None


class RefusedSignIn(msgspec.Struct, frozen=True):
    """Why an answer or logout of the identity provider was refused; never whose it was."""

    id: str
    at: datetime
    reason: str
    detail: str
    trace_id: str


class RefusedSignIns(msgspec.Struct):
    events: list[RefusedSignIn]
    next_cursor: str | None


class LinkedUser(msgspec.Struct, frozen=True):
    """A person who signs in through the connection, with the roles of their last sign-in."""

    user_id: str
    email: str
    name: str
    roles: list[str]
    linked_at: datetime


class LinkedUsers(msgspec.Struct):
    users: list[LinkedUser]
    next_cursor: str | None


class Policy(msgspec.Struct):
    """Whether people must sign in through a connection, and whose password still works."""

    enforced: bool
    break_glass_email: str | None


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `saml_policies` with its user's address; the defaults are for an organisation without one.

    `federation`: whether the organisation may federate. Without that nobody could sign in, so nothing is enforced.
    """

    enforced: bool = False
    break_glass_user_id: str | None = None
    break_glass_email: str | None = None
    federation: bool = False

    def shown(self) -> Policy:
        return Policy(self.enforced, self.break_glass_email)
