"""Limits how much a relay puts into Redis, so that neither a consumer nor the producer's own worker can fill it by being away.

A relay sends nothing to a consumer whose queue is full. While its own worker takes no acknowledgements, a relay sends new messages all the
same: of the acknowledgements it keeps the oldest. The others cost one repetition each, when the worker takes acknowledgements again.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from redis import Redis

from shared.process import metrics

# Limits of one consumer's queue. A call has at most half a MiB of text, unless a single message is larger.
# A queue serves its oldest call first, so it is short: a message that enters has at most 20 calls of 200 messages before it.
MAX_CALLS = 20
MAX_BYTES = 16 * 1024 * 1024
# Acknowledgements, of a call each, that wait for the producer's own worker. 2,000 calls of 200 ids take about 16 MiB.
MAX_ACKNOWLEDGEMENTS = 2_000
MAX_ACKNOWLEDGEMENTS_BYTES = 32 * 1024 * 1024
# Most bytes of text that are claimed at one time. In a call a quote or backslash of the text takes two bytes.
CLAIM_BYTES = 8 * 1024 * 1024
ESCAPED = 2
# Above this share of Redis's memory relays send nothing: the rest is for acknowledgements, bells and the gateways' counts.
MAX_SHARE = 0.75
LOOK_SECONDS = 1.0
MEASURE_SECONDS = 5.0
log = logging.getLogger(__name__)


class Room(NamedTuple):
    """The calls and bytes of text that one consumer's queue can take; `again`: messages that were sent before may be sent again.

    They may only while the queue is at most half full, and that of the acknowledgements too: the first copies may still be in the queue of
    a slow consumer, or their acknowledgements in the other.
    """

    calls: int
    bytes: int
    again: bool


class Crowding:
    """`queues` maps each consumer of one producer to its queue, `acknowledgements` to the queue of its acknowledgements."""

    def __init__(self, redis: Redis, queues: Mapping[str, str], acknowledgements: Mapping[str, str]) -> None:
        self.redis = redis
        self.queues = queues
        self.acknowledgements = acknowledgements
        self._measured = float("-inf")
        self._looked = float("-inf")
        self._is_full = False

    def rooms(self, consumers: Sequence[str]) -> dict[str, Room]:
        """The room of each consumer whose queue has some; none while Redis is full. Exports the state of the queues."""
        # Checks once a second; a Redis without a memory limit is never full.
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            memory: Any = self.redis.info("memory")
            limit = memory.get("maxmemory", 0)
            share = memory["used_memory"] / limit if limit else 0.0
            metrics.redis_memory_share.set(share)
            if share > MAX_SHARE and not self._is_full:
                log.warning("relay waits: Redis is %d %% full", share * 100)
            self._is_full = share > MAX_SHARE
            self._looked = time.monotonic()
        is_full = self._is_full
        pipeline = self.redis.pipeline(transaction=False)
        for consumer in consumers:
            pipeline.llen(self.queues[consumer])
            pipeline.memory_usage(self.queues[consumer])
            pipeline.llen(self.acknowledgements[consumer])
            pipeline.memory_usage(self.acknowledgements[consumer])
        answers = iter(pipeline.execute(raise_on_error=False))
        rooms: dict[str, Room] = {}
        for consumer in consumers:
            room = self._room(consumer, *islice(answers, 4))
            if room.calls > 0 and room.bytes > 0 and not is_full:
                rooms[consumer] = room
            metrics.outbox_held_back.labels(consumer).set(consumer not in rooms)
        return rooms

    def measure(self) -> None:
        """Exports the state of all queues every few seconds, so that no figure stays as it was when the last message was due."""
        if time.monotonic() - self._measured >= MEASURE_SECONDS:
            self._measured = time.monotonic()
            self.rooms(list(self.queues))

    def _room(self, consumer: str, calls: Any, size: Any, acknowledgements: Any, acknowledged: Any) -> Room:
        """No room if Redis answers with an error, for example because the key is not a list. Other consumers are not affected."""
        for answer in (calls, size, acknowledgements, acknowledged):
            if isinstance(answer, Exception):
                log.warning("nothing is sent to %s, Redis refused it: %s", consumer, type(answer).__name__)
                return Room(0, 0, again=False)
        size, acknowledged = size or 0, acknowledged or 0
        metrics.queue_length.labels(self.queues[consumer]).set(calls)
        metrics.queue_bytes.labels(self.queues[consumer]).set(size)
        metrics.queue_length.labels(self.acknowledgements[consumer]).set(acknowledgements)
        filled = max(acknowledgements / MAX_ACKNOWLEDGEMENTS, acknowledged / MAX_ACKNOWLEDGEMENTS_BYTES)
        if filled > 1:
            kept = int(acknowledgements / filled)
            self.redis.ltrim(self.acknowledgements[consumer], *((-kept, -1) if kept else (1, 0)))
        again = filled <= 1 / 2 and calls <= MAX_CALLS // 2 and size <= MAX_BYTES // 2
        return Room(MAX_CALLS - calls, min((MAX_BYTES - size) // ESCAPED, CLAIM_BYTES), again)
