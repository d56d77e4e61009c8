"""Secrets and service tokens of an organisation's apps, and certificates of its identity providers, that end soon."""

from datetime import datetime
from typing import Annotated, Literal, LiteralString

import msgspec
from msgspec import Meta
from starlette.requests import Request

from services.auth.apps.scopes import PLATFORM_APPS
from services.auth.apps.store import load_tenant
from services.auth.people.acting import may_federate
from shared.storage import database
from shared.storage.database import tenant_transaction
from shared.web import http
from shared.web.identity import Caller
from shared.web.routing import Operation

MOST = 100
# The soonest of either kind, each by its index of the tenant.
ENDING: LiteralString = """
    SELECT a.client_id, a.name AS app_name, found.kind, found.id, found.created_at, found.expires_at, found.last_used_at FROM (
        (SELECT client_id, 'secret' AS kind, id, created_at, expires_at, last_used_at FROM app_secrets
            WHERE tenant_id = current_tenant() AND expires_at IS NOT NULL AND expires_at > clock_timestamp()
                AND expires_at < clock_timestamp() + make_interval(secs => %(within)s)
            ORDER BY expires_at LIMIT %(most)s)
        UNION ALL
        (SELECT client_id, 'service_token', id, created_at, expires_at, last_used_at FROM service_tokens
            WHERE tenant_id = current_tenant() AND revoked_at IS NULL AND expires_at > clock_timestamp()
                AND expires_at < clock_timestamp() + make_interval(secs => %(within)s)
            ORDER BY expires_at LIMIT %(most)s)
    ) AS found JOIN apps a USING (client_id) WHERE a.status = 'active'
    ORDER BY found.expires_at, found.id LIMIT %(most)s
"""
# A certificate whose successor is pinned already needs nobody. One that has ended stays until it has one: nobody signs in meanwhile.
ENDING_CERTIFICATES: LiteralString = """
    SELECT c.connection_id, c.name AS connection_name, k.fingerprint, k.not_after AS expires_at, k.last_used_at
    FROM saml_connections c JOIN saml_certificates k USING (connection_id)
    WHERE c.tenant_id = current_tenant() AND c.status = 'active' AND NOT EXISTS (
        SELECT FROM saml_certificates longer WHERE longer.connection_id = c.connection_id
            AND longer.not_after >= clock_timestamp() + make_interval(secs => %(within)s))
    ORDER BY k.not_after, k.fingerprint LIMIT %(most)s
"""


class EndingQuery(http.Body):
    """`within` is in seconds, 14 days unless it says otherwise."""

    within: Annotated[int, Meta(ge=60, le=30 * 86_400)] = 14 * 86_400


class EndingCredential(msgspec.Struct, frozen=True):
    """A client secret or a service token that ends soon. `last_used_at` says whether it is still in use."""

    client_id: str
    app_name: str
    kind: Literal["secret", "service_token"]
    id: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class EndingCertificate(msgspec.Struct, frozen=True):
    """A certificate of an identity provider that ends soon or has ended, and that has no successor in its connection."""

    connection_id: str
    connection_name: str
    fingerprint: str
    expires_at: datetime
    last_used_at: datetime | None


class EndingCredentials(msgspec.Struct):
    """The soonest first, 100 of each list at most. `certificates` is empty for who may not read connections."""

    credentials: list[EndingCredential]
    certificates: list[EndingCertificate]


async def list_ending_credentials(request: Request, caller: Caller, query: EndingQuery) -> EndingCredentials:
    async with tenant_transaction(request, caller) as conn:
        parameters = {"within": float(query.within), "most": MOST}
        credentials = await database.every(conn, EndingCredential, ENDING, parameters)
        certificates: list[EndingCertificate] = []
        if may_federate(caller) and (await load_tenant(conn, caller.tenant_id)).federation:
            certificates = await database.every(conn, EndingCertificate, ENDING_CERTIFICATES, parameters)
        return EndingCredentials(credentials, certificates)


OPERATIONS = [
    Operation(
        "GET",
        "/v1/platform/ending-credentials",
        list_ending_credentials,
        "List credentials that end soon",
        PLATFORM_APPS,
        {200: EndingCredentials},
        "Client secrets and service tokens of active apps that end within `within` seconds, with their last use: what to renew, and what"
        " is still in use. And the certificates of identity providers of active SAML connections that end by then or have ended, unless a"
        " longer one is pinned already; only for callers who may read the connections (federation is open, and a person also has"
        " `platform:people:write`).",
        query=EndingQuery,
    ),
]
