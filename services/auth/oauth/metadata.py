"""Metadata for clients: of the authorization server (RFC 8414) and of the resources it protects (RFC 9728)."""

from typing import get_args
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.auth.apps import scopes
from services.auth.apps.models import AuthMethod, GrantType
from services.auth.oauth.clients import ASSERTION_ALGORITHMS
from services.auth.oauth.models import ResourceMetadata, ServerMetadata
from shared.web import http, loopback

CACHE = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
AUTH_METHODS: list[AuthMethod] = list(get_args(AuthMethod))


def server_metadata(issuer: str, resources: list[str]) -> ServerMetadata:
    oauth = f"{issuer}/v1/oauth"
    return ServerMetadata(
        issuer=issuer,
        authorization_endpoint=f"{oauth}/authorize",
        token_endpoint=f"{oauth}/token",
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        revocation_endpoint=f"{oauth}/revoke",
        introspection_endpoint=f"{oauth}/introspect",
        device_authorization_endpoint=f"{oauth}/device_authorization",
        scopes_supported=list(scopes.DESCRIPTIONS),
        response_types_supported=["code"],
        response_modes_supported=["query"],
        grant_types_supported=list(get_args(GrantType)),
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=AUTH_METHODS,
        token_endpoint_auth_signing_alg_values_supported=ASSERTION_ALGORITHMS,
        revocation_endpoint_auth_methods_supported=AUTH_METHODS,
        revocation_endpoint_auth_signing_alg_values_supported=ASSERTION_ALGORITHMS,
        introspection_endpoint_auth_methods_supported=[method for method in AUTH_METHODS if method != "none"],
        introspection_endpoint_auth_signing_alg_values_supported=ASSERTION_ALGORITHMS,
        authorization_response_iss_parameter_supported=True,
        protected_resources=resources,
        ui_locales_supported=["en", "it"],
    )


async def authorization_server(request: Request) -> Response:
    """At the addresses of a platform on one machine it names itself by them (RFC 8414 §3.3): not every client resolves its hosts."""
    settings, host = request.state.settings, request.headers.get("host", "")
    resources = dict.fromkeys(loopback.address(name, host) for name in (settings.issuer, settings.api_base_url))
    metadata = server_metadata(loopback.address(settings.issuer, host), list(resources))
    return http.json(metadata, headers=CACHE | {"vary": "host"})


async def protected_resource(request: Request) -> Response:
    """Describes the host that the request names, in any spelling of letters, port or final dot."""
    settings, host = request.state.settings, request.headers.get("host", "")
    is_api = _host_name(f"//{host}") == _host_name(settings.api_base_url)
    issuer = loopback.address(settings.issuer, host)
    answer = ResourceMetadata(
        resource=settings.api_base_url if is_api else issuer,
        authorization_servers=[issuer],
        scopes_supported=list(scopes.DESCRIPTIONS),
        bearer_methods_supported=["header"],
        resource_signing_alg_values_supported=["RS256"],
    )
    return http.json(answer, headers=CACHE | {"vary": "host"})


def _host_name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""
