"""Problem documents (RFC 9457): the form of all errors except those of the OAuth endpoints."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.process import telemetry
from shared.web import scopes
from shared.web.scopes import Mode

DOCUMENTATION = "https://knogin.com/api/docs#"
INTEGRATION_REQUESTS = "/v1/platform/integration-requests"
log = logging.getLogger(__name__)


class FieldError(NamedTuple):
    """An error of one field: its JSON Pointer (RFC 6901), or the name of a query parameter, and the reason.

    It never contains the refused value. `code` is for programs; `allowed`, `limit` and `did_you_mean` describe accepted values.
    """

    pointer: str
    detail: str
    code: str = "invalid"
    allowed: list[Any] | None = None
    limit: float | None = None
    did_you_mean: str = ""

    def document(self) -> dict[str, Any]:
        always = {"pointer": self.pointer, "code": self.code, "detail": self.detail}
        sometimes = {"allowed": self.allowed, "limit": self.limit, "did_you_mean": self.did_you_mean or None}
        return always | {name: value for name, value in sometimes.items() if value is not None}


REFUSAL = "x-knogin-refusal"
"""For the gateway, which counts an app's refused calls and passes the field on to nobody: the slug, the route's template, the scope."""


class Problem(Exception):
    """An error for a partner: `type` is a slug of the documentation, `extra` has further members of the document."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        type: str = "",
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type or title.lower().replace(" ", "-")
        self.errors = errors or []
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Problems pass from one process to another."""
        return _again, (self.__dict__,)

    def concerns(self, pointer: str) -> bool:
        """Whether one of its errors is about that field."""
        return any(error.pointer == pointer for error in self.errors)

    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": DOCUMENTATION + self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "trace_id": telemetry.trace_id(),
        }
        if self.errors:
            document["errors"] = [error.document() for error in self.errors]
        return document | self.extra

    def response(self, template: str = "-") -> Response:
        """`template` is that of the route, for the gateway."""
        headers = {"cache-control": "no-store"} | self.headers
        if self.status in (401, 403, 429):
            headers[REFUSAL] = f"{self.type} {template} {self.extra.get('scope', '-')}"
        return Response(msgspec.json.encode(self.document()), self.status, headers, "application/problem+json")


def _again(attributes: dict[str, Any]) -> Problem:
    problem = Problem(attributes["status"], attributes["title"])
    problem.__dict__.update(attributes)
    return problem


def not_found(detail: str = "There is no such resource.") -> Problem:
    return Problem(404, "Not found", detail)


def conflict(detail: str, **extra: Any) -> Problem:
    return Problem(409, "Conflict", detail, extra=extra)


def invalid(detail: str, errors: list[FieldError] | None = None, **extra: Any) -> Problem:
    return Problem(422, "Invalid request", detail, errors=errors, extra=extra)


def malformed(detail: str) -> Problem:
    return Problem(400, "Malformed request", detail)


def forbidden(detail: str, **extra: Any) -> Problem:
    return Problem(403, "Forbidden", detail, extra=extra)


def unauthorized(detail: str = "A bearer token is required.") -> Problem:
    return Problem(401, "Unauthorized", detail, headers={"www-authenticate": 'Bearer realm="knogin"'})


def ended_token() -> Problem:
    """401 for a token that ended after the gateway took it, so that a client gets another one (RFC 6750 §3.1)."""
    challenge = 'Bearer realm="knogin", error="invalid_token"'
    return Problem(401, "Unauthorized", "The token has been revoked.", headers={"www-authenticate": challenge})


def insufficient_scope(scope: str, mode: Mode = "exact") -> Problem:
    """403 that names the scope (RFC 6750 §3.1), and the app's de-identification `mode` if the mode excludes the scope."""
    detail = f"This call needs the scope {scope}."
    if scopes.refused(mode, [scope]):
        detail += f" An application in mode {mode} cannot hold it: its data could reveal the real times."
    challenge = f'Bearer realm="knogin", error="insufficient_scope", scope="{scope}"'
    return Problem(
        403,
        "Insufficient scope",
        detail,
        headers={"www-authenticate": challenge},
        extra={"scope": scope},
    )


def access_on_request(capability: str) -> Problem:
    """403 for a surface that is opened on request. `request` is the complete call to the auth host that requests it."""
    return Problem(
        403,
        "Access on request",
        "This surface is opened on request: an administrator of your organisation asks for it"
        f" with POST {INTEGRATION_REQUESTS} on the auth host.",
        extra={
            "capability": capability,
            "request": {"method": "POST", "path": INTEGRATION_REQUESTS, "body": {"capability": capability}},
        },
    )


def precondition_failed(detail: str) -> Problem:
    return Problem(412, "Precondition failed", detail)


def too_many(detail: str, seconds: int = 1) -> Problem:
    """429, to be tried again after `seconds`."""
    return Problem(429, "Too many requests", detail, headers={"retry-after": str(seconds)})


def unavailable(detail: str = "A part of the service is not available; try again.") -> Problem:
    return Problem(503, "Service unavailable", detail, headers={"retry-after": "1"})


async def render(request: Request, error: Problem | HTTPException | ClientDisconnect) -> Response:
    if isinstance(error, Problem):
        return error.response(getattr(request.scope.get("route"), "path", None) or "-")
    if isinstance(error, ClientDisconnect):
        return malformed("The connection closed before the body was complete.").response()
    title, detail = "Malformed request", error.detail
    if error.status_code == 404:
        title, detail = "Not found", "There is no such path; the documentation lists all calls."
    elif error.status_code == 405:
        title = "Method not allowed"
        detail = f"The path does not take this method; it takes {(error.headers or {}).get('Allow', 'others')}."
    return Problem(error.status_code, title, detail, headers=error.headers).response()


async def render_unavailable(request: Request, error: Exception) -> Response:
    log.error("database unavailable: %s", type(error).__name__)
    return unavailable().response()


async def render_wrong_clock(request: Request, error: Exception) -> Response:
    return unavailable("The clock of this service is not right; try again.").response()


async def render_unstorable(request: Request, error: Exception) -> Response:
    """For a value that PostgreSQL refuses: too large for its column, or text with a NUL."""
    log.error("value refused by the database: %s", type(error).__name__)
    return invalid("A value is out of range, or text that cannot be stored.").response()


async def render_unexpected(request: Request, error: Exception) -> Response:
    return Problem(500, "Internal error", "Something went wrong on our side; quote the trace id to support.").response()


exception_handlers: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((Problem, HTTPException, ClientDisconnect), render),
    Exception: render_unexpected,
}
