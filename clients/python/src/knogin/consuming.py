"""Reads a consumer on and on, for systems that nothing can send webhooks to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from . import models, problems
from ._client import AsyncKnogin, Knogin

WAIT_SECONDS = 20


def consume(
    client: Knogin, consumer_name: str, *, limit: int = 100, lease_seconds: int = 60
) -> Iterator[models.log.ReadEvent]:
    """The events of a consumer, without an end: at least once, in the order of their keys.

    An event counts as handled when the next one is asked for, and a read of at most `limit` events is committed when its last one is. Leave
    the loop, or raise in it, and the events of that read come again. Handle a read within `lease_seconds`, or its events go to another
    reader too. While another process reads this consumer, it waits. It raises the errors of any call: begin again after a pause.
    """
    asked = models.log.ReadEvents(limit=limit, wait=WAIT_SECONDS, lease_seconds=lease_seconds)
    while True:
        try:
            reading = client.event_log.read_events(consumer_name, asked)
        except problems.ConsumerInUse:  # the call has waited for the other reader already
            continue
        yield from reading.events
        if reading.cursor is not None:
            with suppress(problems.LeaseLost):  # its events come again
                client.event_log.commit_events(consumer_name, models.log.Commit(cursor=reading.cursor))


async def consume_async(
    client: AsyncKnogin, consumer_name: str, *, limit: int = 100, lease_seconds: int = 60
) -> AsyncIterator[models.log.ReadEvent]:
    """As `consume`, for `async for`."""
    asked = models.log.ReadEvents(limit=limit, wait=WAIT_SECONDS, lease_seconds=lease_seconds)
    while True:
        try:
            reading = await client.event_log.read_events(consumer_name, asked)
        except problems.ConsumerInUse:
            continue
        for event in reading.events:
            yield event
        if reading.cursor is not None:
            with suppress(problems.LeaseLost):
                await client.event_log.commit_events(consumer_name, models.log.Commit(cursor=reading.cursor))
