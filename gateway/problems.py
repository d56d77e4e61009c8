"""The gateway's own problem documents (RFC 9457), rendered as bytes: the gateway sends most of them without a framework."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from gateway.headers import Headers
from shared.web.problems import DOCUMENTATION, REFUSAL, access_on_request

REFUSAL_FIELD = REFUSAL.encode()


class Refusal(Exception):
    """An answer that the gateway itself gives. `close` then closes the connection, because its next bytes cannot be trusted."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        *,
        slug: str = "",
        headers: Headers | None = None,
        close: bool = False,
        reason: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.slug = slug or title.lower().replace(" ", "-")
        self.headers: Headers = headers or []
        self.close = close
        self.reason = reason
        self.extra = extra or {}


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes


def render(refusal: Refusal, trace_id: str, *, to_oauth_client: bool = False) -> Answer:
    """The answer. For an OAuth client it also has `error` (RFC 6749 §5.2, §4.1.2.1), which such clients read."""
    document = {
        "type": DOCUMENTATION + refusal.slug,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        "trace_id": trace_id,
    } | dict(refusal.extra)
    if to_oauth_client:
        error = "temporarily_unavailable" if refusal.status == 429 or refusal.status > 500 else "invalid_request"
        error = "server_error" if refusal.status == 500 else error
        document |= {"error": error, "error_description": refusal.detail}
    body = msgspec.json.encode(document)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *refusal.headers,
    ]
    if refusal.close:
        headers.append((b"connection", b"close"))
    return Answer(refusal.status, headers, body)


def malformed(detail: str) -> Refusal:
    return Refusal(400, "Malformed request", detail, close=True)


def not_found(detail: str = "There is no such resource.") -> Refusal:
    return Refusal(404, "Not found", detail)


def misdirected(served: Iterable[str]) -> Refusal:
    return Refusal(421, "Misdirected request", f"This host is not served here. These are: {', '.join(served)}.")


def too_large(limit: int) -> Refusal:
    return Refusal(413, "Content too large", f"The body may have at most {limit} bytes.", close=True)


def unavailable(detail: str, *, retry_after: int = 1) -> Refusal:
    return Refusal(503, "Service unavailable", detail, headers=[(b"retry-after", str(retry_after).encode())])


def crowded() -> Refusal:
    """For a client that already has its share of requests in flight at a service."""
    detail = "Too many requests of your organisation or client are in flight; try again when some are answered."
    return Refusal(429, "Too many requests", detail, headers=[(b"retry-after", b"1")])


def internal() -> Refusal:
    return Refusal(500, "Internal error", "Something went wrong on our side; quote the trace id to support.")


def bad_gateway() -> Refusal:
    return Refusal(502, "Bad gateway", "The service behind this path gave no usable answer.")


def too_slow() -> Refusal:
    return Refusal(504, "Gateway timeout", "The service behind this path did not answer in time.")


def on_request(upstream: str) -> Refusal:
    """For a path whose service is not deployed. A capability to request exists only for the control plane."""
    if upstream == "platform":
        problem = access_on_request("platform_api")
        return Refusal(problem.status, problem.title, problem.detail, extra=problem.extra)
    detail = "This surface is opened on request; ask Knogin to open it for your organisation."
    return Refusal(403, "Access on request", detail)


def unauthorized(
    metadata: str, error: str = "", description: str = "", *, status: int = 401, reason: str = ""
) -> Refusal:
    """The challenge of RFC 6750 §3 with the metadata URL of RFC 9728 §5.1. It has no error code when no token was sent."""
    challenge = f'Bearer realm="knogin", resource_metadata="{metadata}"'
    if error:
        challenge += f', error="{error}", error_description="{description}"'
    title = "Unauthorized" if status == 401 else "Malformed request"
    detail = description or "A bearer token is required."
    return Refusal(
        status, title, detail, headers=[(b"www-authenticate", challenge.encode())], reason=reason or error or "missing"
    )
