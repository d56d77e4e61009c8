"""How long ago an agent was heard of, in a word. Pure."""

from datetime import datetime
from typing import Literal

Staleness = Literal["never", "fresh", "stale", "lost"]


def of(last_seen_at: datetime | None, now: datetime, stale_seconds: int, lost_seconds: int) -> Staleness:
    if last_seen_at is None:
        return "never"
    silent = (now - last_seen_at).total_seconds()
    return "fresh" if silent < stale_seconds else "stale" if silent < lost_seconds else "lost"
