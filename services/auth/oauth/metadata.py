"""Metadata for clients: of the authorization server (RFC 8414) and of the resources it protects (RFC 9728)."""

from typing import get_args
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.auth.apps import scopes
from services.auth.apps.models import AuthMethod, GrantType
from services.auth.oauth.clients import ASSERTION_ALGORITHMS
from services.auth.oauth.models import ResourceMetadata, ServerMetadata
from shared.web import http

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
    settings = request.state.settings
    resources = [settings.issuer, settings.api_base_url]
    return http.json(server_metadata(settings.issuer, resources), headers=CACHE)


async def protected_resource(request: Request) -> Response:
    """Describes the host that the request names, in any spelling of letters, port or final dot."""
    settings = request.state.settings
    asked = _host_name(f"//{request.headers.get('host', '')}")
    answer = ResourceMetadata(
        resource=settings.api_base_url if asked == _host_name(settings.api_base_url) else settings.issuer,
        authorization_servers=[settings.issuer],
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
