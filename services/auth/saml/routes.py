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
    LinkedUsers,
    Policy,
    PolicyChange,
    RefusedSignIns,
)
from shared.web.pagination import Page
from shared.web.routing import Content, Operation

CONNECTIONS = "/v1/saml/connections"
CONNECTION = CONNECTIONS + "/{connection_id}"
DOMAIN = CONNECTION + "/domains/{domain}"
NOT_OPEN = "The scope is missing, or federation is not open for the organisation"
GATED = {403: NOT_OPEN}
LAST = "Sign-in through a connection is enforced, and this is the last way in"
UNDER_WAY = "A call with this Idempotency-Key is under way"
OPERATIONS = [
    Operation(
        "GET",
        CONNECTIONS,
        endpoints.list_connections,
        "List SAML connections",
        PLATFORM_APPS,
        {200: Connections},
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
        body=ConnectionDraft,
        headers=("Idempotency-Key",),
        refusals=GATED
        | {409: "The organisation has ten connections, or a call with this Idempotency-Key is under way"},
        example={"name": "Our directory", "metadata_xml": "<EntityDescriptor …>"},
        guard=require_federation,
    ),
    Operation(
        "GET",
        CONNECTION,
        endpoints.read_connection,
        "Inspect a SAML connection",
        PLATFORM_APPS,
        {200: Connection},
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
        {200: (Content("application/samlmetadata+xml", {"type": "string"}),)},
        "For the identity provider of one connection. Assertions must be signed, with SHA-256 or better, and not be encrypted.",
    ),
]
IDS = {
    "connection_id": "samlc_123",
    "connection": "samlc_123",
    "domain": "integrator.example",
    "user_id": "usr_123",
}
