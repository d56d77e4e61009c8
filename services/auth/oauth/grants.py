"""The grants of the token endpoint (RFC 6749 §4 and §6), with Authlib's defaults tightened. Pure."""

from typing import Any

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
    grants,
)

from services.auth.apps import scopes
from services.auth.oauth.errors import InvalidTarget
from services.auth.oauth.models import RedeemedCode
from services.auth.oauth.pkce import S256
from services.auth.oauth.server import AuthorizationServer, OAuthRequest
from services.auth.tokens import Claims, jti_at
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

    def issue(self, *, scope: str, subject: str, grant_id: str | None, audience: list[str]) -> dict[str, Any]:
        """The answer of RFC 6749 §5.1 but for the tokens. Times are the database's, read with the client.

        A token that no user granted is its own grant.
        """
        client = self.asked.authenticated.row
        issued, jti = client.read_at_ms // 1000, jti_at(client.read_at_ms)
        self.asked.claims = Claims(
            iss=self.server.issuer,
            aud=narrow_audience(self.asked.resources, audience),
            sub=subject,
            client_id=client.client_id,
            tenant_id=client.tenant_id,
            scope=scope,
            iat=issued,
            exp=issued + client.access_token_ttl,
            jti=jti,
            token_use="access",
            grant_id=grant_id or jti,
            environment=client.environment,
            deidentification=client.deidentification,
        )
        return {"token_type": "Bearer", "expires_in": client.access_token_ttl, "scope": scope}

    def still_approved(self, granted: list[str], asked: str | None) -> str:
        """What a user's grant may carry today. Raises InvalidScopeError for more, or when nothing is left."""
        approved = self.asked.authenticated.row.approved_scopes
        wanted = granted if asked is None else scopes.parse(asked) or []
        allowed = [scope for scope in wanted if scopes.allows(approved, scope)]
        if not allowed or (asked is not None and allowed != wanted):
            raise InvalidScopeError("The requested scope is malformed or not approved for this app.")
        return " ".join(allowed)


def narrow_audience(resources: tuple[str, ...], allowed: list[str]) -> list[str]:
    """The resources asked for (RFC 8707), or all that are allowed. Raises InvalidTarget for others."""
    wanted = list(dict.fromkeys(resource.removesuffix("/") for resource in resources))
    if not set(wanted) <= set(allowed):
        raise InvalidTarget
    return wanted or allowed


class ClientCredentials(IssuesTokens, grants.ClientCredentialsGrant):
    """RFC 6749 §4.4. Nothing is stored: the token is its own record."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def generate_token(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        client = self.asked.authenticated
        asked = self.asked.values.get("scope")
        scope = client.get_allowed_scope(asked)
        if asked is None:
            # Refresh tokens are for users who are away; a machine is never away.
            scope = " ".join(one for one in client.row.approved_scopes if one != scopes.OFFLINE_ACCESS)
        elif scope is None or scopes.OFFLINE_ACCESS in scope.split(" "):
            raise InvalidScopeError("The requested scope is malformed or not approved for this app.")
        return self.issue(
            scope=scope or "",
            subject=client.get_client_id(),
            grant_id=None,
            audience=self.server.audiences,
        )


class AuthorizationCode(IssuesTokens, grants.AuthorizationCodeGrant):
    """RFC 6749 §4.1. The endpoint burns the code before Authlib sees it; Authlib decides whether that was worth a token."""

    TOKEN_ENDPOINT_AUTH_METHODS = [*CONFIDENTIAL, "none"]  # noqa: RUF012 - Authlib's own name and type

    def query_authorization_code(self, code: str, client: Any) -> RedeemedCode | None:
        return self.asked.code

    def authenticate_user(self, authorization_code: RedeemedCode) -> str | None:
        return authorization_code.grant.user_id if authorization_code.grant.is_live else None

    def generate_token(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        code = self.asked.code
        if code is None:
            raise InvalidGrantError("The code is invalid.")
        grant = code.grant
        self.asked.continues = grant if grant.offline else None
        self.asked.next_generation = 1
        scope = self.still_approved(grant.scopes, None)
        return self.issue(scope=scope, subject=grant.user_id, grant_id=grant.grant_id, audience=grant.audience)

    def save_authorization_code(self, code: str, request: Any) -> None:
        self.asked.new_code = code

    def delete_authorization_code(self, authorization_code: Any) -> None:
        """It is burned already."""


class RefreshToken(IssuesTokens, grants.RefreshTokenGrant):
    """RFC 6749 §6, rotating. The endpoint has locked the grant and knows whether this use is reuse."""

    TOKEN_ENDPOINT_AUTH_METHODS = [*CONFIDENTIAL, "none"]  # noqa: RUF012 - Authlib's own name and type
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Any:
        return self.asked.refresh

    def authenticate_user(self, refresh_token: Any) -> str:
        return refresh_token.grant.user_id

    def issue_token(self, user: Any, refresh_token: Any) -> dict[str, Any]:
        grant = refresh_token.grant
        self.asked.continues = grant
        scope = self.still_approved(grant.scopes, self.asked.values.get("scope"))
        return self.issue(scope=scope, subject=grant.user_id, grant_id=grant.grant_id, audience=grant.audience)

    def revoke_old_credential(self, refresh_token: Any) -> None:
        """The next generation does that."""


class UnsupportedGrantType(UnsupportedGrantTypeError):
    """Says which grants there are instead of repeating what was sent, which could hold any character."""

    description = "The grant types are authorization_code, client_credentials and refresh_token."

    def __init__(self) -> None:
        super().__init__("")

    def get_error_description(self) -> str:
        return self.description


def check_grant_type(request: OAuthRequest, server: AuthorizationServer) -> str:
    """The grant type. Raises what RFC 6749 §5.2 names: a missing grant_type is not an unsupported one."""
    grant_type = request.values.get("grant_type")
    if grant_type is None:
        raise InvalidRequestError("The parameter grant_type is missing.")
    if grant_type not in server.grant_types:
        raise UnsupportedGrantType
    return grant_type


def build_server(issuer: str, audiences: list[str], keyring: Keyring) -> AuthorizationServer:
    types = frozenset({"authorization_code", "client_credentials", "refresh_token"})
    server = AuthorizationServer(issuer, audiences, keyring, types)
    server.register_grant(ClientCredentials)
    server.register_grant(AuthorizationCode, [S256(required=True)])
    server.register_grant(RefreshToken)
    return server
