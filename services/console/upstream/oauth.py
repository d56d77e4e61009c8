"""The console as an OAuth client: the authorization request, the exchange of its code, refreshing and giving back tokens."""

import hashlib
import time
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from services.console.session import cookies
from services.console.session.client_keys import ASSERTION_TYPE, ClientKeys
from services.console.session.models import Profile, Tokens
from services.console.settings import Settings
from services.console.upstream.errors import Refused, Unavailable, UpstreamFailure
from services.console.upstream.gateway import Gateway, Person
from shared.primitives.crypto import base64url_encode

CLIENT = "console"
"""The common app (auth's `common_apps`). The answer names the organisation's own app in its place."""
DONE = "/sign-in/done"
TOKEN = "/v1/oauth/token"  # noqa: S105 - a path
REVOKE = "/v1/oauth/revoke"
ME = "/v1/platform/me"
EARLY_SECONDS = 60
"""An access token is renewed so long before its end, or halfway through a shorter life."""


class Request(NamedTuple):
    """An authorization request: the address for the browser, and the secrets that its answer is checked with."""

    location: str
    state: str
    verifier: str


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int
    scope: str = ""
    refresh_token: str = ""


class _Me(msgspec.Struct):
    class Person(msgspec.Struct):
        user_id: str
        email: str
        name: str
        role: str | None = None

    class Organisation(msgspec.Struct):
        tenant_id: str
        name: str
        environment: str

    person: Person | None
    organisation: Organisation
    scopes: list[str]
    signed_in_at: datetime | None = None


class OAuth:
    def __init__(self, settings: Settings, gateway: Gateway) -> None:
        self._settings = settings
        self._gateway = gateway
        self._keys = ClientKeys(settings.client_keys)

    def request(self, language: str) -> Request:
        """A new authorization request (RFC 6749 §4.1.1, PKCE of RFC 7636). It names no scope: the person's roles decide."""
        state, verifier = cookies.new_token(), cookies.new_token()
        challenge = base64url_encode(hashlib.sha256(verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": CLIENT,
            "redirect_uri": self._redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "ui_locales": language,
        }
        return Request(f"{self._settings.issuer}/v1/oauth/authorize?{urlencode(query)}", state, verifier)

    async def redeem(self, person: Person, client_id: str, code: str, verifier: str) -> Tokens:
        """Raises Refused or Unavailable."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }
        return _as_tokens(client_id, await self._ask(person, client_id, form), "")

    async def refresh(self, person: Person, tokens: Tokens) -> tuple[Tokens, frozenset[str]]:
        """The next tokens, and their scopes."""
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
        granted = await self._ask(person, tokens.client_id, form)
        return _as_tokens(tokens.client_id, granted, tokens.refresh), frozenset(granted.scope.split())

    async def give_back(self, person: Person, tokens: Tokens) -> bool:
        """Ends the whole grant (RFC 7009). False if auth could not be reached; the grant then ends by its time."""
        form = self._authenticated(tokens.client_id) | {"token": tokens.refresh or tokens.access}
        try:
            await self._gateway.send(person, "POST", REVOKE, host="auth", form=form)
        except UpstreamFailure:
            return False
        return True

    async def profile(self, person: Person, tokens: Tokens) -> tuple[Profile, float]:
        """The person, and when they signed in to auth (Unix seconds, 0 where auth does not know)."""
        answer = await self._gateway.send(person, "GET", ME, host="api", token=tokens.access)
        me = answer.read(_Me)
        if me.person is None:
            raise Refused(403, "no-person", "The token acts for no person.", answer.trace_id)
        profile = Profile(
            user_id=me.person.user_id,
            email=me.person.email,
            name=me.person.name,
            tenant_id=me.organisation.tenant_id,
            tenant_name=me.organisation.name,
            is_sandbox=me.organisation.environment == "sandbox",
            scopes=frozenset(me.scopes),
            role=me.person.role or "",
        )
        return profile, me.signed_in_at.timestamp() if me.signed_in_at is not None else 0.0

    @property
    def _redirect_uri(self) -> str:
        return self._settings.console_base_url + DONE

    async def _ask(self, person: Person, client_id: str, form: dict[str, str]) -> _Granted:
        fields = form | self._authenticated(client_id)
        answer = await self._gateway.send(person, "POST", TOKEN, host="auth", form=fields)
        granted = answer.read(_Granted)
        if granted.expires_in <= 0:
            raise Unavailable("faulty", answer.trace_id)
        return granted

    def _authenticated(self, client_id: str) -> dict[str, str]:
        return {
            "client_id": client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._keys.assertion(client_id, self._settings.issuer),
        }


def _as_tokens(client_id: str, granted: _Granted, refresh: str) -> Tokens:
    renew_at = time.time() + max(granted.expires_in - EARLY_SECONDS, granted.expires_in / 2)
    return Tokens(client_id, granted.access_token, granted.refresh_token or refresh, renew_at)
