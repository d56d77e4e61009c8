"""Shares the free slots of a sender among tenants and receivers, and limits each receiver's concurrency (AIMD).

Each delivery in flight uses a slot of one class, and no class takes the last slots:
- `asked`: a person asked for it. An eighth of the slots.
- `first`: the only request in flight to a healthy receiver. All free slots but a sixteenth, reserved for tenants without one of this class.
- `new`: the only request in flight to a receiver that has never succeeded. Half of the slots.
- `deep`: a further request to a healthy receiver. All but a quarter of the slots.
- `failing`: the only request in flight to a receiver whose last attempts failed. A quarter of the slots.
Within a class no tenant holds more slots than are left of it, and of `deep` no receiver more than its tenant has left (dynamic thresholds,
Choudhury and Hahne 1998): however many receivers are slow, the next one finds room.

A sender holds at most `MOST_BYTES` of bodies, and of these no tenant more than are left free, but always one delivery. A receiver that
reads nothing keeps the bytes of its deliveries until their deadline. Large bodies leave a quarter to others, so that a large one that finds
no room holds up no smaller one.

A receiver's limit grows by one with each success and halves with each time-out.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from services.webhook_dispatcher.sending.client import Due, Outcome
from services.webhook_dispatcher.sending.ladder import LONGEST_ASKED, SLOWING

MOST_CONCURRENCY = 64
LONGEST_SLOWING = 60.0
# Of bodies that are claimed, of the 512 MiB of a container. TLS keeps an encrypted copy of a body that its receiver does not read.
MOST_BYTES = 96 << 20
# Of one claim, whose rows libpq keeps beside the deliveries until all are read. The longest body has half as many.
CLAIM_BYTES = 16 << 20
LARGE_BYTES = 1 << 20
QUICK = 0.25
# Multiples of its limit that are claimed for a quick receiver, so that the next delivery is at hand when a request ends.
AHEAD = 4
CLASSES = ("asked", "first", "new", "deep", "failing")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver's health since the last record. `change` is the difference of its limit; other senders report theirs.

    `slow` is the pause in seconds that it needs, `retry_after` the wait that it asked for.
    """

    succeeded: bool
    failed: bool
    change: int
    slow: float | None
    retry_after: float | None


