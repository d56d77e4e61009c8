"""Authlib's authorization server and its grants (RFC 6749 §4 and §6), PKCE, revocation and introspection, with stricter defaults.

Nothing here does I/O: an endpoint reads the facts before and writes the results after. So it runs on the event loop and is tested
without a database.
"""

import logging
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from authlib.oauth2.rfc6749 import AuthorizationServer as AuthlibServer
from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    OAuth2Request,
    UnsupportedGrantTypeError,
    grants,
)
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceCodeGrant
from msgspec import UNSET

from services.auth.apps import scopes
from services.auth.apps.rules import DEVICE_CODE
from services.auth.oauth import clients
from services.auth.oauth.clients import Assertion, Client, Presented, matching_secret
from services.auth.oauth.devices import Polled
from services.auth.oauth.forms import Form, InvalidClient, InvalidTarget
from services.auth.oauth.tokens import (
    AFTER_SECOND_FACTOR,
    AccessToken,
    Claims,
    GrantRow,
    RedeemedCode,
    RefreshToken,
    introspection,
    jti_at,
)
from shared.primitives.crypto import Keyring
from shared.web import loopback

# At DEBUG, Authlib logs the tokens it has made.
logging.getLogger("authlib").setLevel(logging.WARNING)


class Answer(NamedTuple):
    """Authlib's HTTP answer; an empty body with a Location is a redirect."""

    status: int
    body: Any
    headers: list[tuple[str, str]]


class OAuthRequest(OAuth2Request):
    """A request with the facts for its decision (a used code, a locked grant), and afterwards the decision.

    `continues` is the grant whose refresh token of `next_generation` goes into the answer.
    """

    def __init__(
        self, method: str, form: Form, presented: Presented | None = None, client: Client | None = None
    ) -> None:
        # Authlib only checks that the address uses TLS. The gateway terminates TLS.
        super().__init__(method, "https://auth.invalid/")
        self.values = dict(form.values)
        self.payload = BasicOAuth2Payload(self.values)
        self.resources = form.resources
        self.presented = presented
        self.known_client = client
        self.secret_id: str | None = None
        self.refused_because = ""
        self.assertion: Assertion | None = None
        self.code: RedeemedCode | None = None
        self.device: Polled | None = None
        self.refresh: RefreshToken | None = None
        self.token: AccessToken | RefreshToken | None = None
        self.gives_back: AccessToken | RefreshToken | None = None
        self.new_code: str | None = None
        self.continues: GrantRow | None = None
        self.next_generation = 0
        self.claims: Claims | None = None
        self.error: OAuth2Error | None = None

    @property
    def form(self) -> dict[str, str]:
        return self.values

    @property
    def args(self) -> dict[str, str | None]:
        return {}

    @property
    def authenticated(self) -> Client:
        """The authenticated client."""
        assert isinstance(self.client, Client)
        return self.client


