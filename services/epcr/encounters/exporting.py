"""Answers with a FHIR export: their contents, read at once; short ones are sent whole, long ones in portions.

Short ones are made in the thread beside the event loop (shared/web/portions.py). Long ones, of a heavy record or of many readings, are made
in the renderer, a process of its own: each portion is made and sent before the next one, and each in a turn of its own. So an export
holds the projection of its records and one portion, for which it reserves memory.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

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
from services.epcr.renderer.parent import Renderer, Rendering
from services.epcr.renderer.work import Portion, Wants, Work
from shared.primitives.crypto import Keyring
from shared.storage.database import every, found, tenant_transaction
from shared.web import fairness, portions
from shared.web.identity import Caller

# Readings that are made at a time: some milliseconds of work in a thread beside the event loop.
PORTION = 500
# Readings that are written at a time, four hundred kilobytes: five milliseconds of the renderer between two rests.
AT_ONCE = 250
# Bytes that an export holds for each reading that it sends: its identifier, and at the end the reference to it.
HELD_OF_READING = 140
# Entity tags of exports that passed their checks: the same tag names the same bytes.
REMEMBERED = 2000
_passed: dict[str, None] = {}
log = logging.getLogger(__name__)
Step = TypeVar("Step")
Result = TypeVar("Result")


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


class Plain(NamedTuple):
    """A source as it is made into a bundle; the record of its row is in the clear."""

    row: EncounterRow
    disclosure: Disclosure
    shapes: Mapping[Shape, Span]
    forms: frozenset[Form]


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
        former = await found(conn, EncounterRow, queries.FIND_VERSION, version, binary=True)
        readings = Readings(row.id, row.tenant_id, sent.until or sent.revision)
        disclosed = disclosure_of(former, Policy(sent.domain, policy.mode), reader.pseudonyms)
        made.append(await _source(reader, former, disclosed, sent.forms, readings))
    return made


async def _source(
    reader: Present | Edition, row: EncounterRow, disclosure: Disclosure, forms: Sequence[Form], readings: Readings
) -> Source:
    with_steps = "summary" in forms
    shapes = {} if set(forms) == {"none"} else await readings.shapes(reader.conn, with_steps=with_steps)
    source = Source(row, disclosure, shapes, frozenset(forms), readings, None)
    is_short = 0 < source.number < PORTION
    return source._replace(text=await readings.portion(reader.conn, None, PORTION)) if is_short else source


async def response(request: Request, caller: Caller, sources: Sequence[Source], wanted: Wanted) -> Response:
    """Raises Problems, 429 and 503, before the first byte. Later faults end the connection: the receiver gets no whole bundle."""
    keyring: Keyring = request.state.keyring
    is_heavy = store.reserved(request, *(source.row for source in sources))
    contents = [Plain(store.decrypted(one.row, keyring), one.disclosure, one.shapes, one.forms) for one in sources]
    fairness.reserve_memory(request, HELD_OF_READING * sum(one.number for one in sources if "all" in one.forms))
    if is_heavy or sum(source.number for source in sources) >= PORTION:
        renderer: Renderer = request.state.renderer
        rendering, first = await renderer.begun(request, partial(exported, contents, wanted, PORTION))
        return Streamed(request, caller, sources, rendering, first, wanted)

    def whole() -> Generator[None, None, bytes]:
        work, written, text = exported(contents, wanted, PORTION), list[bytes](), None
        while True:
            try:
                step = work.send(text)
            except StopIteration:
                return b"".join(written)
            text = sources[step.source].text if isinstance(step, Wants) else None
            if isinstance(step, bytes):
                written.append(step)
            yield

    body = await portions.finished(request, watched(whole()))
    return Response(body, headers=dict(wanted.headers), media_type=wanted.media_type)


class Streamed(StreamingResponse):
    """A long export: it reads the readings of devices that the renderer wants, and sends the bytes that it writes."""

    def __init__(
        self,
        request: Request,
        caller: Caller,
        sources: Sequence[Source],
        rendering: Rendering,
        first: Portion,
        wanted: Wanted,
    ) -> None:
        super().__init__(self._portions(request, caller, first), headers=wanted.headers, media_type=wanted.media_type)
        self._sources = sources
        self._rendering = rendering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._rendering.end()

    async def _portions(self, request: Request, caller: Caller, portion: Portion) -> AsyncIterator[bytes]:
        with suppress(ClientDisconnect):
            while True:
                for piece in portion.pieces:
                    yield piece
                    # Else the loop would send all pieces in one turn, as far as the socket takes them.
                    await asyncio.sleep(0)
                if portion.is_last:
                    return
                text = None
                if portion.wants is not None:
                    # A transaction for each portion: a slow client holds none.
                    async with tenant_transaction(request, caller) as conn:
                        readings = self._sources[portion.wants.source].readings
                        text = await readings.portion(conn, portion.wants.after, PORTION)
                portion = await self._rendering.portion(text)


def exported(contents: Sequence[Plain], wanted: Wanted, portion: int) -> Work:
    """The bytes of the export, made in the renderer or in the thread. It is sent its readings in portions of that number."""
    export = yield from _begun(contents, wanted)
    yield b""
    yield from export.begin()
    for number, content in enumerate(contents):
        after: tuple[datetime, str] | None = None
        is_last = not content.shapes
        while not is_last:
            observations = store.read_portion((yield Wants(number, after)) or "[]")
            after = (observations[-1].observed_at, observations[-1].id) if observations else None
            is_last = len(observations) < portion
            for start in range(0, len(observations), AT_ONCE):
                yield export.add(number, observations[start : start + AT_ONCE])
        yield from export.end_readings(number)
    yield from export.end()
    return None


def _begun(contents: Sequence[Plain], wanted: Wanted) -> Generator[None, None, Export]:
    made: list[Content] = []
    for content in contents:
        encounter = store.read(content.row).encounter
        yield
        projection = yield from projecting(encounter, content.disclosure)
        made.append(Content(projection, content.shapes, content.forms))
    yield
    export = Export(made, wanted.most, wanted.language)
    tag = wanted.headers["etag"]
    if tag not in _passed:
        yield from export.checks()
        if len(_passed) >= REMEMBERED:
            _passed.pop(next(iter(_passed)), None)
        _passed[tag] = None
    return export


def watched(work: Generator[Step, None, Result]) -> Generator[Step, None, Result]:
    """The same work; a bundle that is not sent is logged and counted."""
    try:
        return (yield from work)
    except UnfitBundle as error:
        metrics.unfit_bundles.inc()
        log.error("bundle not sent: %s", error)
        raise
