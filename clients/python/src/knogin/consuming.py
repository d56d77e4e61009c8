"""Reads a consumer on and on, for systems that nothing can send webhooks to."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from . import models, problems
from ._client import AsyncKnogin, Knogin
from .errors import KnoginError

WAIT_SECONDS = 20
# To give events back is a courtesy: the lease ends by itself.
COURTESY_SECONDS = 5.0


def consume(
    client: Knogin, consumer_name: str, *, limit: int = 100, lease_seconds: int = 60, reader: str | None = None
) -> Iterator[models.log.ReadEvent]:
    """The events of a consumer, without an end: at least once, in the order of their keys.

    An event counts as handled when the next one is asked for, and a read of at most `limit` events is committed when its last one is. Leave
    the loop, or raise in it, and that event and those after it come again: they are given back, so that the next loop gets them at once.
    Handle a read within `lease_seconds`, or its events go to another reader too. While another process reads this consumer, it waits.
    `reader` is a name of this process alone (letters, digits, `.`, `_`, `-`; at most 64): after a crash a loop of the same name goes on
    at once, not when the lease ends. It raises the errors of any call, after its attempts: begin again after a pause.
    """
    asked = _asked(limit, lease_seconds, reader)
    while True:
        try:
            reading = client.event_log.read_events(consumer_name, asked)
        except problems.ConsumerInUse:  # the call has waited for the other reader already
            continue
        taken = _Taken(reading)
        try:
            for event in reading.events:
                yield event
                taken.handled = event.cursor
        finally:
            if taken.is_left:
                with suppress(KnoginError, RuntimeError):
                    if taken.handled is not None:
                        client.event_log.commit_events(consumer_name, taken.commit, timeout=COURTESY_SECONDS)
                    client.event_log.extend_lease(consumer_name, taken.end, timeout=COURTESY_SECONDS)
        if taken.handled is not None:
            with suppress(problems.LeaseLost):  # its events come again
                client.event_log.commit_events(consumer_name, taken.commit)


async def consume_async(
    client: AsyncKnogin, consumer_name: str, *, limit: int = 100, lease_seconds: int = 60, reader: str | None = None
) -> AsyncIterator[models.log.ReadEvent]:
    """As `consume`, for `async for`. `contextlib.aclosing` gives the events back at once where the loop is left."""
    asked = _asked(limit, lease_seconds, reader)
    while True:
        try:
            reading = await client.event_log.read_events(consumer_name, asked)
        except problems.ConsumerInUse:
            continue
        taken = _Taken(reading)
        try:
            for event in reading.events:
                yield event
                taken.handled = event.cursor
        finally:
            if taken.is_left:
                with suppress(KnoginError, RuntimeError):
                    if taken.handled is not None:
                        await client.event_log.commit_events(consumer_name, taken.commit, timeout=COURTESY_SECONDS)
                    await client.event_log.extend_lease(consumer_name, taken.end, timeout=COURTESY_SECONDS)
        if taken.handled is not None:
            with suppress(problems.LeaseLost):
                await client.event_log.commit_events(consumer_name, taken.commit)


def _asked(limit: int, lease_seconds: int, reader: str | None) -> models.log.ReadEvents:
    """Without a name the reader has one of its own, so that an answer that is lost costs no wait."""
    name = reader or uuid.uuid4().hex
    return models.log.ReadEvents(limit=limit, wait=WAIT_SECONDS, lease_seconds=lease_seconds, reader=name)


class _Taken:
    """The events of one read, and the cursor of the last one that was handled."""

    def __init__(self, reading: models.log.Reading) -> None:
        self._last = reading.cursor
        self.handled: str | None = None

    @property
    def is_left(self) -> bool:
        return self.handled != self._last

    @property
    def commit(self) -> models.log.Commit:
        return models.log.Commit(cursor=self.handled or "")

    @property
    def end(self) -> models.log.Extend:
        return models.log.Extend(cursor=self._last or "", lease_seconds=0)
