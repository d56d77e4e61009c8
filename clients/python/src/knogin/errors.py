"""Everything that a call can raise. `problems` has a class for each kind of problem in the contract."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

MOST_SHOWN = 500


class KnoginError(Exception):
    """The base of all errors of this package."""


class ConfigurationError(KnoginError, ValueError):
    """The client lacks credentials, or they cannot be used."""


class ConnectionFailed(KnoginError):
    """No answer came, after all attempts. The call may have had its effect if it was sent."""


class TimedOut(ConnectionFailed):
    """The answer did not come in time, after all attempts."""


class FieldFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of the request. `pointer` is a JSON Pointer into the body, or the name of a query parameter."""

    pointer: str = ""
    code: str = "invalid"
    detail: str = ""
    allowed: list[Any] | None = None
    limit: float | None = None
    did_you_mean: str | None = None

    def __str__(self) -> str:
        near = f" (did you mean {self.did_you_mean}?)" if self.did_you_mean else ""
        return f"{self.pointer or 'request'}: {self.detail}{near}"


class APIError(KnoginError):
    """The platform, or a proxy before it, refused the call.

    `status` is the HTTP status, `type` the slug of the problem (`invalid-request`) or the OAuth error (`invalid_client`), `trace_id`
    the id to give to support, `errors` the faults of the request, `retry_after` the seconds that the platform asks to wait,
    `problem` the whole document (empty if the body is none), `body` the raw bytes.
    """

    def __init__(self, operation: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.operation = operation
        self.status = status
        self.headers = headers
        self.body = body
        self.problem: dict[str, Any] = _document(body)
        self.type = _text(self.problem.get("type") or self.problem.get("error")).rpartition("#")[2]
        self.title = _text(self.problem.get("title"))
        self.detail = _text(self.problem.get("detail") or self.problem.get("error_description"))
        self.trace_id = _text(self.problem.get("trace_id")) or headers.get("x-trace-id", "")
        self.errors = _faults(self.problem.get("errors"))
        self.retry_after = seconds_of(headers.get("retry-after", ""))
        super().__init__(operation, status)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.operation, self.status, dict(self.headers), self.body)

    def __str__(self) -> str:
        words = [f"{self.operation}: {self.status} {self.title or self.type}".rstrip()]
        words += [self.detail[:MOST_SHOWN]] if self.detail else []
        words += map(str, self.errors[:5])
        words += [f"trace {self.trace_id}"] if self.trace_id else []
        return "; ".join(words)


class UnreadableAnswer(APIError):
    """The status is one of success, but the body is not the one of the contract: a proxy may have replaced it. The call had its effect."""

    def __str__(self) -> str:
        return f"{super().__str__()}; {self.__cause__ or 'unreadable'}"


class GraphqlRefused(APIError):
    """Of a GraphQL request a part, or all, was refused; the HTTP status is 200.

    `type` is the code of the first refusal (`OPERATION_NOT_APPROVED`), `refusals` are all of the answer, as the contract shows them
    (`message`, `path`, `extensions`), and `errors` the faults of the variables. `data` is the part that was answered, None if nothing was.
    """

    def __init__(self, operation: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(operation, status, headers, body)
        self.data: dict[str, Any] | None = self.problem.get("data")
        self.refusals: list[dict[str, Any]] = [one for one in self.problem["errors"] if isinstance(one, dict)]
        reasons = [one.get("extensions", {}) for one in self.refusals]
        self.errors = [fault for reason in reasons for fault in _faults(reason.get("errors"))]
        for refusal, reason in zip(self.refusals[:1], reasons, strict=False):
            self.type, self.detail = _text(reason.get("code")), _text(refusal.get("message"))
            self.trace_id = _text(reason.get("trace_id")) or self.trace_id


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _faults(value: Any) -> list[FieldFault]:
    faults: list[FieldFault] = []
    for one in value if isinstance(value, list) else []:
        with contextlib.suppress(msgspec.ValidationError):
            faults.append(msgspec.convert(one, FieldFault))
    return faults


def seconds_of(header: str) -> float | None:
    """The seconds of a `Retry-After` header, which may be a date (RFC 9110 §10.2.3). None if there is none or it is not readable."""
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
