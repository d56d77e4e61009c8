"""OAuth clients: loading them, reading the forms and credentials they present, and verifying these.

RFC 6749 §2 (clients and secrets) and RFC 7523 (`private_key_jwt`).
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_plus

import jwt
import msgspec
from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from psycopg_pool import AsyncConnectionPool
from starlette.datastructures import Headers
from starlette.requests import Request

from services.auth.apps import credentials, rules, scopes
from services.auth.apps.credentials import secret_purpose
from services.auth.oauth import forms, queries
from services.auth.oauth.forms import Form, InvalidClient, TemporarilyUnavailable, TooLarge
from shared.primitives import ids
from shared.primitives.crypto import Keyring, base64url_decode
from shared.storage import database
from shared.storage.database import UNAVAILABLE, AsyncConnection
from shared.web import http, problems
from shared.web import scopes as shared_scopes
from shared.web.scopes import Mode

SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post"})
_ABSENT = bytes(32)


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `find_clients`. `read_at_ms` is the database's time of reading, in milliseconds."""

    client_id: str
    tenant_id: str
    name: str
    status: Literal["active", "disabled"]
    tenant_status: Literal["active", "suspended"]
    tenant_name: str
    environment: Literal["production", "sandbox"]
    first_party: bool
    grant_types: list[str]
    redirect_uris: list[str]
    requested_scopes: list[str]
    token_endpoint_auth_method: str
    jwks: dict[str, Any] | None
    enforce_pkce: bool
    access_token_ttl: int
    deidentification: Mode
    secret_ids: list[str] | None
    secret_macs: list[bytes] | None
    read_at_ms: int


