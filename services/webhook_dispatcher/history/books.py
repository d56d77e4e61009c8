"""The books of a webhook: its deliveries by state. Triggers count them (migration 0117), so that a long history costs no more to read."""

import time
from typing import Any

from services.webhook_dispatcher.history import book_queries as queries
from services.webhook_dispatcher.history.models import Reconciliation
from services.webhook_dispatcher.history.queries import IN_TIME
from services.webhook_dispatcher.subscriptions.models import Subscription
from shared.storage.database import IN_ORDER, AsyncConnection, Connection, found

KEEP_SECONDS, PORTION = 1.0, 5000


async def read_books(conn: AsyncConnection, subscription: Subscription) -> Reconciliation:
    await conn.execute(IN_TIME)
    await conn.execute(IN_ORDER)
    query = queries.READ if subscription.is_counted else queries.READ_NEWEST
    return await found(conn, Reconciliation, query, {"subscription_id": subscription.id})


class Books:
    """The relay's work for the books. Each portion commits by itself, until the time is used."""

    def __init__(self) -> None:
        self._after = ""

    def keep(self, conn: Connection) -> None:
        until = time.monotonic() + KEEP_SECONDS
        parameters: dict[str, Any] = {"portion": PORTION}
        while (conn.execute(queries.ADD_UP, parameters).fetchone() or (0,))[0] == PORTION and time.monotonic() < until:
            conn.commit()
        conn.commit()
        while conn.execute(queries.FORGET, parameters).rowcount == PORTION and time.monotonic() < until:
            conn.commit()
        conn.commit()
        while time.monotonic() < until and self._count_back(conn):
            conn.commit()

    def _count_back(self, conn: Connection) -> bool:
        """Counts one more day of a webhook from before the triggers. False if none is left after the last one.

        A webhook whose day cannot be counted waits for the next round, and holds no other one up.
        """
        row = conn.execute(queries.UNCOUNTED, {"after": self._after}).fetchone()
        if row is None:
            self._after = ""
            return False
        before, self._after = self._after, row[0]
        (goes_on,) = conn.execute(queries.COUNT_DAY, {"id": row[0]}).fetchone() or (False,)
        if goes_on:
            self._after = before
        return True
