"""Shares the free slots of a sender among tenants and receivers, and limits each receiver's concurrency (AIMD).

Each delivery in flight uses a slot of one class, and no class takes the last ones:
- `asked`: a person asked for it: an eighth of the slots.
- `first`: the only one in flight to a receiver in good health. Anything that is free but a sixteenth, which is kept for tenants that have
  none of this class.
- `new`: to a receiver that has never succeeded, one at a time: half of the slots.
- `deep`: beyond the first to a receiver in good health: what leaves a quarter of the slots free.
- `failing`: to a receiver whose last attempts failed, one at a time: a quarter of the slots.
Within a class no tenant holds more than is left of it, and of the `deep` ones no receiver more than its tenant has left (dynamic
thresholds, Choudhury and Hahne 1998): however many receivers take their time over an answer, whoever comes next finds room.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from services.webhook_dispatcher.sending.client import Due, Outcome
from services.webhook_dispatcher.sending.ladder import SLOWING

MOST_CONCURRENCY = 64
LONGEST_SLOWING = 60.0
QUICK = 0.25
# Claimed at a time for a quick receiver, in multiples of its limit: the next ones are at hand when a request is over.
AHEAD = 4
CLASSES = ("asked", "first", "new", "deep", "failing")


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


class Rooms(NamedTuple):
    """How many more deliveries to claim: of each class, by each tenant of each class, by a tenant that holds none.

    `lanes` has for each known receiver how many it holds, how many more may be claimed for it, and how many times its limit may be claimed
    by all senders; `newcomer` is the second of these for a receiver that is not known.
    """

    classes: dict[str, int]
    tenants: dict[str, dict[str, int]]
    tenant: dict[str, int]
    lanes: dict[str, tuple[int, int, int]]
    newcomer: int


class Slots:
    """The slots of one sender and who holds them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.held: Counter[str] = Counter()
        self.of_tenants: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.of_lanes: Counter[str] = Counter()

    @property
    def free(self) -> int:
        return self.number - self.held.total()

    def take(self, due: Due) -> None:
        self.held[due.share] += 1
        self.of_tenants[due.tenant_id][due.share] += 1
        self.of_lanes[due.subscription_id] += 1

    def give_back(self, due: Due) -> None:
        self.held[due.share] -= 1
        _subtract(self.of_lanes, due.subscription_id)
        of_tenant = self.of_tenants[due.tenant_id]
        _subtract(of_tenant, due.share)
        if not of_tenant:
            del self.of_tenants[due.tenant_id]

    def rooms(self, receivers: Mapping[str, tuple[str, int]]) -> Rooms:
        """`receivers` has of each known one that the claim may visit the tenant, and how many times its limit may be claimed."""
        budgets = self._budgets()
        tenants = {
            tenant: {name: share(budgets[name], held[name]) for name in CLASSES}
            for tenant, held in self.of_tenants.items()
        }
        newcomer = {name: share(budgets[name], 0) for name in CLASSES} | {"first": share(self.free, 0)}
        newcomer_fair = max(1, share(newcomer["deep"], 0))
        lanes = {
            key: (held := self.of_lanes[key], share(tenants[tenant]["deep"], held) if held else newcomer_fair, ahead)
            for key, (tenant, ahead) in receivers.items()
        }
        classes = {name: max(0, room) for name, room in budgets.items()} | {"first": self.free}
        return Rooms(classes, tenants, newcomer, lanes, newcomer_fair)

    def _budgets(self) -> dict[str, int]:
        """How much of each class is left; below zero where other classes have used it up."""
        spare, free = max(1, self.number // 16), self.free
        return {
            "asked": min(free - spare, max(1, self.number // 8) - self.held["asked"]),
            "first": free - spare,
            "new": min(free - spare, self.number // 2 - self.held["new"]),
            "deep": free - max(spare, self.number // 4),
            "failing": min(free - 2 * spare, max(1, self.number // 4) - self.held["failing"]),
        }


def share(free: int, held: int) -> int:
    """How many more may be taken by one who holds so many: afterwards it has no more than there are left."""
    return max(0, (free - held + 1) // 2)


def _within(limit: int) -> int:
    return max(1, min(MOST_CONCURRENCY, limit))


def _longer(one: float | None, other: float | None) -> float | None:
    return max((wait for wait in (one, other) if wait is not None), default=None)


def _subtract(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
