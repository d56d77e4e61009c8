"""Answers with a FHIR export: their contents, read at once; short ones are sent whole, long ones in portions.

All work with a record is done in portions, each in a turn of its own (shared/web/portions.py); each portion of a long answer is made and
sent before the next one. So an export holds the projection of its records and one portion, for which it reserves memory.
"""

import logging
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain
from typing import NamedTuple, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from services.epcr import metrics
from services.epcr.deidentification.projection import Disclosure, projecting
from services.epcr.encounters import queries, store
from services.epcr.encounters.disclosure import Policy, disclosure_of
from services.epcr.encounters.editions import Edition, Present
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Readings
from services.epcr.fhir.encode import UnfitBundle
from services.epcr.fhir.export import Content, Export
from services.epcr.fhir.readings import Form, Shape, Span
from services.epcr.fhir.words import Language
from services.epcr.records.models import LinkedObservation
from shared.primitives.crypto import Keyring
from shared.storage.database import every, found, tenant_transaction
from shared.web import portions
from shared.web.identity import Caller

# Readings that are made at a time: some milliseconds of work in a thread beside the event loop.
PORTION = 500
# Entity tags of exports that passed their checks: the same tag names the same bytes.
REMEMBERED = 2000
_passed: dict[str, None] = {}
log = logging.getLogger(__name__)
Step = TypeVar("Step")
Result = TypeVar("Result")
_decode = msgspec.json.Decoder(list[LinkedObservation]).decode


class Source(NamedTuple):
    """The content of a bundle, encrypted, and the readings of devices. `text` is that of few readings."""

    row: EncounterRow
    disclosure: Disclosure
    shapes: Mapping[Shape, Span]
    forms: frozenset[Form]
    readings: Readings
    text: str | None

    @property
    def number(self) -> int:
        return sum(span.count for span in self.shapes.values())


class Wanted(NamedTuple):
    """`most` are the entries of a bundle, where several are asked for. `headers` have the entity tag."""

    most: int | None
    language: Language
    headers: Mapping[str, str]
    media_type: str


class Sent(msgspec.Struct):
    """The newest bundle that was fetched under a former identity, and the forms in which readings were fetched."""

    identity: int
    domain: str
    patient_basis: bytes
    version: int
    revision: int
    until: datetime | None
    forms: list[Form]


async def sources(reader: Present | Edition, row: EncounterRow, form: Form, disclosure: Disclosure) -> list[Source]:
    """The source of the present content of a bundle, and those of the contents that it withdraws.

    Those are the newest that the app, or another of its domain, fetched under each former identity.
    """
    conn, policy = reader.conn, reader.policy
    made = [await _source(reader, row, disclosure, [form], reader.readings_of(row))]
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
        made.append(await _source(reader, former, disclosed, sent.forms, readings))
    return made


async def _source(
    reader: Present | Edition, row: EncounterRow, disclosure: Disclosure, forms: Sequence[Form], readings: Readings
) -> Source:
    shapes = {} if set(forms) == {"none"} else await readings.shapes(reader.conn)
    source = Source(row, disclosure, shapes, frozenset(forms), readings, None)
    is_short = 0 < source.number < PORTION
    return source._replace(text=await readings.portion(reader.conn, None, PORTION)) if is_short else source


async def response(request: Request, caller: Caller, sources: Sequence[Source], wanted: Wanted) -> Response:
    """Raises Problems, 429 and 503, before the first byte. Later faults end the connection: the receiver gets no whole bundle."""
    keyring: Keyring = request.state.keyring
    is_heavy = store.reserved(request, *(source.row for source in sources))
    export = await portions.finished(request, watched(_begun(sources, wanted, keyring)))
    if is_heavy or sum(source.number for source in sources) >= PORTION:
        made = _portions(request, caller, sources, export)
        return StreamingResponse(made, headers=wanted.headers, media_type=wanted.media_type)

    def whole() -> Generator[None, None, bytes]:
        written: list[bytes] = []
        for portion in _whole(sources, export):
            written.append(portion)
            yield
        return b"".join(written)

    body = await portions.finished(request, watched(whole()))
    return Response(body, headers=dict(wanted.headers), media_type=wanted.media_type)


def _begun(sources: Sequence[Source], wanted: Wanted, keyring: Keyring) -> Generator[None, None, Export]:
    contents: list[Content] = []
    for source in sources:
        encounter = store.opened(source.row, keyring).encounter
        yield
        projection = yield from projecting(encounter, source.disclosure)
        contents.append(Content(projection, source.shapes, source.forms))
    yield
    export = Export(contents, wanted.most, wanted.language)
    tag = wanted.headers["etag"]
    if tag not in _passed:
        yield from export.checks()
        if len(_passed) >= REMEMBERED:
            _passed.pop(next(iter(_passed)), None)
        _passed[tag] = None
    return export


def _whole(sources: Sequence[Source], export: Export) -> Iterator[bytes]:
    yield from export.begin()
    for number, source in enumerate(sources):
        if source.text is not None:
            yield _added(export, number, source.text)[0]
        yield from export.end_readings(number)
    yield from export.end()


async def _portions(
    request: Request, caller: Caller, sources: Sequence[Source], export: Export
) -> AsyncIterator[bytes]:
    with suppress(ClientDisconnect):
        next_ones = export.begin()
        for number, source in enumerate(sources):
            async for written in _in_turns(request, next_ones):
                yield written
            after: tuple[datetime, str] | None = None
            is_last = not source.shapes
            while not is_last:
                # A transaction for each portion: a slow client holds none.
                async with tenant_transaction(request, caller) as conn:
                    text = await source.readings.portion(conn, after, PORTION)
                added = await portions.result(request, partial(_added, export, number, text), is_admitted=True)
                written, after, is_last = added
                yield written
            next_ones = export.end_readings(number)
        async for written in _in_turns(request, chain(next_ones, export.end())):
            yield written


async def _in_turns(request: Request, work: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The export was admitted: where the line is full, it waits again, with one portion at a time."""
    async for made in portions.each(request, watched(_steps(work)), is_admitted=True):
        if made:
            yield b"".join(made)


def _added(export: Export, number: int, text: str) -> tuple[bytes, tuple[datetime, str] | None, bool]:
    """The bytes of a portion, its last time and id, and whether it is the last portion."""
    observations = _decode(text)
    after = (observations[-1].observed_at, observations[-1].id) if observations else None
    return export.add(number, observations), after, len(observations) < PORTION


def _steps(work: Iterator[Step]) -> Generator[Step, None, None]:
    yield from work


def watched(work: Generator[Step, None, Result]) -> Generator[Step, None, Result]:
    """The same work; a bundle that is not sent is logged and counted."""
    try:
        return (yield from work)
    except UnfitBundle as error:
        metrics.unfit_bundles.inc()
        log.error("bundle not sent: %s", error)
        raise
