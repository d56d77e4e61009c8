"""How many deliveries a receiver gets at a time: one more for each success, half as many after each time-out (AIMD)."""

from collections import deque

import msgspec

from services.webhook_dispatcher.ladder import SLOWING
from services.webhook_dispatcher.models import MOST_CONCURRENCY, Due, Outcome

LONGEST_SLOWING = 60.0
QUICK = 0.25
# Claimed at a time for a quick receiver, in multiples of its limit: the next ones are at hand when a request is over.
AHEAD = 4


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver's health since the last record; `slow` is for how many seconds to leave it alone, `retry_after` what it asked for.

    `change` is by how much more (or less) it may have in flight: other senders report theirs.
    """

    succeeded: bool
    failed: bool
    change: int
    slow: float | None
    retry_after: float | None


class Lane(msgspec.Struct, kw_only=True):
    """One receiver as a sender sees it, with what its next record has to tell of it. `stored_limit` is the limit in the database."""

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
    unrecorded: bool = False
    slow: float | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, due: Due) -> "Lane":
        return cls(tenant_id=due.tenant_id, limit=due.concurrency, stored_limit=due.concurrency, failing=due.failing)

    def refresh(self, due: Due) -> None:
        """Takes in what the database said of the receiver with its last claim, which other senders may have changed."""
        self.limit = _within(self.limit + due.concurrency - self.stored_limit)
        self.stored_limit = due.concurrency
        self.failing = due.failing

    def most(self, peers: int) -> int:
        """How many this sender may have in flight, one of so many."""
        return self.limit if peers == 1 else max(1, self.stored_limit // peers)

    def claimable(self, peers: int) -> int:
        """How many times its limit may be claimed. Several senders claim only what they send, so that they share it in small parts."""
        return AHEAD if self.seconds < QUICK and peers == 1 else 1

    @property
    def worth_telling(self) -> bool:
        """Whether the subscription's row would change: a success of a receiver in good health changes nothing."""
        grown = self.limit >= 2 * self.stored_limit or self.limit == MOST_CONCURRENCY != self.stored_limit
        return self.failed or (self.succeeded and (self.failing or grown)) or self.unrecorded

    @property
    def is_idle(self) -> bool:
        return self.in_flight == 0 and not self.waiting and not self.worth_telling

    def note(self, outcome: Outcome, wait: float | None) -> None:
        """Takes an attempt that is over into account. `wait` is when its delivery is tried again, in seconds, if it is."""
        self.seconds += (outcome.duration_ms / 1000 - self.seconds) / 2
        if outcome.succeeded:
            self.succeeded = True
            self.limit = _within(self.limit + 1)
            return
        self.failed = True
        asked = outcome.retry_after
        if asked is not None:
            asked = min(asked, LONGEST_SLOWING if wait is None else wait)
        self.retry_after = _longer(self.retry_after, asked)
        if outcome.timed_out or outcome.status in SLOWING:
            self.limit = _within(self.limit // 2)
        if outcome.status in SLOWING:
            self.slow = _longer(self.slow, asked if asked is not None else min(wait or 0.0, LONGEST_SLOWING))

    def take_report(self) -> "Report":
        """What the subscription's row should learn now; noting begins anew."""
        report = Report(
            succeeded=self.succeeded,
            failed=self.failed,
            change=self.limit - self.stored_limit,
            slow=self.slow,
            retry_after=self.retry_after,
        )
        self.stored_limit = self.limit
        self.failing = self.failed and not self.succeeded
        self.succeeded = self.failed = self.unrecorded = False
        self.slow = self.retry_after = None
        return report

    def give_back(self, report: "Report") -> None:
        """Takes a report back that could not be recorded."""
        self.succeeded |= report.succeeded
        self.failed |= report.failed
        self.slow = _longer(self.slow, report.slow)
        self.retry_after = _longer(self.retry_after, report.retry_after)
        self.stored_limit -= report.change
        self.unrecorded = True


def _within(limit: int) -> int:
    return max(1, min(MOST_CONCURRENCY, limit))


def _longer(one: float | None, other: float | None) -> float | None:
    return max((wait for wait in (one, other) if wait is not None), default=None)
