"""Route entries of SAML federation: connections, domains, the policy, and our metadata."""

from services.auth.apps.scopes import PLATFORM_APPS
from services.auth.saml import endpoints, signin_endpoints
from services.auth.saml.endpoints import require_federation
from services.auth.saml.models import (
    Connection,
    ConnectionChange,
    ConnectionDraft,
    Connections,
    Domain,
    DomainDraft,
    IdentityProviderRead,
    LinkedUsers,
    MetadataDraft,
    Policy,
    PolicyChange,
    RefusedSignIns,
)
from shared.web.http import Page
from shared.web.routing import Content, Operation

CONNECTIONS = "/v1/saml/connections"
CONNECTION = CONNECTIONS + "/{connection_id}"
DOMAIN = CONNECTION + "/domains/{domain}"
NOT_OPEN = "The scope is missing, or federation is not open for the organisation"
GATED = {403: NOT_OPEN}
LAST = "Sign-in through a connection is enforced, and this is the last way in"
# Of an identity provider whose private key nobody has, so that a reader may paste it.
METADATA_EXAMPLE = (
    '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.integrator.example/metadata">'
    '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">'
    '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>'
    "MIIBQzCB6qADAgECAhQd7wbI1YyHP8j/Axesru8w0BASyzAKBggqhkjOPQQDAjAhMR8wHQYDVQQDDBZpZHAuaW50ZWdyYXRvci5l"
    "eGFtcGxlMCAXDTI2MDEwMTAwMDAwMFoYDzIwNzYwMTAxMDAwMDAwWjAhMR8wHQYDVQQDDBZpZHAuaW50ZWdyYXRvci5leGFtcGxl"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEo9UVZ4Tu2hsH5Z4nZo9Hu2d2/0fcNsX2kO6WtxyjQtXvYZ+nApRFXvQ215rWzYMf"
    "pQ30rs+WSFH+VmwIpAAKCDAKBggqhkjOPQQDAgNIADBFAiAT0q9UWQ5yk/KfP2TXL37GX1XlmQydJhA+TVUratYwDwIhAIlwG/Ox"
    "GIhEN3Q36gontO/620PCxRA3Xpfk3iul8QKv"
    "</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
    '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.integrator.example/sso"/>'
    "</IDPSSODescriptor></EntityDescriptor>"
)
OPERATIONS = [
    Operation(
        "GET",
        CONNECTIONS,
        endpoints.list_connections,
        "List SAML connections",
        PLATFORM_APPS,
        {200: Connections},
        "Newest first.",
        id="listSamlConnections",
        query=Page,
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "POST",
        CONNECTIONS,
        endpoints.create_connection,
        "Create a SAML connection",
        PLATFORM_APPS,
        {201: Connection},
        "From the identity provider's metadata as pasted XML (no address in it is fetched), or from `entity_id`, `sso_url`, `slo_url`"
        " and one or two `certificates` in PEM. Where roles are mapped, apps get no scope in a person's name beyond their roles'.",
        id="createSamlConnection",
        body=ConnectionDraft,
        headers=("Idempotency-Key",),
        refusals=GATED
        | {409: "The organisation has ten connections, or a call with this Idempotency-Key is under way"},
        example={"name": "Our directory", "metadata_xml": METADATA_EXAMPLE},
        guard=require_federation,
    ),
    Operation(
        "POST",
        "/v1/saml/metadata",
        endpoints.read_metadata,
        "Read metadata without using it",
        PLATFORM_APPS,
        {200: IdentityProviderRead},
        "The addresses and signing certificates of pasted metadata, or of certificates in PEM, as a connection would get them. Nothing is"
        " kept: look at new metadata with it before you PATCH a connection.",
        id="readSamlMetadata",
        body=MetadataDraft,
        refusals=GATED,
        example={"metadata_xml": METADATA_EXAMPLE},
        guard=require_federation,
    ),
    Operation(
        "GET",
        CONNECTION,
        endpoints.read_connection,
        "Inspect a SAML connection",
        PLATFORM_APPS,
        {200: Connection},
        "With its domains and pinned certificates, and our side for the identity provider's administrator.",
        id="getSamlConnection",
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "PATCH",
        CONNECTION,
        endpoints.change_connection,
        "Change a SAML connection",
        PLATFORM_APPS,
        {200: Connection},
        "Changes the fields it names. `certificates` replaces the pinned ones: send the old and the new one during a"
        " roll-over. Disabling ends the sessions that it started and the grants of its people. A changed `role_mapping`"
        " applies at once to the roles of people's last sign-ins; people without a mapped role must sign in again.",
        id="updateSamlConnection",
        body=ConnectionChange,
        refusals=GATED | {409: LAST},
        example={"allow_idp_initiated": False},
        guard=require_federation,
    ),
    Operation(
        "DELETE",
        CONNECTION,
        endpoints.delete_connection,
        "Delete a SAML connection",
        PLATFORM_APPS,
        {204: None},
        "Ends its sessions and the grants of its people. Its domains and its links to users are deleted; the users stay.",
        id="deleteSamlConnection",
        refusals=GATED | {409: LAST},
        guard=require_federation,
    ),
    Operation(
        "GET",
        f"{CONNECTION}/events",
        endpoints.list_events,
        "List refused sign-ins",
        PLATFORM_APPS,
        {200: RefusedSignIns},
        "Why answers and logouts of the last 30 days were refused, with the expected and the received value.",
        id="listSamlConnectionEvents",
        query=Page,
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "GET",
        f"{CONNECTION}/users",
        endpoints.list_users,
        "List users of a SAML connection",
        PLATFORM_APPS,
        {200: LinkedUsers},
        "The people who signed in through it, with the roles of their last sign-in.",
        id="listSamlUsers",
        query=Page,
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "DELETE",
        f"{CONNECTION}/users/{{user_id}}",
        endpoints.unlink_user,
        "Unlink a user from a SAML connection",
        PLATFORM_APPS,
        {204: None},
        "Ends their sessions through it and their grants. At the next sign-in the address may be linked to another NameID.",
        id="unlinkSamlUser",
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "POST",
        f"{CONNECTION}/domains",
        endpoints.claim_domain,
        "Claim an e-mail domain",
        PLATFORM_APPS,
        {201: Domain},
        "Answers the DNS record to publish. A claim has no effect until it is proven.",
        id="claimSamlDomain",
        body=DomainDraft,
        headers=("Idempotency-Key",),
        refusals=GATED
        | {409: "Your organisation has claimed the domain, or a call with this Idempotency-Key is under way"},
        example={"domain": "integrator.example"},
        guard=require_federation,
    ),
    Operation(
        "GET",
        DOMAIN,
        endpoints.read_domain,
        "Inspect an e-mail domain",
        PLATFORM_APPS,
        {200: Domain},
        "With the DNS record that proves it.",
        id="getSamlDomain",
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "POST",
        f"{DOMAIN}/prove",
        endpoints.prove_domain,
        "Prove an e-mail domain",
        PLATFORM_APPS,
        {200: Domain},
        "Looks for the record now.",
        id="proveSamlDomain",
        refusals=GATED | {409: "The record is not there yet, or another organisation has proven the domain"},
        guard=require_federation,
    ),
    Operation(
        "DELETE",
        DOMAIN,
        endpoints.delete_domain,
        "Give up an e-mail domain",
        PLATFORM_APPS,
        {204: None},
        "Its people are no longer led to the connection when they sign in.",
        id="deleteSamlDomain",
        refusals=GATED | {409: LAST},
        guard=require_federation,
    ),
    Operation(
        "GET",
        "/v1/saml/policy",
        endpoints.read_policy,
        "Read the sign-in policy",
        PLATFORM_APPS,
        {200: Policy},
        "Whether people must sign in through a connection, and whose password still works.",
        id="getSamlPolicy",
        refusals=GATED,
        guard=require_federation,
    ),
    Operation(
        "PUT",
        "/v1/saml/policy",
        endpoints.set_policy,
        "Set the sign-in policy",
        PLATFORM_APPS,
        {200: Policy},
        "Enforcing refuses the passwords of all people except the break-glass user. It ends the sessions that began with"
        " a password, and the grants of the other people who have one.",
        id="setSamlPolicy",
        body=PolicyChange,
        refusals=GATED | {409: "No active connection with a proven domain has signed anybody in yet"},
        example={"enforced": False},
        guard=require_federation,
    ),
    Operation(
        "GET",
        "/v1/saml/{connection}/metadata",
        signin_endpoints.read_metadata,
        "Read our SAML metadata",
        None,
        {200: (Content("application/samlmetadata+xml", {"type": "string"}),), 302: None},
        "For the identity provider of one connection. Assertions must be signed, with SHA-256 or better, and not be encrypted.",
        id="getSamlMetadata",
    ),
]
IDS = {
    "connection_id": "samlc_123",
    "connection": "samlc_123",
    "domain": "integrator.example",
    "user_id": "usr_123",
}
