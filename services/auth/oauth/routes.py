"""Every call of OAuth: tokens, keys and discovery."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from services.auth.apps.models import AuthMethod, GrantType
from services.auth.keys import endpoints as keys
from services.auth.oauth import authorize_endpoints, endpoints, metadata
from shared.deidentification import Mode
from shared.routing import Content, Operation

ASSERTION_TYPE = Literal["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
REFUSED_CLIENT = {401: "The client could not be authenticated"}
AUTHENTICATES = "The client authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`."


class ClientForm(msgspec.Struct, kw_only=True):
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    client_assertion_type: ASSERTION_TYPE | UnsetType = UNSET
    client_assertion: str | UnsetType = UNSET


class TokenForm(ClientForm, kw_only=True):
    """`code`, `redirect_uri` and `code_verifier` go with an authorization code, `refresh_token` with a refresh."""

    grant_type: GrantType
    scope: str | UnsetType = UNSET
    resource: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    redirect_uri: str | UnsetType = UNSET
    code_verifier: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET


class PresentedForm(ClientForm, kw_only=True):
    token: str
    token_type_hint: str | UnsetType = UNSET


class Token(msgspec.Struct):
    """`expires_in` is in seconds; the access token is a JWT of RFC 9068."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str
    refresh_token: str | UnsetType = UNSET


class Nothing(msgspec.Struct):
    """An empty object."""


class Introspection(msgspec.Struct):
    """RFC 7662 §2.2; nothing but `active` for a token that is not live or not the client's own."""

    active: bool
    token_type: Literal["Bearer", "refresh_token"] | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    sub: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    iat: int | UnsetType = UNSET
    exp: int | UnsetType = UNSET
    iss: str | UnsetType = UNSET
    aud: list[str] | UnsetType = UNSET
    jti: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET
    token_use: Literal["access", "service"] | UnsetType = UNSET
    grant_id: str | UnsetType = UNSET
    environment: Literal["production", "sandbox"] | UnsetType = UNSET
    deidentification: Mode | UnsetType = UNSET


class AuthorizeQuery(msgspec.Struct, kw_only=True):
    response_type: Literal["code"]
    client_id: str
    redirect_uri: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    code_challenge: str | UnsetType = UNSET
    code_challenge_method: Literal["S256"] | UnsetType = UNSET
    resource: str | UnsetType = UNSET
    prompt: str | UnsetType = UNSET


class Key(msgspec.Struct):
    """A public key (RFC 7517)."""

    kty: Literal["RSA"]
    kid: str
    use: Literal["sig"]
    alg: Literal["RS256"]
    n: str
    e: str


class Keys(msgspec.Struct):
    keys: list[Key]


class ServerMetadata(msgspec.Struct):
    """RFC 8414 §2."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    revocation_endpoint: str
    introspection_endpoint: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[GrantType]
    code_challenge_methods_supported: list[str]
    token_endpoint_auth_methods_supported: list[AuthMethod]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[AuthMethod]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint_auth_methods_supported: list[AuthMethod]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]
    authorization_response_iss_parameter_supported: bool
    protected_resources: list[str]
    ui_locales_supported: list[str]


class ResourceMetadata(msgspec.Struct):
    """RFC 9728 §2."""

    resource: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    resource_signing_alg_values_supported: list[str]


OPERATIONS = [
    Operation(
        "GET",
        "/v1/oauth/authorize",
        authorize_endpoints.authorize,
        "Ask a user for access",
        None,
        {200: (Content("text/html", {}),), 302: None, 303: None},
        "Opened in the user's browser: sign-in and consent, then back to `redirect_uri` with `code`, `state` and `iss` (RFC 6749"
        " §4.1, RFC 9207). PKCE with S256 is required for public apps and wherever governance enforces it. A bad `client_id` or"
        " `redirect_uri` is an error page, never a redirect.",
        query=AuthorizeQuery,
        errors="page",
    ),
    Operation(
        "POST",
        "/v1/oauth/token",
        endpoints.token,
        "Get a token",
        None,
        {200: Token},
        "Client credentials, authorization code (60 seconds, once) or refresh (each refresh token once; reuse ends the family). "
        + AUTHENTICATES,
        form=TokenForm,
        errors="oauth",
        authenticates_client=True,
        refusals=REFUSED_CLIENT,
        example={
            "grant_type": "client_credentials",
            "client_id": "app_123",
            "client_secret": "<client-secret>",
            "scope": "webhooks:write",
        },
    ),
    Operation(
        "POST",
        "/v1/oauth/revoke",
        endpoints.revoke,
        "Give a token back",
        None,
        {200: Nothing},
        "RFC 7009. A refresh token takes its family with it. " + AUTHENTICATES,
        form=PresentedForm,
        errors="oauth",
        authenticates_client=True,
        refusals=REFUSED_CLIENT,
        example={"token": "<access-token>", "client_id": "app_123", "client_secret": "<client-secret>"},
    ),
    Operation(
        "POST",
        "/v1/oauth/introspect",
        endpoints.introspect,
        "Ask about a token",
        None,
        {200: Introspection},
        "RFC 7662, for the client's own tokens. " + AUTHENTICATES,
        form=PresentedForm,
        errors="oauth",
        authenticates_client=True,
        refusals=REFUSED_CLIENT,
        example={"token": "<access-token>", "client_id": "app_123", "client_secret": "<client-secret>"},
    ),
    Operation(
        "GET",
        "/.well-known/jwks.json",
        keys.jwks,
        "Read the signing keys",
        None,
        {200: Keys},
        "Pick the key by the token's `kid`; fetch again when it is unknown.",
        has_etag=True,
    ),
    Operation(
        "GET",
        "/v1/auth/jwks.json",
        keys.jwks,
        "Read the signing keys, versioned path",
        None,
        {200: Keys},
        has_etag=True,
    ),
    Operation(
        "GET",
        "/.well-known/oauth-authorization-server",
        metadata.authorization_server,
        "Discover the authorization server",
        None,
        {200: ServerMetadata},
        "RFC 8414.",
    ),
    Operation(
        "GET",
        "/.well-known/oauth-protected-resource",
        metadata.protected_resource,
        "Discover a protected resource",
        None,
        {200: ResourceMetadata},
        "RFC 9728; each host answers for itself.",
    ),
]
