"""How much more a relay may put into its consumers' queues, so that no consumer fills Redis, which all share."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

from shared import metrics

# A consumer's queue holds at most so many calls, of at most half a MiB each unless a message is larger, and about so many bytes.
MAX_CALLS = 200
MAX_BYTES = 16 * 1024 * 1024
# At most so many bytes are claimed at a time; Redis' text of them takes up to about four times as much.
CLAIM_BYTES = 8 * 1024 * 1024
# Above this share of Redis' memory relays put nothing in: the rest is for acknowledgements, bells and the gateways' counts.
MAX_SHARE = 0.75
LOOK_SECONDS = 1.0
log = logging.getLogger(__name__)


class Room(NamedTuple):
    """What one consumer takes: so many calls and bytes, and whether what was sent before may be sent again.

    It may only while the queue is less than half full: a consumer that is slow, not deaf, is helped by no copies.
    """

    calls: int
    bytes: int
    again: bool


class Crowding:
    """`queues` are the consumers of one producer, each with its queue."""

    def __init__(self, redis: Redis, queues: Mapping[str, str]) -> None:
        self.redis = redis
        self.queues = queues
        self._looked = float("-inf")
        self._is_full = False

    def rooms(self, consumers: Sequence[str]) -> dict[str, Room]:
        """The room of each consumer that has any."""
        rooms = {} if self._redis_is_full() else self._ask(consumers)
        for consumer in consumers:
            metrics.outbox_held_back.labels(consumer).set(consumer not in rooms)
        return rooms

    def _ask(self, consumers: Sequence[str]) -> dict[str, Room]:
        pipeline = self.redis.pipeline(transaction=False)
        for consumer in consumers:
            pipeline.llen(self.queues[consumer])
            pipeline.memory_usage(self.queues[consumer])
        answers = iter(pipeline.execute(raise_on_error=False))
        rooms = {consumer: self._room(consumer, next(answers), next(answers)) for consumer in consumers}
        return {consumer: room for consumer, room in rooms.items() if room.calls > 0 and room.bytes > 0}

    def _room(self, consumer: str, calls: Any, size: Any) -> Room:
        """None where Redis answers with an error, as for a key that is no queue: no reason to keep anything from the others."""
        if isinstance(calls, Exception) or isinstance(size, Exception):
            log.warning(
                "%s is sent nothing: %s", consumer, type(calls if isinstance(calls, Exception) else size).__name__
            )
            return Room(0, 0, again=False)
        size = size or 0
        metrics.queue_length.labels(self.queues[consumer]).set(calls)
        metrics.queue_bytes.labels(self.queues[consumer]).set(size)
        again = calls <= MAX_CALLS // 2 and size <= MAX_BYTES // 2
        return Room(MAX_CALLS - calls, min(MAX_BYTES - size, CLAIM_BYTES), again)

    def _redis_is_full(self) -> bool:
        """Looked at once a second; a Redis without a limit is never full."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            memory: Any = self.redis.info("memory")
            limit = memory.get("maxmemory", 0)
            share = memory["used_memory"] / limit if limit else 0.0
            metrics.redis_memory_share.set(share)
            if share > MAX_SHARE and not self._is_full:
                log.warning("relay waits: Redis is %d %% full", share * 100)
            self._is_full = share > MAX_SHARE
            self._looked = time.monotonic()
        return self._is_full
