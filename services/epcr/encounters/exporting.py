"""Answers with a FHIR export: their contents, read at once; short ones are sent whole, long ones in portions.

Each portion is read, made and sent before the next one.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from services.epcr import metrics
from services.epcr.deidentification.projection import Disclosure, project
from services.epcr.encounters import queries
from services.epcr.encounters.disclosure import Policy, disclosure_of
from services.epcr.encounters.editions import Edition, Present
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Readings, Stored, opened
from services.epcr.fhir.encode import UnfitBundle
from services.epcr.fhir.export import Content, Export
from services.epcr.fhir.readings import Form
from services.epcr.fhir.words import Language
from services.epcr.records.models import LinkedObservation
from shared.storage.database import every, found, tenant_transaction
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


class Source(NamedTuple):
    """The content of a bundle, and its readings."""

    content: Content
    readings: Readings


class Sent(msgspec.Struct):
    """The newest bundle that was fetched under a former identity, and the forms in which readings were fetched."""

    identity: int
    domain: str
    patient_basis: bytes
    version: int
    revision: int
    until: datetime | None
    forms: list[Form]


async def sources(reader: Present | Edition, stored: Stored, form: Form, disclosure: Disclosure) -> list[Source]:
    """The present content of a bundle, and the contents that it withdraws.

    Those are the newest that the app, or another of its domain, fetched under each former identity.
    """
    conn, policy, row = reader.conn, reader.policy, stored.row
    readings = reader.readings_of(row)
    shapes = {} if form == "none" else await readings.shapes(conn)
    made = [Source(Content(project(stored.encounter, disclosure), shapes, frozenset({form})), readings)]
    if row.identity == 1:
        return made
    asked = {
        "encounter_id": row.id,
        "identity": row.identity,
        "mode": policy.mode,
        "domain": policy.domain,
        "client_id": reader.caller.client_id,
    }
    for sent in await every(conn, Sent, queries.SENT_BEFORE, asked):
        version = msgspec.structs.asdict(sent) | {"encounter_id": row.id}
        former = await found(conn, EncounterRow, queries.FIND_VERSION, version)
        readings = Readings(row.id, row.tenant_id, sent.until or sent.revision)
        disclosed = disclosure_of(former, Policy(sent.domain, policy.mode), reader.pseudonyms)
        projection = project(opened(former, reader.keyring).encounter, disclosed)
        shapes = await readings.shapes(conn) if set(sent.forms) != {"none"} else {}
        made.append(Source(Content(projection, shapes, frozenset(sent.forms)), readings))
    return made


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

    Raises the Problems of `heavy.turn` before the first byte. Later faults end the connection: the receiver gets no whole bundle.
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
