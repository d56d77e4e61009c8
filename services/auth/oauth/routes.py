"""Route entries of OAuth: tokens, keys and discovery."""

from services.auth.keys import endpoints as keys
from services.auth.oauth import authorize_endpoints, endpoints, metadata
from services.auth.oauth.models import (
    AuthorizeQuery,
    Introspection,
    Keys,
    Nothing,
    PresentedForm,
    ResourceMetadata,
    ServerMetadata,
    Token,
    TokenForm,
)
from shared.web.routing import Content, Operation

REFUSED_CLIENT = {401: "The client could not be authenticated"}
AUTHENTICATES = "The client authenticates with HTTP Basic, `client_secret` in the body, or a signed `client_assertion`."
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
        "RFC 7009. A refresh token is revoked with its family. " + AUTHENTICATES,
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
