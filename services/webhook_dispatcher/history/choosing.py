"""Which deliveries a list or a replay looks at: the ends of a period as ids, and the index that a filter follows."""

import uuid
from datetime import UTC, datetime, timedelta

from shared.primitives import ids

# Deliveries may be kept that much longer than the retention says.
EARLIER = timedelta(days=2)


def first_id_at(moment: datetime) -> tuple[str, datetime]:
    """The end of the first id that can be made at that time or later."""
    since_1970 = moment - datetime.fromtimestamp(0, UTC)
    milliseconds = max(0, -(-since_1970 // timedelta(milliseconds=1)))
    return ids.id_of("dlv", uuid.UUID(int=milliseconds << 80))[-26:], moment


def only_troubled(status: str | None, response: str | None) -> bool:
    """Whether only deliveries with a failed attempt can fit."""
    return status in ("failed", "retrying") or response not in (None, "2xx")
