"""The waiting deliveries of all webhooks, measured in portions: the cost of a measurement does not depend on their number."""

import threading
from itertools import chain
from typing import Any

from services.webhook_dispatcher.sending import queries
from shared.storage.database import Connection

PORTION = 10_000
MOST_COUNTED = 10_000


class Backlog:
    """Each call measures the next portion of the webhooks with waiting deliveries; the figures of the others are those of before."""

    def __init__(self, portion: int = PORTION) -> None:
        self._portion = portion
        self._lock = threading.Lock()
        self._after, self._place = "", 0
        self._parts: list[tuple[Any, ...]] = []

    def measure(self, conn: Connection) -> tuple[float, ...]:
        """Deliveries due, held and waiting; the seconds of the oldest due one, and of failing receivers; the tenants that are late."""
        with self._lock:
            parameters = {"after": self._after, "portion": self._portion}
            row: tuple[Any, ...] = conn.execute(queries.MEASURE, parameters).fetchone() or ("", *(0,) * 5, [])
            last, part = row[0], row[1:]
            self._parts[self._place : self._place + 1] = [part]
            self._after, self._place = last, self._place + 1
            if not last:
                del self._parts[self._place :]
                self._place = 0
            due, held, _, oldest, failing, late = zip(*self._parts, strict=True)
            return (
                min(MOST_COUNTED, sum(due)),
                min(MOST_COUNTED, sum(held)),
                part[2],
                max(oldest),
                max(failing),
                len(set(chain.from_iterable(late))),
            )
