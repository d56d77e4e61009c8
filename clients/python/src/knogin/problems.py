"""Generated from the contract by `make clients`; do not edit.

A class for each status, and below it one for each kind of problem with that status.
"""

from .errors import APIError


class BadRequest(APIError):
    """Status 400."""


class Unauthorized(APIError):
    """The token is missing, expired, revoked or from another issuer. WWW-Authenticate gives the reason."""


class Forbidden(APIError):
    """The token is valid but does not permit this operation. `detail` gives the reason."""


class NotFound(APIError):
    """The path or resource does not exist, or it belongs to another tenant."""


class MethodNotAllowed(APIError):
    """The path does not support this method. Allow lists the methods that it supports."""


class RequestTimeout(APIError):
    """The request did not arrive in time. The header must arrive within 10 seconds, the body within 60 seconds plus
    one second for every 8 KiB received.
    """


class Conflict(APIError):
    """The request conflicts with the current state of the resource, or a request with the same Idempotency-Key is
    still running: then try again.
    """


class Gone(APIError):
    """Status 410."""


class PreconditionFailed(APIError):
    """The resource has changed since you read it. Read it again."""


class ContentTooLarge(APIError):
    """The body is larger than the limit of this path. `detail` names the limit: 64 KiB for most paths, at most 10 MiB."""


class UriTooLong(APIError):
    """The path or the query is too long. Shorten it."""


class UnsupportedMediaType(APIError):
    """The path does not accept this media type. Send application/json."""


class RangeNotSatisfiable(APIError):
    """The requested range is outside the content. Content-Range gives the number of bytes."""


class ExpectationFailed(APIError):
    """The gateway does not support this Expect header. Send the request without it."""


class MisdirectedRequest(APIError):
    """The Host header names no host of the platform."""


class UnprocessableContent(APIError):
    """Status 422."""


class PreconditionRequired(APIError):
    """The call needs If-Match with the ETag that you read."""


class TooManyRequests(APIError):
    """The rate limit, or the budget of refused bytes, is reached; `detail` says which. Wait for the number of seconds
    in Retry-After.
    """


class RequestHeaderFieldsTooLarge(APIError):
    """The header is too large. Send fewer or shorter header fields."""


class InternalError(APIError):
    """The platform failed. Give the trace id to support."""


class BadGateway(APIError):
    """The service gave no usable answer. Try again with the same Idempotency-Key."""


class ServiceUnavailable(APIError):
    """A part of the platform is not available. Try again after the number of seconds in Retry-After."""


class GatewayTimeout(APIError):
    """The service did not answer in time. Try again with the same Idempotency-Key."""


class HttpVersionNotSupported(APIError):
    """The gateway does not support this version of HTTP. Use HTTP/1.1."""


class ServerError(APIError):
    """A status of 500 or more without a class of its own."""


class MalformedRequest(BadRequest):
    """The request is not correct HTTP, JSON or text. The same request fails again; correct it first."""


class InsufficientScope(Forbidden):
    """The token lacks the scope named in `scope`."""


class AccessOnRequest(Forbidden):
    """Your organisation has no access to this part of the platform yet. An administrator can request it."""


class HandoverClosed(Forbidden):
    """The app may no longer read who the patient is. `reason` is `destination_changed`, `destination_closed`,
    `encounter_cancelled` or `days_are_over`.
    """


class PatientCorrected(Conflict):
    """The encounter was first recorded for another patient, and the report is about that one, or does not say about
    whom. Read the handover at `handover`, and send a report about the patient in it with its `identity`.
    """


class LimitReached(Conflict):
    """The tenant has reached a limit. `resource` names the kind of resource, `limit` the highest number: also of a
    record's bytes.
    """


class ConsumerInUse(Conflict):
    """Another read holds the consumer until it commits, at the latest until `leased_until`. Read again after the
    seconds in Retry-After.
    """


class LeaseLost(Conflict):
    """The lease of these events ended, and they were handed out again or the consumer was moved. Nothing was
    committed: read on.
    """


class EventsExpired(Gone):
    """Events that the consumer has not read are past their retention. Seek to where it shall go on; nothing is skipped
    before.
    """


class InvalidRequest(UnprocessableContent):
    """The request is well-formed, but at least one field is not valid. `errors` lists each such field with the reason."""


class OAuthInvalidRequest(BadRequest):
    """A parameter is missing, repeated or unreadable."""


class OAuthInvalidClient(Unauthorized):
    """The client could not be authenticated."""


class OAuthInvalidGrant(BadRequest):
    """The code or refresh token is wrong, already used or expired, or belongs to another client."""


