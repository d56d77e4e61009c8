"""Who gets the slots of a sender that are free.

No tenant holds more of them than are left free, and no receiver more than its tenant has left (dynamic thresholds, Choudhury and
Hahne 1998): however many receivers take their time over an answer, whoever comes next finds room.
"""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from services.webhook_dispatcher.lanes import Lane


class Rooms(NamedTuple):
    """How many more deliveries to claim: for each receiver, for each tenant, and for a tenant that holds none yet."""

    lanes: dict[str, int]
    tenants: dict[str, int]
    newcomer: int


def rooms(free: int, lanes: Mapping[str, Lane]) -> Rooms:
    """Shares `free` slots out among the receivers that are known, by their subscriptions' ids, and those that are not yet."""
    held: Counter[str] = Counter()
    for lane in lanes.values():
        held[lane.tenant_id] += lane.held
    tenants = {tenant_id: share(free, number) for tenant_id, number in held.items()}
    known = {key: min(lane.room, share(tenants[lane.tenant_id], lane.held)) for key, lane in lanes.items()}
    return Rooms(known, tenants, share(free, 0))


def share(free: int, held: int) -> int:
    """How many more may be taken by one who holds so many: afterwards it has no more than there are left."""
    return max(0, (free - held + 1) // 2)