class AuthorizationServer(AuthlibServer):
    """One for each process; `for_client` gives a copy for one request."""

    def __init__(self, issuer: str, audiences: list[str], keyring: Keyring, grant_types: frozenset[str]) -> None:
        super().__init__()
        self.grant_types = grant_types
        self.issuer = issuer
        self.audiences = audiences
        self.keyring = keyring
        self.address = issuer
        """The issuer as the client knows it: a platform on one machine is asked at `localhost` too, and says so in its metadata."""
        self._client: Client | None = None

    def for_client(self, client: Client | None, host: str) -> "AuthorizationServer":
        """For one request of that client to `host`, as its `Host` field has it."""
        view = object.__new__(AuthorizationServer)
        view.__dict__ = self.__dict__ | {"_client": client, "address": loopback.address(self.issuer, host)}
        return view

    @property
    def assertion_audiences(self) -> list[str]:
        """RFC 7523 §3 allows the token endpoint; newer clients send the issuer."""
        return [name + path for name in (self.issuer, self.address) for path in ("", "/v1/oauth/token")]

    def narrow_audience(self, resources: tuple[str, ...], allowed: list[str]) -> list[str]:
        """The requested resources (RFC 8707), or all allowed ones. Raises InvalidTarget for others.

        The address of a platform on one machine is that of all its resources."""
        wanted = list(dict.fromkeys(resource.removesuffix("/") for resource in resources))
        if self.address != self.issuer and self.address in wanted:
            return allowed
        if not set(wanted) <= set(allowed):
            raise InvalidTarget
        return wanted or allowed

    def query_client(self, client_id: str) -> Client | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        client = self._client
        return client if client is not None and client.get_client_id() == client_id else None

    def authenticate_client(self, request: OAuth2Request, methods: Collection[str], endpoint: str = "token") -> Client:
        """Raises InvalidClient, with the same answer for every cause. A request is authenticated only once."""
        assert isinstance(request, OAuthRequest)
        if request.client is None:
            presented, client = request.presented, request.known_client
            if presented is None:
                raise InvalidClient("No client credentials are given.")
            if presented.method in ("client_secret_basic", "client_secret_post"):
                request.secret_id = matching_secret(client, presented.client_id, presented.proof, self.keyring)
                if request.secret_id is None:
                    raise InvalidClient("The client secret is not one of this app's live secrets.")
            if client is None or not client.check_endpoint_auth_method(presented.method, "token"):
                raise InvalidClient("The app authenticates in another way.")
            if presented.method == clients.ASSERTION_METHOD:
                request.assertion = clients.verify_assertion(presented.proof, client, self.assertion_audiences)
            if not client.is_live:
                raise InvalidClient("The app or its organisation is disabled.")
            request.auth_method = presented.method
            request.client = client
        if request.auth_method not in methods:
            raise InvalidClient("This endpoint does not take the client's way to authenticate.")
        return request.authenticated

    def create_oauth2_request(self, request: Any) -> OAuthRequest:
        assert isinstance(request, OAuthRequest)
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        return Answer(status, body, list(headers))

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Answer:
        assert isinstance(request, OAuthRequest)
        request.error = error
        return self.handle_response(*error())

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Authlib calls it at every step; nothing uses it."""

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Nothing: the endpoint writes in its own transaction."""


# --- The grants (RFC 6749 §4 and §6) ----------------------------------------------------------------------------------

CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


class IssuesTokens:
    """The common part of the grants: they make claims instead of a token, and the endpoint signs them last."""

    request: Any
    server: Any

    @property
    def asked(self) -> OAuthRequest:
        assert isinstance(self.request, OAuthRequest)
        return self.request

    def issue(
        self, *, scope: str, subject: str, grant_id: str | None, audience: list[str], second_factor: bool = False
    ) -> dict[str, Any]:
        """The answer of RFC 6749 §5.1 without the tokens. Times are the database's, read with the client.

        A token without a user's grant has its own id as grant id.
        """
        client = self.asked.authenticated.row
        issued, jti = client.read_at_ms // 1000, jti_at(client.read_at_ms)
        self.asked.claims = Claims(
            iss=self.server.issuer,
            aud=self.server.narrow_audience(self.asked.resources, audience),
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
            amr=AFTER_SECOND_FACTOR if second_factor else UNSET,
        )
        return {"token_type": "Bearer", "expires_in": client.access_token_ttl, "scope": scope}

    def issue_of(self, grant: GrantRow, scope: str) -> dict[str, Any]:
        """Tokens of a person's grant."""
        return self.issue(
            scope=scope,
            subject=grant.user_id,
            grant_id=grant.grant_id,
            audience=grant.audience,
            second_factor=grant.second_factor,
        )

    def issue_for(self, code: RedeemedCode | None) -> dict[str, Any]:
        """The first tokens of a person's grant."""
        if code is None:
            raise InvalidGrantError("The code is invalid.")
        grant = code.grant
        self.asked.continues = grant if grant.offline else None
        self.asked.next_generation = 1
        scope = self.still_approved(grant.scopes, None)
        return self.issue_of(grant, scope)

    def still_approved(self, granted: list[str], asked: str | None) -> str:
        """The scopes of a user's grant that are still approved. Raises InvalidScopeError for others, or if none is left."""
        approved = self.asked.authenticated.approved_scopes
        wanted = granted if asked is None else scopes.parse(asked) or []
        allowed = [scope for scope in wanted if scopes.allows(approved, scope)]
        if not allowed or (asked is not None and allowed != wanted):
            raise InvalidScopeError("The requested scope is malformed or not approved for this app.")
        return " ".join(allowed)


