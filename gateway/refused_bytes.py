"""A budget of refused bytes: bodies that a service read and refused count for the caller that sent them.

Reading a body costs a service time in proportion to its bytes, also where it is refused. While a caller's refused bodies exceed the
budget, the gateway does not read its larger bodies. Smaller ones always pass, so that neither a person by hand nor a neighbour behind
the same address is shut out; the rates bound them.
"""

import time

from gateway.headers import Headers
from gateway.limits import REFUSED_BYTES, Count, Limits, Wider, fields_of
from gateway.metrics import limited, refused_bytes
from gateway.problems import REFUSAL_FIELD, Refusal

STATUSES = frozenset({400, 401, 403, 404, 413, 415, 422})
"""Refusals for good. 409, 412 and 429 are about the moment: the same body may be taken later."""
LEFT_SECONDS = 2.0
"""A client that leaves so soon after the end of its body is charged: else it could have bodies read and never be refused."""


class Payer:
    """The caller that a body is charged to if it is refused: a client, an account, or a network with those around it.

    `most` are the bytes that are read of a body without an announced length while the budget is exceeded, else None.
    """

    __slots__ = ("_full", "_key", "_limits", "_wider", "most")

    def __init__(self, limits: Limits, key: str, wider: Wider = ()) -> None:
        self._limits = limits
        self._key = key
        self._wider = wider
        self._full: Count | None = None
        self.most: int | None = None

    def exceeds(self, now: float) -> bool:
        """Whether the budget is exceeded."""
        self._full = self._limits.full(REFUSED_BYTES, self._key, now, self._wider)
        return self._full is not None

    def admit(self, length: int | None, free: int, now: float) -> None:
        """Raises Refusal (429) for an announced body of more than `free` bytes while the budget is exceeded."""
        if (length is None or length > free) and self.exceeds(now):
            self.most = free
            if length is not None:
                raise self.refusal(now)

    def refusal(self, now: float) -> Refusal:
        assert self._full is not None
        rule = self._full.policy
        limited.labels(rule.name).inc()
        headers = [
            *fields_of(self._full, 0, self._full.until_reset(now)),
            (b"retry-after", b"%d" % self._full.retry_after(now)),
        ]
        whose = f" from one IPv6 network of length {self._full.key.rpartition('/')[2]}" if rule.times > 1 else ""
        detail = (
            f"Bodies of {rule.quota} bytes together{whose} were refused within {rule.window} seconds. Until that is less, bodies of more"
            f" than {self.most} bytes are not read; smaller ones are. Correct the refused requests first: each one counts."
        )
        return Refusal(429, "Too many requests", detail, headers=headers, reason="limited")

    def charge(self, size: int) -> None:
        refused_bytes.inc(size)
        self._limits.add(REFUSED_BYTES, self._key, size, time.time(), self._wider)


def is_refused(status: int, fields: Headers) -> bool:
    """Whether a service's answer refuses the body. GraphQL does so with 200 and the field that names refusals to the gateway."""
    return status in STATUSES or (status == 200 and any(name == REFUSAL_FIELD for name, _ in fields))