class Client(ClientMixin):
    """A row with the methods that Authlib calls (RFC 6749 §2)."""

    def __init__(self, row: ClientRow) -> None:
        self.row = row

    @property
    def is_live(self) -> bool:
        return self.row.status == "active" and self.row.tenant_status == "active"

    @property
    def is_public(self) -> bool:
        return self.row.token_endpoint_auth_method == "none"

    @property
    def approved_scopes(self) -> list[str]:
        """The scopes that its tokens may carry. An older version of auth may have stored scopes beyond the app's mode."""
        return shared_scopes.permitted(self.row.deidentification, self.row.requested_scopes)

    def must_use_pkce(self) -> bool:
        return self.row.enforce_pkce or self.is_public

    def get_client_id(self) -> str:
        return self.row.client_id

    def get_default_redirect_uri(self) -> str:
        """The registered URI if there is only one; else empty, because the request must name it."""
        return self.row.redirect_uris[0] if len(self.row.redirect_uris) == 1 else ""

    def get_allowed_scope(self, scope: Any) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The scope to grant: the requested scope, or all scopes of the app if none is requested. None if the app may not have it."""
        if not scope:
            return " ".join(self.approved_scopes)
        asked = scopes.parse(scope)
        if asked is None or not all(scopes.allows(self.approved_scopes, one) for one in asked):
            return None
        return " ".join(asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return rules.is_registered(redirect_uri, self.row.redirect_uris)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        ours = self.row.token_endpoint_auth_method
        return method == ours or (method in SECRET_METHODS and ours in SECRET_METHODS)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


def matching_secret(client: Client | None, client_id: str, secret: str, keyring: Keyring) -> str | None:
    """The id of the live secret equal to `secret`, or None. Does the same work for a client that does not exist."""
    row = client.row if client is not None else None
    stored = list(zip(row.secret_macs or (), row.secret_ids or (), strict=True)) if row is not None else []
    found = None
    for mac in keyring.macs(secret.encode(), secret_purpose(client_id)):
        hmac.compare_digest(mac, _ABSENT)
        for kept, secret_id in stored:
            if hmac.compare_digest(mac, kept):
                found = secret_id
    return found


# --- Loading ----------------------------------------------------------------------------------------------------------


class ClientLoader:
    """Loads clients; requests that wait at the same time share one query.

    A query begins only after the requests that it serves, so that its rows are not older than they are.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection]) -> None:
        self._pool = pool
        self._waiting: dict[str, asyncio.Future[Client | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def load(self, client_id: str) -> Client | None:
        if not ids.is_id(client_id, "app"):
            return None
        future = self._waiting.get(client_id)
        if future is None:
            future = self._waiting[client_id] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        # A caller that leaves must not cancel the answer of the others.
        return await asyncio.shield(future)

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            found: dict[str, Client] | Exception
            try:
                # In autocommit mode, because BEGIN and COMMIT would be two more round trips.
                async with self._pool.connection() as conn:
                    await conn.set_autocommit(True)
                    try:
                        rows = await database.every(conn, ClientRow, queries.FIND_CLIENTS, (list(batch),))
                        found = {row.client_id: Client(row) for row in rows}
                    finally:
                        if not conn.closed:
                            await conn.set_autocommit(False)
            except Exception as error:  # each waiting request raises it
                found = error
            for client_id, future in batch.items():
                if future.done():
                    continue
                if isinstance(found, Exception):
                    future.set_exception(found)
                    # Marks the exception as retrieved, in case no request waits any more.
                    future.exception()
                else:
                    future.set_result(found.get(client_id))


async def load_client(request: Request, client_id: str) -> Client | None:
    """Raises TemporarilyUnavailable without a database."""
    try:
        return await request.state.clients.load(client_id)
    except UNAVAILABLE:
        raise TemporarilyUnavailable from None


# --- The form of a request --------------------------------------------------------------------------------------------


async def read_form(request: Request) -> Form:
    """Raises OAuth2Error: 413 for too many bytes, 400 for an unreadable form."""
    try:
        body = await http.read_body(request, forms.MAX_BYTES)
    except problems.Problem:
        raise TooLarge from None
    return forms.parse_body(request.headers.get("content-type", ""), body)


# --- The credentials of a request (RFC 6749 §2.3, RFC 7523 §2.2) ------------------------------------------------------

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_BASIC = 2048
Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]


class Presented(NamedTuple):
    """`client_id` is not verified yet; `proof` is a secret or an assertion, empty for `none`."""

    method: Method
    client_id: str
    proof: str


def read_credentials(headers: Headers, form: Form) -> Presented:
    """Raises InvalidClient for missing or unreadable credentials, InvalidRequestError for more than one method."""
    authorization = headers.getlist("authorization")
    ways = [_basic(authorization[0])] if authorization else []
    if (secret := form.values.get("client_secret")) is not None:
        ways.append(Presented("client_secret_post", _client_id(form), secret))
    if "client_assertion" in form.values or "client_assertion_type" in form.values:
        ways.append(_assertion(form))
    if len(authorization) > 1 or len(ways) > 1:
        raise InvalidRequestError("A client authenticates in one way at a time.")
    presented = ways[0] if ways else Presented("none", _client_id(form), "")
    claimed = form.values.get("client_id")
    if claimed is not None and claimed != presented.client_id:
        raise InvalidRequestError("The request names two different clients.")
    return presented


def _basic(authorization: str) -> Presented:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header is not Basic.")
    if len(encoded) > LONGEST_BASIC:
        raise InvalidClient("The Basic credentials are too long.")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
        # Both halves are form-encoded (RFC 6749 §2.3.1).
        client_id, secret = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        raise InvalidClient("The Basic credentials cannot be read.") from None
    if not colon or not client_id or not secret:
        raise InvalidClient("The Basic credentials lack a client id or a secret.")
    return Presented("client_secret_basic", client_id, secret)


class _Subject(msgspec.Struct):
    sub: str


def _assertion(form: Form) -> Presented:
    """The client is the subject of the assertion, whose signature is not verified yet."""
    assertion, kind = form.values.get("client_assertion"), form.values.get("client_assertion_type")
    if kind != ASSERTION_TYPE or assertion is None:
        raise InvalidClient("The client assertion is not one of RFC 7523.")
    try:
        claimed = msgspec.json.decode(base64url_decode(assertion.split(".")[1]), type=_Subject)
    except (IndexError, ValueError, msgspec.DecodeError, RecursionError):
        raise InvalidClient("The client assertion cannot be read.") from None
    return Presented("private_key_jwt", claimed.sub, assertion)


def _client_id(form: Form) -> str:
    client_id = form.values.get("client_id")
    if client_id is None:
        raise InvalidClient("No client credentials are given.")
    return client_id


# --- Client assertions: private_key_jwt (RFC 7523) --------------------------------------------------------------------

ASSERTION_METHOD = "private_key_jwt"
ASSERTION_ALGORITHMS = list(
    dict.fromkeys(algorithm for taken in credentials.KEY_ALGORITHMS.values() for algorithm in taken)
)
LONGEST_ASSERTION = 3600
LEEWAY = 60


class Assertion(NamedTuple):
    """A verified assertion. The caller checks in the database that its id is new."""

    id_digest: bytes
    expires_at: datetime


class _Verifier(JWTBearerClientAssertion):
    """Authlib's checks of iss, sub, aud and exp. The endpoint checks the id, because it can reach the database."""

    def __init__(self, audiences: list[str]) -> None:
        super().__init__(None, validate_jti=False, leeway=LEEWAY)  # pyright: ignore[reportArgumentType]
        self._audiences = audiences

    def get_audiences(self) -> list[str]:
        return self._audiences


def verify_assertion(assertion: str, client: Client, audiences: list[str]) -> Assertion:
    """Raises InvalidClient with a reason for the app's integrator."""
    try:
        claims = _signed_claims(assertion, (client.row.jwks or {}).get("keys", []))
        verifier: Any = _Verifier(audiences)
        verifier.verify_claims(claims)
    except InvalidClient:
        raise
    except (jwt.PyJWTError, InvalidClientError, StopIteration, ValueError, TypeError, RecursionError):
        raise InvalidClient("The client assertion's signature or its iss, sub, aud, exp or nbf is wrong.") from None
    if claims.get("sub") != client.get_client_id():
        raise InvalidClient("The client assertion is about another client.")
    jti, expires = claims.get("jti"), claims.get("exp")
    if not isinstance(jti, str) or not 0 < len(jti) <= 256:
        raise InvalidClient("The client assertion has no jti.")
    # In this form the comparison refuses NaN.
    if not isinstance(expires, int | float) or not 0 < expires <= time.time() + LONGEST_ASSERTION + LEEWAY:
        raise InvalidClient("The client assertion lives longer than an hour.")
    digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()
    return Assertion(digest, datetime.fromtimestamp(expires + LEEWAY, UTC))


MAX_JWT = 16 * 1024
"""Characters of a token or an assertion that a client presents; a longer one is refused unread."""


def _signed_claims(assertion: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
    """The claims, signed by the key that the header names. An app with a single key may leave the name out."""
    if len(assertion) > MAX_JWT:
        raise InvalidClient(f"The client assertion is longer than {MAX_JWT:,} characters.")
    header = jwt.get_unverified_header(assertion)
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ASSERTION_ALGORITHMS:
        raise InvalidClient("The client assertion is signed with an algorithm that is not taken.")
    jwk = next(key for key in keys if key.get("kid") == kid or (kid is None and len(keys) == 1))
    if algorithm not in credentials.algorithms_of(jwk):
        raise InvalidClient("The client assertion is signed with an algorithm that its key is not for.")
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False}
    return jwt.decode(assertion, jwt.PyJWK(jwk, algorithm).key, algorithms=[algorithm], options=options)
