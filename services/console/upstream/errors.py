"""The ways in which a call of the platform fails. Each has the trace id of the call, for the person who asks for help."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Reason = Literal["slow", "large", "unreachable", "busy", "faulty", "limited"]


class UpstreamFailure(Exception):
    """The base of `Refused` and `Unavailable`."""

    def __init__(self, text: str, trace_id: str) -> None:
        super().__init__(text)
        self.trace_id = trace_id


class Refused(UpstreamFailure):
    """The platform refuses the call, with a problem document (RFC 9457): `type` is the slug, `errors` its faults by field."""

    def __init__(
        self,
        status: int,
        type: str,
        detail: str,
        trace_id: str,
        errors: Sequence[Mapping[str, Any]] = (),
        document: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {type}", trace_id)
        self.status = status
        self.type = type
        self.detail = detail
        self.errors = [dict(error) for error in errors]
        self.document = dict(document or {})


class Unavailable(UpstreamFailure):
    """No usable answer: `slow` (took too long), `large`, `unreachable`, `busy` (too many calls at once), `faulty` (an error of the
    platform, or an answer of another form), `limited` (too many requests)."""

    def __init__(self, reason: Reason, trace_id: str, retry_after: int = 0) -> None:
        super().__init__(reason, trace_id)
        self.reason: Reason = reason
        self.retry_after = retry_after


class SessionEnded(Exception):
    """The person's access ended at auth: a sign-out, another administrator, or the end of its time. They sign in again."""
