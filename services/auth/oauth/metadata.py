"""What clients discover: the authorization server (RFC 8414) and the resources it protects (RFC 9728)."""

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from services.auth.apps import scopes
from services.auth.oauth import clients
from shared import http

CACHE = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
AUTH_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]


def server_metadata(issuer: str, resources: list[str]) -> dict[str, Any]:
    oauth = f"{issuer}/v1/oauth"
    confidential = [method for method in AUTH_METHODS if method != "none"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "revocation_endpoint": f"{oauth}/revoke",
        "introspection_endpoint": f"{oauth}/introspect",
        "scopes_supported": list(scopes.DESCRIPTIONS),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "token_endpoint_auth_signing_alg_values_supported": clients.ASSERTION_ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": clients.ASSERTION_ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": confidential,
        "introspection_endpoint_auth_signing_alg_values_supported": clients.ASSERTION_ALGORITHMS,
        "authorization_response_iss_parameter_supported": True,
        "protected_resources": resources,
        "ui_locales_supported": ["en", "it"],
    }


def resource_metadata(resource: str, issuer: str) -> dict[str, Any]:
    return {
        "resource": resource,
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes.DESCRIPTIONS),
        "bearer_methods_supported": ["header"],
        "resource_signing_alg_values_supported": ["RS256"],
    }


async def authorization_server(request: Request) -> Response:
    settings = request.state.settings
    resources = [settings.issuer, settings.api_base_url]
    return http.json(server_metadata(settings.issuer, resources), headers=CACHE)


def _host_name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


async def protected_resource(request: Request) -> Response:
    """Of the host that was asked: both are reached under their own name, however its letters, port or final dot are written."""
    settings = request.state.settings
    asked = _host_name(f"//{request.headers.get('host', '')}")
    resource = settings.api_base_url if asked == _host_name(settings.api_base_url) else settings.issuer
    return http.json(resource_metadata(resource, settings.issuer), headers=CACHE | {"vary": "host"})
