"""Generated from the contract by `make clients`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from .._model import Model


class AttributeMapping(Model, kw_only=True):
    """Names of the attributes that hold a person's e-mail address, name and roles; empty where the usual names are
    looked for.
    """

    email: str | UnsetType = UNSET
    """The attribute with the e-mail address"""
    name: str | UnsetType = UNSET
    """The attribute with the person's name"""
    roles: str | UnsetType = UNSET
    """The attribute with the roles"""


class Certificate(Model, kw_only=True):
    """A pinned certificate. `last_used_at` says when an answer was last signed with it."""

    fingerprint: str
    """The SHA-256 fingerprint, in hex"""
    pem: str
    """The certificate in PEM"""
    not_before: str
    """Start of the certificate's validity"""
    not_after: str
    """End of the certificate's validity"""
    is_valid: bool
    """Whether the certificate is valid now"""
    added_at: datetime
    """When it was pinned"""
    last_used_at: datetime | None
    """When it was last used; null if never"""


class Connection(Model, kw_only=True):
    """An identity provider and how its answers are read. `role_mapping` holds the scopes of each value of the roles'
    attribute.

    `default_role` is the role of new people where no roles are mapped.
    """

    id: str
    """The id"""
    name: str
    """The name, for people"""
    status: str
    """Nobody signs in through a `disabled` connection. One of: active, disabled"""
    entity_id: str
    """The entity id in SAML metadata"""
    sso_url: str
    """The identity provider's address for sign-in"""
    slo_url: str
    """The address for single logout; empty if there is none"""
    certificates: list[Certificate]
    """The certificates that sign assertions"""
    name_id_format: str
    """The format of NameID that is accepted. One of: any, email, persistent"""
    allow_idp_initiated: bool
    """Whether a sign-in may begin at the identity provider"""
    attribute_mapping: AttributeMapping
    role_mapping: dict[str, list[str]]
    """The scopes that each role gives"""
    default_role: str
    """The role of people who sign in for the first time, where no roles are mapped. One of: administrator, auditor,
    integrator, quality_officer
    """
    domains: list[Domain]
    """E-mail domains, such as `ambulance.example`"""
    service_provider: ServiceProvider
    created_at: datetime
    """When it was made"""
    updated_at: datetime
    """When it last changed"""
    last_sign_in_at: datetime | None
    """When somebody last signed in through it; null if never"""


class ConnectionChange(Model, kw_only=True):
    """`PATCH /v1/saml/connections/{connection_id}`; changes the fields it names. `certificates` replaces the pinned
    ones.
    """

    name: str | UnsetType = UNSET
    """The name, for people"""
    status: Literal["active", "disabled"] | UnsetType = UNSET
    """`disabled` ends its sessions; nobody signs in through it"""
    metadata_xml: str | UnsetType = UNSET
    """The identity provider's metadata, as XML"""
    entity_id: str | UnsetType = UNSET
    """The entity id in SAML metadata"""
    sso_url: str | UnsetType = UNSET
    """The identity provider's address for sign-in"""
    slo_url: str | UnsetType = UNSET
    """The address for single logout; empty if there is none"""
    certificates: list[str] | UnsetType = UNSET
    """The certificates that sign assertions"""
    name_id_format: Literal["any", "email", "persistent"] | UnsetType = UNSET
    """The format of NameID that is accepted"""
    allow_idp_initiated: bool | UnsetType = UNSET
    """Whether a sign-in may begin at the identity provider"""
    attribute_mapping: AttributeMapping | UnsetType = UNSET
    role_mapping: dict[str, list[str]] | UnsetType = UNSET
    """The scopes that each role gives"""
    default_role: Literal["administrator", "auditor", "integrator", "quality_officer"] | UnsetType = UNSET
    """The role of people who sign in for the first time, where no roles are mapped"""


class ConnectionDraft(Model, kw_only=True):
    """`POST /v1/saml/connections`: pasted metadata, or its content in fields."""

    name: str
    """The name, for people"""
    metadata_xml: str | UnsetType = UNSET
    """The identity provider's metadata, as XML"""
    entity_id: str | UnsetType = UNSET
    """The entity id in SAML metadata"""
    sso_url: str | UnsetType = UNSET
    """The identity provider's address for sign-in"""
    slo_url: str | UnsetType = UNSET
    """The address for single logout; empty if there is none"""
    certificates: list[str] | UnsetType = UNSET
    """The certificates that sign assertions"""
    name_id_format: Literal["any", "email", "persistent"] | UnsetType = UNSET
    """The format of NameID that is accepted"""
    allow_idp_initiated: bool | UnsetType = UNSET
    """Whether a sign-in may begin at the identity provider"""
    attribute_mapping: AttributeMapping | UnsetType = UNSET
    role_mapping: dict[str, list[str]] | UnsetType = UNSET
    """The scopes that each role gives"""
    default_role: Literal["administrator", "auditor", "integrator", "quality_officer"] | UnsetType = UNSET
    """The role of people who sign in for the first time, where no roles are mapped"""


