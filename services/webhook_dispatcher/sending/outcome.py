"""The result of one request to an untrusted server."""

import msgspec


class Outcome(msgspec.Struct, kw_only=True):
    """The result of one attempt. `retry_after` is the wait that the receiver asked for, in seconds."""

    status: int | None = None
    error: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str | None = None
    truncated: bool = False
    retry_after: float | None = None
    address: str | None = None
    duration_ms: float = 0
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.error is None
