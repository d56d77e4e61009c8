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


PROBLEMS = [
    Problem(400, "Malformed request", "Not HTTP, not JSON or not text as it should be. Repeating it will not help."),
    Problem(
        401, "Unauthorized", "There is no token, or it is expired, revoked or not ours: WWW-Authenticate says which."
    ),
    Problem(403, "Insufficient scope", "The token lacks the scope named in `scope`."),
    Problem(403, "Forbidden", "The token is good, but this may not be done with it; `detail` says why."),
    Problem(403, "Access on request", "This part of the platform is opened on request."),
    Problem(404, "Not found", "There is no such path or resource, or it is another tenant's."),
    Problem(405, "Method not allowed", "The path has other methods: Allow names them."),
    Problem(
        408,
        "Request timeout",
        "The request did not arrive in time: its head within 10 seconds, its body within 60 and one more for every 8 KiB that came.",
    ),
    Problem(409, "Conflict", "It contradicts what is there, or the same Idempotency-Key is under way: then try again."),
    Problem(409, "Limit reached", "There are as many as may be: `resource` says of what, `limit` how many."),
    Problem(412, "Precondition failed", "It was changed since you read it: read it again."),
    Problem(
        413,
        "Content too large",
        "The body is larger than the path takes, most of them 64 KiB and none over 10 MiB: `detail` names the limit.",
    ),
    Problem(414, "URI too long", "Shorten the path or the query."),
    Problem(415, "Unsupported media type", "Send application/json."),
    Problem(416, "Range not satisfiable", "Content-Range says how many bytes there are: ask for some of those."),
    Problem(417, "Expectation failed", "Send the request without Expect."),
    Problem(421, "Misdirected request", "This host is not served here."),
    Problem(422, "Invalid request", "Well-formed, but a field does not fit: `errors` says which and why."),
    Problem(428, "Precondition required", "Send If-Match with the ETag you read."),
    Problem(429, "Too many requests", "The rate is used up: wait for the seconds in Retry-After."),
    Problem(431, "Request header fields too large", "Send fewer or shorter header fields."),
    Problem(500, "Internal error", "Something went wrong on our side: quote the trace id to support."),
    Problem(502, "Bad gateway", "The service gave no usable answer. Try again with the same Idempotency-Key."),
    Problem(503, "Service unavailable", "A part of the service is away: try again after Retry-After."),
    Problem(504, "Gateway timeout", "The service was too slow. Try again with the same Idempotency-Key."),
    Problem(505, "HTTP version not supported", "Use HTTP/1.1."),
]
OAUTH = {
    "invalid_request": "A parameter is missing, repeated or unreadable.",
    "invalid_client": "The client could not be authenticated.",
    "invalid_grant": "The code or refresh token is wrong, used, expired or another client's.",
    "unauthorized_client": "The app is not registered for this grant type.",
    "unsupported_grant_type": "There is no such grant type here.",
    "invalid_scope": "A scope is unknown or beyond what the app was approved for.",
    "invalid_target": "The resource is unknown.",
    "access_denied": "The user said no.",
    "unsupported_response_type": "The response_type must be code.",
    "login_required": "The user is not signed in, and prompt=none was asked for.",
    "consent_required": "The user has not consented, and prompt=none was asked for.",
    "temporarily_unavailable": "A part of the service is away: try again.",
}
GRAPHQL = {
    "FORBIDDEN": "A scope is missing, or the tenant is another one.",
    "OPERATION_NOT_APPROVED": "The document is in no bundle granted to the app, or is no GraphQL.",
    "LIMIT_EXCEEDED": "The document is too deep, too long or too costly.",
    "BAD_USER_INPUT": "A variable does not fit.",
    "NOT_FOUND": "There is no such resource, or it is another tenant's.",
    "CONFLICT": "It contradicts what is there.",
    "UNAVAILABLE": "A part of the service is away: try again.",
    "INTERNAL": "Something went wrong on our side: quote the trace id to support.",
}
