"""Shares the free slots of a sender among tenants and receivers.

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

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from services.webhook_dispatcher.models import Due

CLASSES = ("asked", "first", "new", "deep", "failing")


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


def _subtract(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]