class ClientCredentialsGrant(IssuesTokens, grants.ClientCredentialsGrant):
    """RFC 6749 §4.4. The database stores nothing about the token."""

    TOKEN_ENDPOINT_AUTH_METHODS = CONFIDENTIAL

    def generate_token(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        client = self.asked.authenticated
        asked = self.asked.values.get("scope")
        scope = client.get_allowed_scope(asked)
        if asked is None:
            # Refresh tokens are for absent users; client credentials have no user.
            scope = " ".join(one for one in client.approved_scopes if one != scopes.OFFLINE_ACCESS)
        elif scope is None or scopes.OFFLINE_ACCESS in scope.split(" "):
            raise InvalidScopeError("The requested scope is malformed or not approved for this app.")
        return self.issue(
            scope=scope or "",
            subject=client.get_client_id(),
            grant_id=None,
            audience=self.server.audiences,
        )


class AuthorizationCodeGrant(IssuesTokens, grants.AuthorizationCodeGrant):
    """RFC 6749 §4.1. The endpoint has marked the code as used; Authlib decides whether it gives a token."""

    TOKEN_ENDPOINT_AUTH_METHODS = [*CONFIDENTIAL, "none"]  # noqa: RUF012 - Authlib's own name and type

    def query_authorization_code(self, code: str, client: Any) -> RedeemedCode | None:
        return self.asked.code

    def authenticate_user(self, authorization_code: RedeemedCode) -> str | None:
        return authorization_code.grant.user_id if authorization_code.grant.is_live else None

    def generate_token(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return self.issue_for(self.asked.code)

    def save_authorization_code(self, code: str, request: Any) -> None:
        self.asked.new_code = code

    def delete_authorization_code(self, authorization_code: Any) -> None:
        """Nothing: the endpoint has marked it as used."""


class DeviceGrant(IssuesTokens, DeviceCodeGrant):
    """RFC 8628 §3.4. The endpoint has polled the device's row, and redeemed its code if a person has allowed it."""

    TOKEN_ENDPOINT_AUTH_METHODS = [*CONFIDENTIAL, "none"]  # noqa: RUF012 - Authlib's own name and type

    def query_device_credential(self, device_code: str) -> Polled:
        if self.asked.device is None:
            raise InvalidGrantError("The device code is unknown, was used before, or is another app's.")
        return self.asked.device

    def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
        polled = self.asked.device
        if polled is not None and polled.redeemed is not None:
            if not polled.redeemed.grant.is_live:
                raise InvalidGrantError("The user's grant has expired or was revoked.")
            return polled.redeemed.grant.user_id, True
        return ("", False) if polled is not None and polled.row is not None and polled.row.state == "denied" else None

    def should_slow_down(self, credential: Any) -> bool:
        return credential.row.is_early

    def generate_token(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return self.issue_for(self.asked.device.redeemed if self.asked.device is not None else None)


class RefreshGrant(IssuesTokens, grants.RefreshTokenGrant):
    """RFC 6749 §6, with rotation. The endpoint has locked the grant and refused reuse."""

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
        return self.issue_of(grant, scope)

    def revoke_old_credential(self, refresh_token: Any) -> None:
        """Nothing: the next generation replaces it."""


class UnsupportedGrantType(UnsupportedGrantTypeError):
    """Lists the supported grants. It does not repeat the request, which could hold any character."""

    description = f"The grant types are authorization_code, client_credentials, refresh_token and {DEVICE_CODE}."

    def __init__(self) -> None:
        super().__init__("")

    def get_error_description(self) -> str:
        return self.description


def check_grant_type(request: OAuthRequest, server: AuthorizationServer) -> str:
    """The grant type. Raises InvalidRequestError if it is missing, UnsupportedGrantType if it is unknown (RFC 6749 §5.2)."""
    grant_type = request.values.get("grant_type")
    if grant_type is None:
        raise InvalidRequestError("The parameter grant_type is missing.")
    if grant_type not in server.grant_types:
        raise UnsupportedGrantType
    return grant_type


def build_server(issuer: str, audiences: list[str], keyring: Keyring) -> AuthorizationServer:
    types = frozenset({"authorization_code", "client_credentials", "refresh_token", DEVICE_CODE})
    server = AuthorizationServer(issuer, audiences, keyring, types)
    server.register_grant(ClientCredentialsGrant)
    server.register_grant(AuthorizationCodeGrant, [S256(required=True)])
    server.register_grant(RefreshGrant)
    server.register_grant(DeviceGrant)
    server.register_endpoint(Revocation)
    server.register_endpoint(Introspection)
    return server


# --- PKCE (RFC 7636, RFC 9700) ----------------------------------------------------------------------------------------

# An S256 challenge: 32 bytes in base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class S256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's own name and type
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    CODE_CHALLENGE_METHODS = {"S256": compare_s256_code_challenge}  # noqa: RUF012 - Authlib's own name and type

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Each client that must use PKCE, or uses it, sends a well-formed S256 challenge."""
        values = grant.asked.values
        challenge, method = values.get("code_challenge"), values.get("code_challenge_method")
        if challenge is None and method is None:
            if grant.asked.known_client.must_use_pkce():
                raise InvalidRequestError("This app must use PKCE: code_challenge is missing.")
            return
        if method != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")
        if challenge is None or not _CHALLENGE.fullmatch(challenge):
            raise InvalidRequestError("The code_challenge is not one of S256.")

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        verifier = grant.asked.values.get("code_verifier")
        if verifier is not None and not _VERIFIER.fullmatch(verifier):
            raise InvalidRequestError("The code_verifier is malformed.")
        super().validate_code_verifier(grant, result)


# --- Revocation (RFC 7009) and introspection (RFC 7662) ---------------------------------------------------------------

PresentedToken = AccessToken | RefreshToken


class _ReadsToken:
    """The common part of both endpoints. The token is read before; an unknown hint is no error (RFC 7009 §2.1)."""

    def check_params(self, request: Any, client: Any) -> None:
        if "token" not in request.form:
            raise InvalidRequestError("The parameter token is missing.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> Any:
        return None

    def read(self, request: OAuthRequest) -> PresentedToken | None:
        return request.token


class Revocation(_ReadsToken, RevocationEndpoint):
    CLIENT_AUTH_METHODS = [*CONFIDENTIAL, "none"]  # noqa: RUF012 - Authlib's own name and type

    def authenticate_token(self, request: Any, client: Any) -> PresentedToken | None:
        """None for another client's token, which gets 200 as an unknown one does (RFC 7009 §2.2)."""
        self.check_params(request, client)
        token = self.read(request)
        return token if token is not None and token.check_client(client) else None

    def revoke_token(self, token: Any, request: Any) -> None:
        request.gives_back = token


class Introspection(_ReadsToken, IntrospectionEndpoint):
    """For clients that authenticate, about their own tokens; every other token is not active."""

    CLIENT_AUTH_METHODS = CONFIDENTIAL

    def authenticate_token(self, request: Any, client: Any) -> PresentedToken | None:
        self.check_params(request, client)
        token = self.read(request)
        return token if token is not None and self.check_permission(token, client, request) else None

    def check_permission(self, token: Any, client: Any, request: Any) -> bool:
        return token.check_client(client)

    def introspect_token(self, token: Any) -> dict[str, Any]:
        return introspection(token)