class OAuthUnauthorizedClient(BadRequest):
    """The app is not registered for this grant type."""


class OAuthUnsupportedGrantType(BadRequest):
    """The token endpoint does not support this grant type."""


class OAuthInvalidScope(BadRequest):
    """A scope is unknown, or the app has no approval for it."""


class OAuthInvalidTarget(BadRequest):
    """The resource is unknown."""


class OAuthAccessDenied(BadRequest):
    """The user refused."""


class OAuthAuthorizationPending(BadRequest):
    """The user has not answered yet. The device asks again after `interval` seconds."""


class OAuthSlowDown(BadRequest):
    """The device asks too often. It waits 5 seconds longer from now on."""


class OAuthExpiredToken(BadRequest):
    """The device code has expired. The device begins again."""


class OAuthUnsupportedResponseType(BadRequest):
    """The response_type must be code."""


class OAuthLoginRequired(BadRequest):
    """The user is not signed in, and the request has prompt=none."""


class OAuthConsentRequired(BadRequest):
    """The user has not consented, and the request has prompt=none."""


class OAuthTemporarilyUnavailable(ServiceUnavailable):
    """A part of the platform is not available. Try again."""


STATUSES: dict[int, type[APIError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    408: RequestTimeout,
    409: Conflict,
    410: Gone,
    412: PreconditionFailed,
    413: ContentTooLarge,
    414: UriTooLong,
    415: UnsupportedMediaType,
    416: RangeNotSatisfiable,
    417: ExpectationFailed,
    421: MisdirectedRequest,
    422: UnprocessableContent,
    428: PreconditionRequired,
    429: TooManyRequests,
    431: RequestHeaderFieldsTooLarge,
    500: InternalError,
    502: BadGateway,
    503: ServiceUnavailable,
    504: GatewayTimeout,
    505: HttpVersionNotSupported,
}
TYPES: dict[str, type[APIError]] = {
    "400 malformed-request": MalformedRequest,
    "401 unauthorized": Unauthorized,
    "403 insufficient-scope": InsufficientScope,
    "403 forbidden": Forbidden,
    "403 access-on-request": AccessOnRequest,
    "403 handover-closed": HandoverClosed,
    "404 not-found": NotFound,
    "405 method-not-allowed": MethodNotAllowed,
    "408 request-timeout": RequestTimeout,
    "409 conflict": Conflict,
    "409 patient-corrected": PatientCorrected,
    "409 limit-reached": LimitReached,
    "409 consumer-in-use": ConsumerInUse,
    "409 lease-lost": LeaseLost,
    "410 events-expired": EventsExpired,
    "412 precondition-failed": PreconditionFailed,
    "413 content-too-large": ContentTooLarge,
    "414 uri-too-long": UriTooLong,
    "415 unsupported-media-type": UnsupportedMediaType,
    "416 range-not-satisfiable": RangeNotSatisfiable,
    "417 expectation-failed": ExpectationFailed,
    "421 misdirected-request": MisdirectedRequest,
    "422 invalid-request": InvalidRequest,
    "428 precondition-required": PreconditionRequired,
    "429 too-many-requests": TooManyRequests,
    "431 request-header-fields-too-large": RequestHeaderFieldsTooLarge,
    "500 internal-error": InternalError,
    "502 bad-gateway": BadGateway,
    "503 service-unavailable": ServiceUnavailable,
    "504 gateway-timeout": GatewayTimeout,
    "505 http-version-not-supported": HttpVersionNotSupported,
    "400 invalid_request": OAuthInvalidRequest,
    "401 invalid_client": OAuthInvalidClient,
    "400 invalid_grant": OAuthInvalidGrant,
    "400 unauthorized_client": OAuthUnauthorizedClient,
    "400 unsupported_grant_type": OAuthUnsupportedGrantType,
    "400 invalid_scope": OAuthInvalidScope,
    "400 invalid_target": OAuthInvalidTarget,
    "400 access_denied": OAuthAccessDenied,
    "400 authorization_pending": OAuthAuthorizationPending,
    "400 slow_down": OAuthSlowDown,
    "400 expired_token": OAuthExpiredToken,
    "400 unsupported_response_type": OAuthUnsupportedResponseType,
    "400 login_required": OAuthLoginRequired,
    "400 consent_required": OAuthConsentRequired,
    "503 temporarily_unavailable": OAuthTemporarilyUnavailable,
}


def class_of(status: int, type: str) -> type[APIError]:
    """The class for an answer; a kind that this version does not know has the class of its status."""
    general = ServerError if status >= 500 else APIError
    return TYPES.get(f"{status} {type}") or STATUSES.get(status, general)
