"""Answers with a FHIR export: their contents, read at once; short ones are sent whole, those of many readings in portions.

Each portion of a long export is read, made in the Line (shared/web/heavy.py) and sent before the next one, with a turn of its own. The
export itself goes from portion to portion as a value, so that no process keeps it.
"""

import pickle
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from services.epcr.deidentification.projection import Disclosure, project
from services.epcr.encounters import queries, store
from services.epcr.encounters.disclosure import Policy, disclosure_of
from services.epcr.encounters.editions import Edition, Present
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.store import Readings
from services.epcr.fhir.export import Content, Export
from services.epcr.fhir.readings import Form, Shape, Span
from services.epcr.fhir.words import Language
from services.epcr.metrics import note_faults
from shared.primitives.crypto import Keyring
from shared.storage.database import every, found, tenant_transaction
from shared.web import heavy
from shared.web.identity import Caller

# Readings of a portion, three megabytes of a bundle: some 40 ms of work.
PORTION = 2_000
# Entity tags of exports that passed their checks: the same tag names the same bytes.
REMEMBERED = 2000
_passed: dict[str, None] = {}


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
    return source._replace(text=(await readings.portion(reader.conn, None, PORTION))[0]) if is_short else source


async def response(request: Request, caller: Caller, sources: Sequence[Source], wanted: Wanted) -> Response:
    """Raises Problems, 429 and 503, before the first byte. Later faults end the connection: the receiver gets no whole bundle."""
    keyring: Keyring = request.state.keyring
    contents = [Plain(store.decrypted(one.row, keyring), one.disclosure, one.shapes, one.forms) for one in sources]
    size = sum(len(one.row.record) for one in sources)
    if sum(source.number for source in sources) < PORTION:
        texts = [source.text for source in sources]
        whole = await heavy.made(request, size, _whole, contents, wanted, texts)
        note_faults(whole.faults)
        return Response(whole.written, headers=dict(wanted.headers), media_type=wanted.media_type)
    first = await heavy.made(request, max(size, heavy.LIGHT + 1), _begun, contents, wanted)
    pieces = _pieces(request, caller, sources, first)
    return StreamingResponse(pieces, headers=dict(wanted.headers), media_type=wanted.media_type)


class Step(NamedTuple):
    """The bytes that a portion of work wrote, the faults that it found, and the export as it is then, for the next portion."""

    written: bytes
    faults: list[str]
    export: bytes = b""


async def _pieces(request: Request, caller: Caller, sources: Sequence[Source], step: Step) -> AsyncIterator[bytes]:
    with suppress(ClientDisconnect):
        note_faults(step.faults)
        yield step.written
        for number, source in enumerate(sources):
            after: tuple[datetime, str] | None = None
            is_last = not source.shapes
            while not is_last:
                # A transaction for each portion: a slow client holds none.
                async with tenant_transaction(request, caller) as conn:
                    text, after = await source.readings.portion(conn, after, PORTION)
                is_last = after is None
                step = await heavy.more(request, _added, step.export, number, text, is_last)
                note_faults(step.faults)
                yield step.written
        yield (await heavy.more(request, _ended, step.export)).written


def _whole(contents: Sequence[Plain], wanted: Wanted, texts: Sequence[str | None]) -> Step:
    """A short export, in one step."""
    export = _exported(contents, wanted)
    written = [*export.begin()]
    for number, text in enumerate(texts):
        if text is not None:
            written.append(export.add(number, store.read_portion(text)))
        written += export.end_readings(number)
    return Step(b"".join([*written, *export.end()]), export.faults)


def _begun(contents: Sequence[Plain], wanted: Wanted) -> Step:
    export = _exported(contents, wanted)
    written = [*export.begin()]
    for number, content in enumerate(contents):
        written += export.end_readings(number) if not content.shapes else ()
    return _going(export, written)


def _added(export: bytes, number: int, text: str, is_last: bool) -> Step:
    going: Export = pickle.loads(export)  # noqa: S301 - our own
    written = [going.add(number, store.read_portion(text))]
    written += going.end_readings(number) if is_last else ()
    return _going(going, written)


def _ended(export: bytes) -> Step:
    going: Export = pickle.loads(export)  # noqa: S301 - our own
    return Step(b"".join(going.end()), [])


def _going(export: Export, written: Sequence[bytes]) -> Step:
    found, export.faults = export.faults, []
    return Step(b"".join(written), found, pickle.dumps(export))


def _exported(contents: Sequence[Plain], wanted: Wanted) -> Export:
    made = [Content(project(store.read(one.row).encounter, one.disclosure), one.shapes, one.forms) for one in contents]
    export = Export(made, wanted.most, wanted.language)
    tag = wanted.headers["etag"]
    if tag not in _passed:
        export.check_all()
        if len(_passed) >= REMEMBERED:
            _passed.pop(next(iter(_passed)), None)
        _passed[tag] = None
    return export
