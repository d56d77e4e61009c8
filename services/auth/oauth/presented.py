"""What a client presents to prove who it is (RFC 6749 §2.3, RFC 7523 §2.2). Pure: nothing is checked here but the form."""

import base64
import binascii
from typing import Literal, NamedTuple
from urllib.parse import unquote_plus

import msgspec
from authlib.oauth2.rfc6749 import InvalidRequestError
from starlette.datastructures import Headers

from services.auth.oauth.errors import InvalidClient
from services.auth.oauth.forms import Form
from shared.encoding import base64url_decode

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_BASIC = 2048
Method = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]


class Presented(NamedTuple):
    """`client_id` is what the request claims; `proof` a secret or an assertion, empty for `none`."""

    method: Method
    client_id: str
    proof: str


def read(headers: Headers, form: Form) -> Presented:
    """Raises InvalidClient for nothing usable, InvalidRequestError for more than one way at once."""
    authorization = headers.getlist("authorization")
    ways = [way for way in (_basic(authorization), _post(form), _assertion(form)) if way is not None]
    if len(authorization) > 1 or len(ways) > 1:
        raise InvalidRequestError("A client authenticates in one way at a time.")
    presented = ways[0] if ways else _none(form)
    claimed = form.values.get("client_id")
    if claimed is not None and claimed != presented.client_id:
        raise InvalidRequestError("The request names two different clients.")
    return presented


def _basic(authorization: list[str]) -> Presented | None:
    if not authorization:
        return None
    scheme, _, encoded = authorization[0].partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient("The Authorization header is not Basic.")
    if len(encoded) > LONGEST_BASIC:
        raise InvalidClient("The Basic credentials are too long.")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("ascii").partition(":")
        # Both halves are form-encoded first (RFC 6749 §2.3.1).
        client_id, secret = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, ValueError):
        raise InvalidClient("The Basic credentials cannot be read.") from None
    if not colon or not client_id or not secret:
        raise InvalidClient("The Basic credentials lack a client id or a secret.")
    return Presented("client_secret_basic", client_id, secret)


def _post(form: Form) -> Presented | None:
    secret = form.values.get("client_secret")
    if secret is None:
        return None
    return Presented("client_secret_post", _client_id(form), secret)


def _assertion(form: Form) -> Presented | None:
    assertion, kind = form.values.get("client_assertion"), form.values.get("client_assertion_type")
    if assertion is None and kind is None:
        return None
    if kind != ASSERTION_TYPE or assertion is None:
        raise InvalidClient("The client assertion is not one of RFC 7523.")
    return Presented("private_key_jwt", _subject(assertion), assertion)


def _none(form: Form) -> Presented:
    return Presented("none", _client_id(form), "")


def _client_id(form: Form) -> str:
    client_id = form.values.get("client_id")
    if client_id is None:
        raise InvalidClient("No client credentials are given.")
    return client_id


class _Subject(msgspec.Struct):
    sub: str


def _subject(assertion: str) -> str:
    """Who the assertion says it is from; believed only once its signature is checked."""
    try:
        return msgspec.json.decode(base64url_decode(assertion.split(".")[1]), type=_Subject).sub
    except (IndexError, ValueError, msgspec.DecodeError, RecursionError):
        raise InvalidClient("The client assertion cannot be read.") from None
