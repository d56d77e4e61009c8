"""The books of a webhook: its deliveries by state. Triggers count them, so that a long history costs no more to read."""

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
    return await found(conn, Reconciliation, queries.READ, {"subscription_id": subscription.id})


class Books:
    """The relay's work for the books. Each portion commits by itself, until the time is used."""

    def keep(self, conn: Connection) -> None:
        until = time.monotonic() + KEEP_SECONDS
        parameters: dict[str, Any] = {"portion": PORTION}
        while (conn.execute(queries.ADD_UP, parameters).fetchone() or (0,))[0] == PORTION and time.monotonic() < until:
            conn.commit()
        conn.commit()
        while conn.execute(queries.FORGET, parameters).rowcount == PORTION and time.monotonic() < until:
            conn.commit()
        conn.commit()
