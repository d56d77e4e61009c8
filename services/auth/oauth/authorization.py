"""Checks an authorization request (RFC 6749 §4.1.1): which errors go to the app, and which only to the person. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote_plus, urlencode, urlsplit

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Error,
    UnauthorizedClientError,
)

from services.auth.apps import scopes
from services.auth.oauth import devices, forms
from services.auth.oauth.clients import Client
from services.auth.oauth.forms import Form, description_of
from services.auth.oauth.server import AuthorizationServer, OAuthRequest

PROMPTS = {"none", "login", "consent", "select_account"}
SIGN_IN_PROMPTS = {"login", "select_account"}
MAX_STATE = 2000


class Unredirectable(Exception):
    """The app or its redirect URI is not trusted: the person sees an error page, and the browser is not redirected."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class UnsupportedResponseType(OAuth2Error):
    error = "unsupported_response_type"
    description = "The response_type must be code."


class LoginRequired(OAuth2Error):
    """OpenID Connect Core §3.1.2.6, for prompt=none."""

    error = "login_required"
    description = "The user is not signed in."


class ConsentRequired(OAuth2Error):
    error = "consent_required"
    description = "The user has not consented yet."


class BeyondRoles(AccessDeniedError):
    """The person's roles in their organisation do not allow these scopes."""

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"The user's roles do not allow {' '.join(scopes)}.")


class Query(NamedTuple):
    """`first` holds the first value of each parameter; `repeated` says that one came twice."""

    first: Form
    repeated: bool


def read_query(text: str) -> Query:
    """Raises Unredirectable for an unreadable query, or one with two apps or redirect URIs."""
    # The request goes into a Location header later, which holds only printable ASCII.
    if not (text.isascii() and text.isprintable()):
        raise Unredirectable("bad_request")
    try:
        return Query(forms.parse_pairs(text), repeated=False)
    except OAuth2Error:
        pass
    try:
        values, resources, twice = forms.first_values(text)
    except OAuth2Error:
        raise Unredirectable("bad_request") from None
    if {"client_id", "redirect_uri"} & twice:
        raise Unredirectable("bad_request")
    return Query(Form(values, resources), repeated=True)


def redirect_uri_of(client: Client | None, form: Form) -> str:
    """The redirect URI of every answer. Raises Unredirectable."""
    if client is None or not client.is_live:
        raise Unredirectable("unknown_client")
    wanted = form.values.get("redirect_uri") or client.get_default_redirect_uri()
    if not wanted or not client.check_redirect_uri(wanted):
        raise Unredirectable("bad_redirect")
    return wanted


class Checked(NamedTuple):
    """A valid request, ready for the user's consent."""

    asked: OAuthRequest
    grant: Any
    scopes: list[str]
    audience: list[str]
    prompts: set[str]


def check(server: AuthorizationServer, client: Client, query: Query) -> Checked:
    """Raises OAuth2Error; the caller sends it to the validated redirect URI."""
    values, resources = query.first
    if query.repeated:
        raise InvalidRequestError("A parameter is given more than once.")
    response_type = values.get("response_type")
    if response_type is None:
        raise InvalidRequestError("The parameter response_type is missing.")
    if response_type != "code":
        raise UnsupportedResponseType
    if not client.check_grant_type("authorization_code"):
        raise UnauthorizedClientError("The app is not registered for the authorization code flow.")
    if values.get("response_mode", "query") != "query":
        raise InvalidRequestError("The response_mode must be query.")
    if len(values.get("state", "")) > MAX_STATE:
        raise InvalidRequestError("The state is too long.")
    prompts = set(values.get("prompt", "").split())
    if not prompts <= PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("The prompt is unknown or contradicts itself.")
    audience = server.narrow_audience(resources, server.audiences)
    asked = OAuthRequest("GET", query.first, None, client)
    grant = server.get_consent_grant(asked)
    wanted = str(asked.scope or "").split()
    if not wanted:
        raise InvalidRequestError("The app has no scope to ask for.")
    return Checked(asked, grant, wanted, audience, prompts)


def check_device(server: AuthorizationServer, client: Client, asked: OAuthRequest) -> tuple[list[str], list[str]]:
    """The scopes and the audience of a device's request (RFC 8628 §3.1). Raises OAuth2Error."""
    if not client.check_grant_type(devices.GRANT_TYPE):
        raise UnauthorizedClientError("The app is not registered for devices.")
    allowed = client.get_allowed_scope(asked.values.get("scope"))
    if not allowed:
        raise InvalidScopeError("The requested scope is malformed or not approved for this app.")
    return allowed.split(" "), server.narrow_audience(asked.resources, server.audiences)


def error_location(redirect_uri: str, error: OAuth2Error, state: str | None, issuer: str) -> str:
    """The redirect URI with the error and the issuer (RFC 9207)."""
    params = [("error", str(error.error)), ("error_description", description_of(error))]
    return with_params(redirect_uri, params, state, issuer)


def code_location(redirect_uri: str, code: str, state: str | None, issuer: str, own_app: str | None = None) -> str:
    """The redirect URI with the code. `own_app` is the organisation's own app, which redeems the code of a common app's request."""
    named = [("client_id", own_app)] if own_app is not None else []
    return with_params(redirect_uri, [("code", code), *named], state, issuer)


def with_params(redirect_uri: str, params: list[tuple[str, str]], state: str | None, issuer: str) -> str:
    """The registered URI, unchanged, with the answer appended."""
    given_back = [("state", state)] if state is not None else []
    answer = urlencode([*params, *given_back, ("iss", issuer)], quote_via=quote)
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{answer}"


def consent_may_be_remembered(client: Client, redirect_uri: str) -> bool:
    """Any app on a device can pose as a public app, so its user is asked each time (RFC 8252 §8.6)."""
    return not client.is_public or redirect_uri.startswith("https://")


def wants_offline(granted: list[str], client: Client) -> bool:
    return scopes.OFFLINE_ACCESS in granted and client.check_grant_type("refresh_token")


def after_sign_in(text: str, prompts: set[str]) -> str:
    """The same request without the prompts for a sign-in. Other prompts stay."""
    kept = [pair for pair in text.split("&") if unquote_plus(pair.partition("=")[0]) != "prompt"]
    left = sorted(prompts - SIGN_IN_PROMPTS)
    return "&".join([*kept, *(["prompt=" + "+".join(left)] if left else [])])


def shown_host(redirect_uri: str) -> str:
    """The host that the person returns to, or the scheme of an app on the device."""
    parts = urlsplit(redirect_uri)
    return parts.netloc or parts.scheme