class Connections(Model, kw_only=True):
    """A page of SAML connections"""

    connections: list[Connection]
    """The connections of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class DnsRecord(Model, kw_only=True):
    """The DNS record that proves a domain."""

    type: str
    """The type of the record"""
    name: str
    """The name of the record"""
    value: str
    """The text of the record"""


class Domain(Model, kw_only=True):
    """An e-mail domain. People of a proven one are led to the connection when they sign in."""

    domain: str
    """An e-mail domain, in its ASCII form"""
    status: str
    """A `proven` domain leads its people to the connection. One of: claimed, proven"""
    dns_record: DnsRecord
    claimed_at: datetime
    """When it was claimed"""
    proven_at: datetime | None
    """When it was proven; null before"""


class DomainDraft(Model, kw_only=True):
    """`POST …/domains`: an e-mail domain, in its ASCII form."""

    domain: str
    """An e-mail domain, in its ASCII form"""


class IdentityProviderRead(Model, kw_only=True):
    """An identity provider as a connection would have it. The addresses are empty where certificates alone were sent.

    `slo_url` is also empty without single logout.
    """

    entity_id: str
    """The entity id in SAML metadata"""
    sso_url: str
    """The identity provider's address for sign-in"""
    slo_url: str
    """The address for single logout; empty if there is none"""
    certificates: list[ReadCertificate]
    """The certificates that sign assertions"""


class LinkedUser(Model, kw_only=True):
    """A person who signs in through the connection, with the roles of their last sign-in."""

    user_id: str
    """The person's id"""
    email: str
    """The e-mail address"""
    name: str
    """The person's name"""
    roles: list[str]
    """The roles"""
    linked_at: datetime
    """When the person first signed in through the connection"""


class LinkedUsers(Model, kw_only=True):
    """A page of the people who sign in through a connection"""

    users: list[LinkedUser]
    """The people of this page"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class MetadataDraft(Model, kw_only=True):
    """`POST /v1/saml/metadata`: metadata to look at, or certificates alone; nothing is kept."""

    metadata_xml: str | UnsetType = UNSET
    """The identity provider's metadata, as XML"""
    certificates: list[str] | UnsetType = UNSET
    """The certificates that sign assertions"""


class Policy(Model, kw_only=True):
    """Whether people must sign in through a connection, and whose password still works."""

    enforced: bool
    """Whether people must sign in through a connection"""
    break_glass_email: str | None
    """The one person whose password still works; null for nobody"""


class PolicyChange(Model, kw_only=True):
    """`PUT /v1/saml/policy`: whether people must sign in through a connection, and whose password still works."""

    enforced: bool
    """Whether people must sign in through a connection"""
    break_glass_email: str | UnsetType | None = UNSET
    """The one person whose password still works; null for nobody"""


class ReadCertificate(Model, kw_only=True):
    """A certificate that was only read. A connection that pins it shows the same `fingerprint`."""

    fingerprint: str
    """The SHA-256 fingerprint, in hex"""
    not_before: str
    """Start of the certificate's validity"""
    not_after: str
    """End of the certificate's validity"""


class RefusedSignIn(Model, kw_only=True):
    """Why an answer or logout of the identity provider was refused; never whose it was."""

    id: str
    """The id"""
    at: datetime
    """When it happened"""
    reason: str
    """The kind of fault"""
    detail: str
    """An explanation for people"""
    trace_id: str
    """The trace of the call, 32 hex digits; give it to support"""


class RefusedSignIns(Model, kw_only=True):
    """A page of refused sign-ins"""

    events: list[RefusedSignIn]
    """The items of this page, newest first"""
    next_cursor: str | None
    """The `cursor` of the next page; null on the last one"""


class ServiceProvider(Model, kw_only=True):
    """Our side of the connection, for the identity provider's administrator; `metadata_url` has all of it."""

    entity_id: str
    """The entity id in SAML metadata"""
    metadata_url: str
    """The address of our metadata"""
    login_url: str
    """The address at which a sign-in begins"""
    acs_url: str
    """The address to which assertions are posted"""
    slo_url: str
    """The address for single logout; empty if there is none"""
    certificate: str
    """The certificate of our signatures, in PEM"""
