"""The grants of the token endpoint (RFC 6749 §4), with Authlib's defaults tightened. Pure."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedGrantTypeError, grants

from services.auth.apps import scopes
from services.auth.oauth.errors import InvalidTarget
from services.auth.oauth.server import AuthorizationServer, OAuthRequest
from services.auth.tokens import Claims, jti_at
from shared import ids
from shared.crypto import Keyring

CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


class IssuesTokens:
    """What the grants share: instead of a token they make its claims, which the endpoint signs last of all."""

    request: Any
    server: Any

    @property
    def asked(self) -> OAuthRequest:
        assert isinstance(self.request, OAuthRequest)
        return self.request

    def issue(self, *, scope: str, subject: str, grant_id: str, audience: list[str]) -> dict[str, Any]:
        """The answer of RFC 6749 §5.1 but for the token itself. Times are the database's, read with the client."""
        client = self.asked.authenticated.row
        issued = client.read_at_ms // 1000
        self.asked.claims = Claims(
            iss=self.server.issuer,
            aud=audience,
            sub=subject,
            client_id=client.client_id,
            tenant_id=client.tenant_id,
            scope=scope,
            iat=issued,
            exp=issued + client.access_token_ttl,
            jti=jti_at(client.read_at_ms),
            token_use="access",
            grant_id=grant_id,
            environment=client.environment,
        )
        return {"token_type": "Bearer", "expires_in": client.access_token_ttl, "scope": scope}

    def audience(self, allowed: list[str]) -> list[str]:
        """The resources asked for (RFC 8707), or all that are allowed. Raises InvalidTarget for others."""
        return narrow_audience(self.asked.resources, allowed)


def narrow_audience(resources: tuple[str, ...], allowed: list[str]) -> list[str]:
    wanted = list(dict.fromkeys(resource.removesuffix("/") for resource in resources))
    if not set(wanted) <= set(allowed):
        raise InvalidTarget
    return wanted or allowed


class ClientCredentials(IssuesTokens, grants.ClientCredentialsGrant):
    """RFC 6749 §4.4. Nothing is stored: the token is its own record."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        client = self.asked.authenticated
        asked = self.asked.values.get("scope")
        scope = client.get_allowed_scope(asked)
        if not asked:
            # Refresh tokens are for users who are away; a machine is never away.
            scope = " ".join(one for one in client.row.requested_scopes if one != scopes.OFFLINE_ACCESS)
        elif scope is None or scopes.OFFLINE_ACCESS in scope.split(" "):
            raise InvalidScopeError("The requested scope is malformed or not approved for this app.")
        body = self.issue(
            scope=scope or "",
            subject=client.get_client_id(),
            grant_id=ids.new_id("gnt"),
            audience=self.audience(self.server.audiences),
        )
        return 200, body, self.TOKEN_RESPONSE_HEADER


def check_grant_type(request: OAuthRequest, server: AuthorizationServer) -> None:
    """Raises the error RFC 6749 §5.2 names: a missing grant_type is not an unsupported one."""
    grant_type = request.values.get("grant_type")
    if grant_type is None:
        raise InvalidRequestError("The parameter grant_type is missing.")
    if grant_type not in server.grant_types:
        raise UnsupportedGrantType


class UnsupportedGrantType(UnsupportedGrantTypeError):
    """Says which grants there are instead of repeating what was sent, which could hold any character."""

    def __init__(self) -> None:
        super().__init__("")

    def get_error_description(self) -> str:
        return "The grant types are authorization_code, client_credentials and refresh_token."


GRANTS = (ClientCredentials,)


def build_server(issuer: str, audiences: list[str], keyring: Keyring) -> AuthorizationServer:
    server = AuthorizationServer(issuer, audiences, keyring, frozenset(grant.GRANT_TYPE for grant in GRANTS))
    for grant in GRANTS:
        server.register_grant(grant)
    return server