class Lane(msgspec.Struct, kw_only=True):
    """One receiver in the memory of a sender, with the health to record next. `stored_limit` is the limit in the database."""

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
        """Takes the receiver's limit and health from its last claim; other senders may have changed them."""
        self.limit = _within(self.limit + due.concurrency - self.stored_limit)
        self.stored_limit = due.concurrency
        self.failing = due.failing

    def most(self, peers: int) -> int:
        """How many requests this sender may have in flight beside its `peers`."""
        return self.limit if peers == 1 else max(1, self.stored_limit // peers)

    def claimable(self, peers: int) -> int:
        """How many times its limit may be claimed. Several senders claim no reserve, so that they share the deliveries in small parts."""
        return AHEAD if self.seconds < QUICK and peers == 1 else 1

    @property
    def must_record(self) -> bool:
        """Whether the subscription's row changes: a success of a healthy receiver changes nothing."""
        grown = self.limit >= 2 * self.stored_limit or self.limit == MOST_CONCURRENCY != self.stored_limit
        return self.failed or (self.succeeded and (self.failing or grown)) or self.unrecorded

    @property
    def is_idle(self) -> bool:
        return self.in_flight == 0 and not self.waiting and not self.must_record

    def count(self, outcome: Outcome, wait: float | None) -> None:
        """Counts a finished attempt. `wait` is the time to the next attempt of its delivery in seconds, if there is one."""
        self.seconds += (outcome.duration_ms / 1000 - self.seconds) / 2
        if outcome.succeeded:
            self.succeeded = True
            self.limit = _within(self.limit + 1)
            return
        self.failed = True
        asked = outcome.retry_after
        if asked is not None:
            # An old delivery may wait a day; the receiver's other deliveries do not wait for it.
            asked = min(asked, LONGEST_SLOWING if wait is None else wait, LONGEST_ASKED)
        self.retry_after = _longer(self.retry_after, asked)
        if outcome.timed_out or outcome.status in SLOWING:
            self.limit = _within(self.limit // 2)
        if outcome.status in SLOWING:
            self.slow = _longer(self.slow, asked if asked is not None else min(wait or 0.0, LONGEST_SLOWING))

    def take_report(self) -> "Report":
        """The health to record now; counting begins anew."""
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
        """Takes back a report that was not recorded."""
        self.succeeded |= report.succeeded
        self.failed |= report.failed
        self.slow = _longer(self.slow, report.slow)
        self.retry_after = _longer(self.retry_after, report.retry_after)
        self.stored_limit -= report.change
        self.unrecorded = True


class Rooms(NamedTuple):
    """How many more deliveries to claim: of each class, by each tenant of each class, by a tenant that holds none.

    `lanes` has for each known receiver the slots it holds, the number of further claims for it, and how many times its limit all senders
    may claim. `newcomer` is the second of these for an unknown receiver. Beside the classes the key "bytes" has the room for bodies, and
    "large" the part of it for those above `LARGE_BYTES`.
    """

    classes: dict[str, int]
    tenants: dict[str, dict[str, int]]
    tenant: dict[str, int]
    lanes: dict[str, tuple[int, int, int]]
    newcomer: int


class Slots:
    """The slots of one sender and the bytes of its bodies, with their holders."""

    def __init__(self, number: int, most_bytes: int = MOST_BYTES) -> None:
        self.number = number
        self.most_bytes = self.free_bytes = most_bytes
        self.bytes_of_tenants: Counter[str] = Counter()
        self.held: Counter[str] = Counter()
        self.of_tenants: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.of_lanes: Counter[str] = Counter()

    @property
    def free(self) -> int:
        return self.number - self.held.total()

    def take(self, due: Due) -> None:
        self.free_bytes -= due.size
        self.bytes_of_tenants[due.tenant_id] += due.size
        self.held[due.share] += 1
        self.of_tenants[due.tenant_id][due.share] += 1
        self.of_lanes[due.subscription_id] += 1

    def give_back(self, due: Due) -> None:
        self.free_bytes += due.size
        _subtract(self.bytes_of_tenants, due.tenant_id, due.size)
        self.held[due.share] -= 1
        _subtract(self.of_lanes, due.subscription_id)
        of_tenant = self.of_tenants[due.tenant_id]
        _subtract(of_tenant, due.share)
        if not of_tenant:
            del self.of_tenants[due.tenant_id]

    def rooms(self, receivers: Mapping[str, tuple[str, int]]) -> Rooms:
        """`receivers` maps each known receiver of the claim to its tenant, and to how many times its limit may be claimed."""
        # The free slots of each class; below zero where other classes have used them.
        spare, free = max(1, self.number // 16), self.free
        budgets = {
            "asked": min(free - spare, max(1, self.number // 8) - self.held["asked"]),
            "first": free - spare,
            "new": min(free - spare, self.number // 2 - self.held["new"]),
            "deep": free - max(spare, self.number // 4),
            "failing": min(free - 2 * spare, max(1, self.number // 4) - self.held["failing"]),
        }
        tenants = {
            tenant: {name: share(budgets[name], held[name]) for name in CLASSES}
            | {"bytes": share(self.free_bytes, self.bytes_of_tenants[tenant])}
            for tenant, held in self.of_tenants.items()
        }
        newcomer = {name: share(budgets[name], 0) for name in CLASSES}
        newcomer |= {"first": share(self.free, 0), "bytes": share(self.free_bytes, 0)}
        newcomer_fair = max(1, share(newcomer["deep"], 0))
        lanes = {
            key: (held := self.of_lanes[key], share(tenants[tenant]["deep"], held) if held else newcomer_fair, ahead)
            for key, (tenant, ahead) in receivers.items()
        }
        classes = {name: max(0, room) for name, room in budgets.items()} | {"first": self.free}
        classes["bytes"] = max(0, min(self.free_bytes, CLAIM_BYTES))
        classes["large"] = max(0, min(self.free_bytes - self.most_bytes // 4, CLAIM_BYTES // 2))
        return Rooms(classes, tenants, newcomer, lanes, newcomer_fair)


def share(free: int, held: int) -> int:
    """How many more a holder may take, so that afterwards it holds no more than are left free."""
    return max(0, (free - held + 1) // 2)


def _within(limit: int) -> int:
    return max(1, min(MOST_CONCURRENCY, limit))


def _longer(one: float | None, other: float | None) -> float | None:
    return max((wait for wait in (one, other) if wait is not None), default=None)


def _subtract(counts: Counter[str], key: str, number: int = 1) -> None:
    counts[key] -= number
    if counts[key] <= 0:
        del counts[key]
