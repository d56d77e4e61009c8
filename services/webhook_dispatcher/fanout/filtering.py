"""The filters of webhooks: which events they let through, and how many they did not."""

from collections.abc import Iterable
from typing import Any

import msgspec

from services.webhook_dispatcher import metrics
from services.webhook_dispatcher.fanout import queries
from shared.messaging.filters import Filter, matches
from shared.storage.database import Connection


class Filtered(msgspec.Struct, kw_only=True):
    """The events that one webhook's filter held back in this transaction, and the last of them."""

    id: str
    number: int = 0
    event_id: str = ""
    event_type: str = ""


# Holds back every event, in place of a filter that no call can have stored.
UNREADABLE = Filter(pointer="", exists=False)


def _readable(stored: str) -> Filter:
    try:
        return msgspec.json.decode(stored, type=Filter)
    except (msgspec.DecodeError, RecursionError):
        return UNREADABLE


class Sieve:
    """`filters` maps webhooks to their filters as JSON, or None. An event's data is read once, and only for a webhook with a filter."""

    def __init__(self, filters: Iterable[tuple[str, str | None]]) -> None:
        self._filters = {webhook: _readable(stored) for webhook, stored in filters if stored is not None}
        self._data: dict[str, Any] = {}
        self._held_back: dict[str, Filtered] = {}

    def passes(self, webhook: str, event_id: str, event_type: str, body: str) -> bool:
        """Whether the webhook gets the event. Counts it if not."""
        given = self._filters.get(webhook)
        if given is None:
            return True
        if event_id not in self._data:
            self._data[event_id] = msgspec.json.decode(body)["data"]
        if matches(given, self._data[event_id]):
            return True
        held_back = self._held_back.setdefault(webhook, Filtered(id=webhook))
        held_back.number += 1
        held_back.event_id, held_back.event_type = event_id, event_type
        return False

    def record(self, conn: Connection) -> None:
        """Adds the counts to the webhooks, whose rows are locked."""
        if self._held_back:
            held_back = list(self._held_back.values())
            conn.execute(queries.COUNT_FILTERED, (msgspec.json.encode(held_back).decode(),))
            metrics.filtered.inc(sum(one.number for one in held_back))
