"""OAuth errors that answer as RFC 6749 §5.2 wants them, and the text that may stand in them."""

from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error

REALM = 'Basic realm="knogin", charset="UTF-8"'


class InvalidClient(InvalidClientError):
    """One answer for every failed client authentication, so that none tells whether the client exists.

    `reason` is for the app's own event list, never for the answer.
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


class InvalidTarget(OAuth2Error):
    """RFC 8707 §2."""

    error = "invalid_target"
    description = "The requested resource is unknown or not allowed."


# For errors that Authlib raises without a word.
DESCRIPTIONS = {
    "access_denied": "The request was refused.",
    "invalid_client": "Client authentication failed.",
    "invalid_grant": "The code or refresh token is unknown, expired, revoked, used before, or another app's.",
    "invalid_request": "A parameter is missing, malformed or given more than once.",
    "invalid_scope": "The requested scope is malformed or not approved for this app.",
    "unauthorized_client": "The app is not registered for this grant or response type.",
    "unsupported_token_type": "Tokens of this type are not taken here.",
}
UNDESCRIBED = "The request cannot be answered."


def description_of(error: OAuth2Error) -> str:
    """What stands in error_description, of every error something."""
    return error.get_error_description() or DESCRIPTIONS.get(str(error.error), UNDESCRIBED)


def reason_of(error: OAuth2Error) -> str:
    """What the app's integrator reads: never anything the request held."""
    return getattr(error, "reason", "") or description_of(error)


def printable(text: str) -> str:
    """`text` cut to the characters RFC 6749 §5.2 allows in error_description."""
    return "".join(character if " " <= character <= "~" and character not in '"\\' else "?" for character in text[:200])
