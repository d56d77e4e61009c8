"""The answer of an export: short ones whole, long ones in portions that are read, made and sent one after the other."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from services.epcr import metrics
from services.epcr.encounters.recipients import Source
from services.epcr.fhir.encode import UnfitBundle
from services.epcr.fhir.export import Export
from services.epcr.fhir.words import Language
from services.epcr.records.models import LinkedObservation
from shared.storage.database import tenant_transaction
from shared.web import fairness
from shared.web.identity import Caller
from shared.web.problems import Problem

# Readings that are made at a time: some milliseconds of work in a thread beside the event loop.
PORTION = 500
# Seconds until an export asks for its turn again.
PAUSE = 0.1
log = logging.getLogger(__name__)
Made = TypeVar("Made")
_decode = msgspec.json.Decoder(list[LinkedObservation]).decode


async def response(
    request: Request,
    caller: Caller,
    sources: Sequence[Source],
    most: int | None,
    language: Language,
    headers: Mapping[str, str],
    media_type: str,
) -> Response:
    """An export of more than one portion takes turns with other long work.

    Raises the Problems of `fairness.turn_if_heavy` before the first byte. Later faults end the connection: the receiver gets no whole bundle.
    """
    number = sum(span.count for source in sources for span in source.content.shapes.values())
    is_long = number > PORTION
    async with fairness.turn_if_heavy(request, heavy=is_long):
        export = await made(lambda: Export([source.content for source in sources], most, language))
    make = partial(_in_turn, request) if is_long else made
    while await make(export.prepare):
        pass
    portions = _portions(request, caller, sources, export, is_long=is_long)
    if is_long:
        return StreamingResponse(portions, headers=headers, media_type=media_type)
    body = b"".join([portion async for portion in portions])
    return Response(body, headers=dict(headers), media_type=media_type)


async def _portions(
    request: Request, caller: Caller, sources: Sequence[Source], export: Export, *, is_long: bool
) -> AsyncIterator[bytes]:
    make = partial(_in_turn, request) if is_long else made
    with suppress(ClientDisconnect):
        yield await make(export.begin)
        for number, source in enumerate(sources):
            after: tuple[datetime, str] | None = None
            is_last = not source.content.shapes
            while not is_last:
                # A transaction for each portion: a slow client holds none.
                async with tenant_transaction(request, caller) as conn:
                    text = await source.readings.portion(conn, after, PORTION)
                written, after, is_last = await make(partial(_added, export, number, text))
                yield written
            yield await make(partial(export.end_readings, number))
        yield await make(export.end)


async def _in_turn(request: Request, work: Callable[[], Made]) -> Made:
    """Waits again where the line is full: the export was admitted, and waits with one portion at a time."""
    while True:
        try:
            async with fairness.turn_if_heavy(request, heavy=True):
                return await made(work)
        except Problem:
            await asyncio.sleep(PAUSE)


def _added(export: Export, number: int, text: str) -> tuple[bytes, tuple[datetime, str] | None, bool]:
    """The bytes of a portion, its last time and id, and whether it is the last portion."""
    observations = _decode(text)
    after = (observations[-1].observed_at, observations[-1].id) if observations else None
    return export.add(number, observations), after, len(observations) < PORTION


async def made(work: Callable[[], Made]) -> Made:
    try:
        return await fairness.aside(work)
    except UnfitBundle as error:
        metrics.unfit_bundles.inc()
        log.error("bundle not sent: %s", error)
        raise
