"""Authlib's authorization server as a pure machine: facts were read before it runs, what it decides is written after.

Nothing in here does I/O, so that it can run on the event loop and be tested without a database.
"""

import logging
from collections.abc import Collection
from typing import Any, NamedTuple

from authlib.oauth2.rfc6749 import AuthorizationServer as AuthlibServer
from authlib.oauth2.rfc6749 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload

from services.auth.oauth import assertions
from services.auth.oauth.assertions import Assertion
from services.auth.oauth.client import Client, matching_secret
from services.auth.oauth.errors import InvalidClient
from services.auth.oauth.forms import Form
from services.auth.oauth.models import GrantRow, PresentedRefresh, RedeemedCode
from services.auth.oauth.presented import Presented
from services.auth.oauth.presented_token import AccessToken, RefreshToken
from services.auth.tokens import Claims
from shared.crypto import Keyring

# At DEBUG, Authlib logs the tokens it has made.
logging.getLogger("authlib").setLevel(logging.WARNING)


class Answer(NamedTuple):
    """An HTTP answer as Authlib decides it; an empty body with a Location is a redirect."""

    status: int
    body: Any
    headers: list[tuple[str, str]]


class OAuthRequest(OAuth2Request):
    """A request with the facts its decision needs (a burned code, a locked grant), and afterwards what was decided.

    `continues` is the grant whose refresh token of `next_generation` goes into the answer.
    """

    def __init__(
        self, method: str, form: Form, presented: Presented | None = None, client: Client | None = None
    ) -> None:
        # The address only has to look safe to Authlib; the gateway in front of us is what speaks TLS.
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
        self.refresh: PresentedRefresh | None = None
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
        """The client, once it has proved who it is."""
        assert isinstance(self.client, Client)
        return self.client


class AuthorizationServer(AuthlibServer):
    """One for the process; `for_client` gives the copy that serves one request."""

    def __init__(self, issuer: str, audiences: list[str], keyring: Keyring, grant_types: frozenset[str]) -> None:
        super().__init__()
        self.grant_types = grant_types
        self.issuer = issuer
        self.audiences = audiences
        self.keyring = keyring
        # RFC 7523 §3 allows the token endpoint; the issuer is what newer clients send.
        self.assertion_audiences = [issuer, f"{issuer}/v1/oauth/token"]
        self._client: Client | None = None

    def for_client(self, client: Client | None) -> "AuthorizationServer":
        view = object.__new__(AuthorizationServer)
        view.__dict__ = self.__dict__ | {"_client": client}
        return view

    def query_client(self, client_id: str) -> Client | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        client = self._client
        return client if client is not None and client.get_client_id() == client_id else None

    def authenticate_client(self, request: OAuth2Request, methods: Collection[str], endpoint: str = "token") -> Client:
        """Raises InvalidClient, the same one whatever is wrong. A request is authenticated once, however often it is asked."""
        assert isinstance(request, OAuthRequest)
        if request.client is None:
            request.client = self._authenticate(request)
        if request.auth_method not in methods:
            raise InvalidClient("This endpoint does not take the client's way to authenticate.")
        return request.authenticated

    def _authenticate(self, request: OAuthRequest) -> Client:
        presented, client = request.presented, request.known_client
        if presented is None:
            raise InvalidClient("No client credentials are given.")
        if presented.method in ("client_secret_basic", "client_secret_post"):
            request.secret_id = matching_secret(client, presented.client_id, presented.proof, self.keyring)
            if request.secret_id is None:
                raise InvalidClient("The client secret is not one of this app's live secrets.")
        if client is None or not client.check_endpoint_auth_method(presented.method, "token"):
            raise InvalidClient("The app authenticates in another way.")
        if presented.method == assertions.METHOD:
            request.assertion = assertions.verify(presented.proof, client, self.assertion_audiences)
        if not client.is_live:
            raise InvalidClient("The app or its organisation is disabled.")
        request.auth_method = presented.method
        return client

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
        """Authlib calls it at every step; nobody listens."""

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """The endpoint writes what there is to write, in its own transaction."""
