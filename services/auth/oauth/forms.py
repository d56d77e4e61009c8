"""Form bodies of OAuth, read strictly (RFC 6749 §3.2 and appendix B), and OAuth errors (§5.2). Pure."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Error

CONTENT_TYPE = "application/x-www-form-urlencoded"
MAX_BYTES = 64 * 1024
MAX_FIELDS = 64
# An escape costs as much as forty plain characters. No genuine OAuth form has a tenth of these.
MAX_ESCAPES = 4096
# RFC 8707 §2 lets a request name several resources.
REPEATABLE = frozenset({"resource"})


class Form(NamedTuple):
    """Parameters by name without empty ones (RFC 6749 §3.1), and the resources (RFC 8707)."""

    values: Mapping[str, str]
    resources: tuple[str, ...]


def parse_body(content_type: str, body: bytes, *, escapes: int = MAX_ESCAPES) -> Form:
    """Raises InvalidRequestError for another content type, malformed bytes, too many escapes, and repeated parameters."""
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise InvalidRequestError(f"The body must be {CONTENT_TYPE}.")
    if body.count(b"%") > escapes:
        raise InvalidRequestError(f"The body has more than {escapes} escapes.")
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not form-encoded.") from None
    return parse_pairs(text)


def parse_pairs(text: str) -> Form:
    """As `parse_body`, for a query string."""
    values, resources, twice = first_values(text)
    if twice:
        raise InvalidRequestError("A parameter is given more than once.")
    return Form(values, resources)


def first_values(text: str) -> tuple[Mapping[str, str], tuple[str, ...], set[str]]:
    """The first value of each parameter, the resources, and the names of repeated parameters."""
    if not text:
        return {}, (), set()
    try:
        if "%" in text or "+" in text:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        else:  # the same in a third of the time
            parts = text.split("&")
            if len(parts) > MAX_FIELDS:
                raise ValueError
            pairs = [(name, value) for name, _, value in (part.partition("=") for part in parts if part)]
    except ValueError:
        raise InvalidRequestError("The parameters are not form-encoded UTF-8, or too many.") from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise InvalidRequestError("A parameter holds a NUL character.")
    single = [pair for pair in pairs if pair[0] not in REPEATABLE]
    names = [name for name, _ in single]
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    values = {name: value for name, value in reversed(single) if value}
    return values, tuple(value for name, value in pairs if name in REPEATABLE and value), twice


# --- Errors (RFC 6749 §5.2) -------------------------------------------------------------------------------------------

REALM = 'Basic realm="knogin", charset="UTF-8"'


class InvalidClient(InvalidClientError):
    """The same answer for every failed client authentication, so that it does not reveal whether the client exists.

    `reason` goes into the app's event list, not into the answer.
    """

    status_code = 401

    def __init__(self, reason: str) -> None:
        super().__init__(description="Client authentication failed.")
        self.reason = reason

    def get_headers(self) -> list[tuple[str, str]]:
        return [*OAuth2Error.get_headers(self), ("WWW-Authenticate", REALM)]


class TemporarilyUnavailable(OAuth2Error):
    error = "temporarily_unavailable"
    status_code = 503
    description = "A part of the service is not available. Try again."


class TooLarge(OAuth2Error):
    error = "invalid_request"
    status_code = 413
    description = "The body is too large."


class InvalidTarget(OAuth2Error):
    """RFC 8707 §2."""

    error = "invalid_target"
    description = "The requested resource is unknown or not allowed."


# For errors that Authlib raises without a description.
DESCRIPTIONS = {
    "access_denied": "The request was refused.",
    "authorization_pending": "The person has not answered yet. Ask again after the interval.",
    "expired_token": "The device code has expired. Begin again.",
    "invalid_client": "Client authentication failed.",
    "invalid_grant": "The code or refresh token is unknown, expired, revoked, used before, or another app's.",
    "invalid_request": "A parameter is missing, malformed or given more than once.",
    "invalid_scope": "The requested scope is malformed or not approved for this app.",
    "slow_down": "The device asks too often. Wait 5 seconds longer from now on.",
    "unauthorized_client": "The app is not registered for this grant or response type.",
    "unsupported_token_type": "Tokens of this type are not taken here.",
}
UNDESCRIBED = "The request cannot be answered."


def description_of(error: OAuth2Error) -> str:
    """The error_description; never empty."""
    return error.get_error_description() or DESCRIPTIONS.get(str(error.error), UNDESCRIBED)


def reason_of(error: OAuth2Error) -> str:
    """The reason in the app's event list. It repeats nothing from the request."""
    return getattr(error, "reason", "") or description_of(error)
