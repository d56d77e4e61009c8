"""The bytes of a handover in the representation that is asked for. Documents, transactions and PDFs are made in turns."""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from services.epcr.deidentification.projection import Disclosure, Projection, projecting
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import exporting, store
from services.epcr.encounters.endpoints import PATH
from services.epcr.encounters.facts import facts_of
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.queries import FIND_VERSION
from services.epcr.encounters.representations import FHIR
from services.epcr.encounters.store import Stored
from services.epcr.fhir.device import Make
from services.epcr.handover import pdf, queries
from services.epcr.handover.access import Right
from services.epcr.handover.document import documenting
from services.epcr.handover.models import Handover, ReadHandover, Sender
from services.epcr.handover.sheet import plain_view, sheet_of
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.transaction import Former, patient_of, transacting
from services.epcr.records.models import Encounter, LinkedObservation, WholeRecord
from shared.messaging.messages import EncounterFacts
from shared.primitives.crypto import Keyring
from shared.storage.database import found, tenant_transaction
from shared.web import fairness, http, portions
from shared.web.identity import Caller

SERVER = "https://api.knogin.com"
# Bytes of memory that a document needs for each byte of an encrypted record, beside those of the record itself.
DOCUMENT = 16


class Taken(msgspec.Struct, frozen=True):
    """The newest transaction that a destination took under a former identity of the patient."""

    identity: int
    patient_basis: bytes
    version: int
    revision: int


class Read(NamedTuple):
    """An encounter that the caller may read, and the values that its documents need beside the record.

    Of a transaction also `taken`, which it withdraws, and the `patients` that the destination took before. `described_at` is when the
    organisation last described a device.
    """

    row: EncounterRow
    right: Right
    sender: Sender
    closed_at: datetime | None
    taken: Sequence[Taken]
    patients: Sequence[str]
    described_at: datetime | None


class Made(NamedTuple):
    """The bytes of an answer and their SHA-256, the parts of the record in it, and the identifier of the Patient of a transaction."""

    body: bytes
    digest: bytes
    media_type: str
    sections: list[str]
    patient: str | None = None


class _Content(NamedTuple):
    """A version of the record under an identity, the extremes of its devices' observations, and the devices' makers by their ids."""

    stored: Stored
    readings: Sequence[LinkedObservation]
    makes: Mapping[str, Make]


async def made(request: Request, caller: Caller, read: Read, asked: ReadHandover) -> Made:
    """JSON of a light record at once, all else in turns. Raises Problems: 429, 503."""
    keyring: Keyring = request.state.keyring
    is_heavy = store.reserved(request, read.row)
    if asked.format == "json":
        return await portions.result(request, partial(_json, read, keyring), is_heavy=is_heavy)
    contents = [await _content(request, caller, read.row)]
    for one in read.taken:
        async with tenant_transaction(request, caller) as conn:
            version = msgspec.structs.asdict(one) | {"encounter_id": read.row.id}
            former = await found(conn, EncounterRow, FIND_VERSION, version)
        store.reserved(request, former)
        contents.append(await _content(request, caller, former))
    work = _rendering(request.state.pseudonyms, read, contents, asked)
    return await portions.finished(request, exporting.watched(work))


async def _content(request: Request, caller: Caller, row: EncounterRow) -> _Content:
    fairness.reserve_memory(request, DOCUMENT * len(row.record))
    stored, facts = await portions.result(request, partial(_opened, row, request.state.keyring))
    async with tenant_transaction(request, caller) as conn:
        readings = await store.extremes_of(conn, row.tenant_id, facts)
        rows = await conn.execute(queries.MAKES_OF, ([one.device_id for one in readings],))
        makes = {device_id: Make(*make) for device_id, *make in await rows.fetchall()}
    return _Content(stored, readings, makes)


def _opened(row: EncounterRow, keyring: Keyring) -> tuple[Stored, EncounterFacts]:
    stored = store.opened(row, keyring)
    return stored, facts_of(stored.encounter, [])


def _json(read: Read, keyring: Keyring) -> Made:
    record = WholeRecord.of(store.opened(read.row, keyring).encounter)
    content = Handover(
        encounter_id=record.id,
        destination_id=read.right.destination.id,
        purpose=read.right.purpose,
        identity=read.row.identity,
        readable_until=read.right.until,
        record=record,
    )
    body = http.encode(content)
    return Made(body, hashlib.sha256(body).digest(), "application/json", _filled(record))


def _rendering(
    pseudonyms: Pseudonyms, read: Read, contents: Sequence[_Content], asked: ReadHandover
) -> Generator[None, None, Made]:
    """A destination's documents have a domain of their own: no pseudonym in them is that of a de-identified bundle."""
    present, *taken = contents
    encounter, to = present.stored.encounter, read.right.destination
    projection = yield from _projecting(pseudonyms, read, present.stored.row, encounter)
    former = [_report_before(pseudonyms, read, identity) for identity in range(1, read.row.identity)]
    sender, makes = read.sender, present.makes
    source = Source(encounter, projection, present.readings, former, sender, to, read.closed_at, asked.language, makes)
    yield
    view = plain_view(encounter, projection.view)
    sheet = sheet_of(encounter, view, present.readings, sender, to, asked.language)
    yield
    body, media_type, patient = pdf.render(sheet), pdf.MEDIA_TYPE, None
    yield
    if asked.format != "pdf":
        url = f"{SERVER}{PATH}/{encounter.id}/handover?format=pdf&language={asked.language}"
        printed, media_type = Pdf(body, url), FHIR
        if asked.format == "document":
            body = yield from documenting(source, printed)
        else:
            withdrawn: list[Former] = []
            for one in taken:
                of = yield from _projecting(pseudonyms, read, one.stored.row, one.stored.encounter)
                withdrawn.append(Former(one.stored.encounter, of, one.readings))
            patient = patient_of(source)
            body = yield from transacting(source, printed, withdrawn, read.patients)
    sections = _filled(WholeRecord.of(encounter))
    return Made(body, hashlib.sha256(body).digest(), media_type, sections, patient)


def _projecting(
    pseudonyms: Pseudonyms, read: Read, row: EncounterRow, encounter: Encounter
) -> Generator[None, None, Projection]:
    assert row.patient_basis is not None
    assert row.pseudonym_version is not None
    name = _domain_of(read)
    domain = pseudonyms.domain(row.pseudonym_version, row.tenant_id, name, "exact", row.identity)
    return (yield from projecting(encounter, Disclosure(domain, "exact", bytes(row.patient_basis))))


def _report_before(pseudonyms: Pseudonyms, read: Read, identity: int) -> dict[str, str]:
    """The identifier of the Composition under a former identity."""
    row = read.row
    assert row.pseudonym_version is not None
    one = pseudonyms.domain(row.pseudonym_version, row.tenant_id, _domain_of(read), "exact", identity)
    return {"system": one.system("composition"), "value": one.uuid("composition", one.uuid("encounter", row.id))}


def _domain_of(read: Read) -> str:
    return f"handover {read.right.destination.id}"


def _filled(record: WholeRecord) -> list[str]:
    """The parts of the record that have content."""
    parts = [name for name in WholeRecord.__struct_fields__ if name in store.Record.__struct_fields__]
    return [name for name in parts if getattr(record, name) not in (None, [], {})]
