"""How many deliveries a receiver gets at a time: one more for each success, half as many after each time-out (AIMD)."""

from collections import deque

import msgspec

from services.webhook_dispatcher.ladder import SLOWING
from services.webhook_dispatcher.models import MOST_CONCURRENCY, Due, Outcome

LONGEST_SLOWING = 60.0
QUICK = 0.25
AHEAD = 3


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver's health since the last record; `slow` is for how many seconds to leave it alone, `retry_after` what it asked for."""

    succeeded: bool
    failed: bool
    concurrency: int
    slow: float | None
    retry_after: float | None


class Lane(msgspec.Struct, kw_only=True):
    """One receiver as a sender sees it, with what its next record has to tell of it."""

    tenant_id: str
    limit: int
    stored_limit: int
    in_flight: int = 0
    waiting: deque[Due] = msgspec.field(default_factory=deque)
    seconds: float = 1.0
    used: float = 0.0
    failing: bool = False
    succeeded: bool = False
    failed: bool = False
    slow: float | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, due: Due) -> "Lane":
        return cls(tenant_id=due.tenant_id, limit=due.concurrency, stored_limit=due.concurrency, failing=due.failing)

    @property
    def held(self) -> int:
        """Deliveries claimed and not over."""
        return self.in_flight + len(self.waiting)

    @property
    def room(self) -> int:
        """How many more to claim: up to the limit, and for a receiver that answers quickly some to go on with at once."""
        ahead = self.limit * AHEAD if self.seconds < QUICK else 0
        return max(0, self.limit + ahead - self.held)

    @property
    def worth_telling(self) -> bool:
        """Whether the subscription's row would change: a success of a receiver in good health changes nothing."""
        grown = self.limit >= 2 * self.stored_limit or self.limit == MOST_CONCURRENCY != self.stored_limit
        return self.failed or (self.succeeded and (self.failing or grown)) or not self.stored_limit

    @property
    def is_idle(self) -> bool:
        return self.held == 0 and not self.worth_telling

    def note(self, outcome: Outcome, wait: float | None) -> None:
        """Takes an attempt that is over into account. `wait` is when its delivery is tried again, in seconds, if it is."""
        self.seconds += (outcome.duration_ms / 1000 - self.seconds) / 2
        if outcome.succeeded:
            self.succeeded = True
            self.limit = min(MOST_CONCURRENCY, self.limit + 1)
            return
        self.failed = True
        self.retry_after = _longer(self.retry_after, outcome.retry_after)
        if outcome.timed_out or outcome.status in SLOWING:
            self.limit = max(1, self.limit // 2)
        if outcome.status in SLOWING:
            asked = outcome.retry_after if outcome.retry_after is not None else min(wait or 0.0, LONGEST_SLOWING)
            self.slow = _longer(self.slow, asked)

    def take_report(self) -> "Report":
        """What the subscription's row should learn now; noting begins anew."""
        report = Report(
            succeeded=self.succeeded,
            failed=self.failed,
            concurrency=self.limit,
            slow=self.slow,
            retry_after=self.retry_after,
        )
        self.stored_limit = self.limit
        self.failing = self.failed and not self.succeeded
        self.succeeded = self.failed = False
        self.slow = self.retry_after = None
        return report

    def give_back(self, report: "Report") -> None:
        """Takes a report back that could not be recorded."""
        self.succeeded |= report.succeeded
        self.failed |= report.failed
        self.slow = _longer(self.slow, report.slow)
        self.retry_after = _longer(self.retry_after, report.retry_after)
        self.stored_limit = 0


def _longer(one: float | None, other: float | None) -> float | None:
    return max((wait for wait in (one, other) if wait is not None), default=None)
