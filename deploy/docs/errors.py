"""The error catalogue: every problem `type`, OAuth error and GraphQL code a partner may meet."""

from typing import NamedTuple


class Problem(NamedTuple):
    """The title makes the slug that `type` ends in."""

    status: int
    title: str
    meaning: str

    @property
    def slug(self) -> str:
        return self.title.lower().replace(" ", "-")

    @property
    def repeat(self) -> str:
        """Whether a program repeats the call."""
        return REPEAT.get(self.status, "No: change the request first")


REPEAT = {
    401: "Once, with a new token",
    408: "Yes",
    409: "Only if there is Retry-After",
    412: "After you have read it again",
    429: "Yes, after Retry-After",
    500: "Yes, with the same Idempotency-Key",
    502: "Yes, with the same Idempotency-Key",
    503: "Yes, after Retry-After",
    504: "Yes, with the same Idempotency-Key",
}

PROBLEMS = [
    Problem(
        400,
        "Malformed request",
        "The request is not correct HTTP, JSON or text. The same request fails again; correct it first.",
    ),
    Problem(
        401,
        "Unauthorized",
        "The token is missing, expired, revoked or from another issuer. WWW-Authenticate gives the reason.",
    ),
    Problem(403, "Insufficient scope", "The token lacks the scope named in `scope`."),
    Problem(403, "Forbidden", "The token is valid but does not permit this operation. `detail` gives the reason."),
    Problem(
        403,
        "Access on request",
        "Your organisation has no access to this part of the platform yet. An administrator can request it.",
    ),
    Problem(
        403,
        "Handover closed",
        "The app may no longer read who the patient is. `reason` is `destination_changed`, `destination_closed`, `encounter_cancelled` or"
        " `days_are_over`.",
    ),
    Problem(404, "Not found", "The path or resource does not exist, or it belongs to another tenant."),
    Problem(
        405, "Method not allowed", "The path does not support this method. Allow lists the methods that it supports."
    ),
    Problem(
        408,
        "Request timeout",
        "The request did not arrive in time. The header must arrive within 10 seconds, the body within 60 seconds plus one second"
        " for every 8 KiB received.",
    ),
    Problem(
        409,
        "Conflict",
        "The request conflicts with the current state of the resource, or a request with the same Idempotency-Key is still"
        " running: then try again.",
    ),
    Problem(
        409,
        "Patient corrected",
        "The encounter was first recorded for another patient, and the report is about that one, or does not say about whom. Read the"
        " handover at `handover`, and send a report about the patient in it with its `identity`.",
    ),
    Problem(
        409,
        "Limit reached",
        "The tenant has reached a limit. `resource` names the kind of resource, `limit` the highest number: also of a record's bytes.",
    ),
    Problem(
        409,
        "Consumer in use",
        "Another read holds the consumer until it commits, at the latest until `leased_until`. "
        "Read again after the seconds in Retry-After.",
    ),
    Problem(
        409,
        "Lease lost",
        "The lease of these events ended, and they were handed out again or the consumer was moved. Nothing was committed: read on.",
    ),
    Problem(
        410,
        "Events expired",
        "Events that the consumer has not read are past their retention. Seek to where it shall go on; nothing is skipped before.",
    ),
    Problem(412, "Precondition failed", "The resource has changed since you read it. Read it again."),
    Problem(
        413,
        "Content too large",
        "The body is larger than the limit of this path. `detail` names the limit: 64 KiB for most paths, at most 10 MiB.",
    ),
    Problem(414, "URI too long", "The path or the query is too long. Shorten it."),
    Problem(415, "Unsupported media type", "The path does not accept this media type. Send application/json."),
    Problem(
        416,
        "Range not satisfiable",
        "The requested range is outside the content. Content-Range gives the number of bytes.",
    ),
    Problem(417, "Expectation failed", "The gateway does not support this Expect header. Send the request without it."),
    Problem(421, "Misdirected request", "The Host header names no host of the platform."),
    Problem(
        422,
        "Invalid request",
        "The request is well-formed, but at least one field is not valid. `errors` lists each such field with the reason.",
    ),
    Problem(428, "Precondition required", "The call needs If-Match with the ETag that you read."),
    Problem(
        429,
        "Too many requests",
        "The rate limit, or the budget of refused bytes, is reached; `detail` says which. Wait for the number of seconds in Retry-After.",
    ),
    Problem(431, "Request header fields too large", "The header is too large. Send fewer or shorter header fields."),
    Problem(500, "Internal error", "The platform failed. Give the trace id to support."),
    Problem(502, "Bad gateway", "The service gave no usable answer. Try again with the same Idempotency-Key."),
    Problem(
        503,
        "Service unavailable",
        "A part of the platform is not available. Try again after the number of seconds in Retry-After.",
    ),
    Problem(504, "Gateway timeout", "The service did not answer in time. Try again with the same Idempotency-Key."),
    Problem(505, "HTTP version not supported", "The gateway does not support this version of HTTP. Use HTTP/1.1."),
]
OAUTH = {
    "invalid_request": "A parameter is missing, repeated or unreadable.",
    "invalid_client": "The client could not be authenticated.",
    "invalid_grant": "The code or refresh token is wrong, already used or expired, or belongs to another client.",
    "unauthorized_client": "The app is not registered for this grant type.",
    "unsupported_grant_type": "The token endpoint does not support this grant type.",
    "invalid_scope": "A scope is unknown, or the app has no approval for it.",
    "invalid_target": "The resource is unknown.",
    "access_denied": "The user refused.",
    "authorization_pending": "The user has not answered yet. The device asks again after `interval` seconds.",
    "slow_down": "The device asks too often. It waits 5 seconds longer from now on.",
    "expired_token": "The device code has expired. The device begins again.",
    "unsupported_response_type": "The response_type must be code.",
    "login_required": "The user is not signed in, and the request has prompt=none.",
    "consent_required": "The user has not consented, and the request has prompt=none.",
    "temporarily_unavailable": "A part of the platform is not available. Try again.",
}
GRAPHQL = {
    "FORBIDDEN": "A scope is missing, or the resource belongs to another tenant.",
    "OPERATION_NOT_APPROVED": "The document is in no bundle, is not GraphQL, or is in `bundles`, none of which the app was granted.",
    "LIMIT_EXCEEDED": "The document is too deep, too long or too costly.",
    "BAD_USER_INPUT": "A variable is not valid.",
    "NOT_FOUND": "The resource does not exist, or it belongs to another tenant.",
    "CONFLICT": "The request conflicts with the current state of the resource.",
    "UNAVAILABLE": "A part of the platform is not available. Try again.",
    "INTERNAL": "The platform failed. Give the trace id to support.",
}
