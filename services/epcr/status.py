"""How an encounter moves: forward only."""

from services.epcr.models.record import Status

NEXT: dict[Status, frozenset[Status]] = {
    "in_progress": frozenset({"completed", "cancelled"}),
    "completed": frozenset({"handed_over"}),
    "handed_over": frozenset(),
    "cancelled": frozenset(),
}


def may_follow(current: Status, wanted: Status) -> bool:
    """Whether `wanted` may come after `current`; staying is always allowed."""
    return wanted == current or wanted in NEXT[current]
