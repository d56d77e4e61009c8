"""The bytes of a handover in the representation that is asked for.

Documents, transactions and PDFs are made in turns: those of a light record in the thread beside the loop, all others in the renderer.
"""

import hashlib
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from services.epcr.deidentification.projection import Disclosure, Projection, projecting
from services.epcr.deidentification.pseudonyms import Domain
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
from services.epcr.handover.crews import Other, crews, disclosed, section
from services.epcr.handover.document import documenting
from services.epcr.handover.models import Handover, ReadHandover, Sender
from services.epcr.handover.sheet import plain_view, sheet_of
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.transaction import Before, Former, transacting
from services.epcr.records.models import LinkedObservation, WholeRecord, began
from services.epcr.renderer.parent import Renderer
from services.epcr.renderer.work import Work
from shared.primitives.crypto import Keyring
from shared.storage.database import found, tenant_transaction
from shared.web import fairness, http, portions
from shared.web.identity import Caller

# Bytes of memory that a document needs for each byte of an encrypted record, beside those of the record itself.
DOCUMENT = 16


class TakenBefore(msgspec.Struct, frozen=True):
    """The newest transaction that a destination took under a former identity of the patient."""

    identity: int
    patient_basis: bytes
    version: int
    revision: int


class Taken(NamedTuple):
    """A destination's former transactions: those of former identities, the Patients of this one, and by identity the places of readings.

    `replaced` are the Patients up to this revision, each with the other encounters of the incident for which it took them too; `gone`
    those of former identities.
    """

    former: Sequence[TakenBefore]
    patients: Sequence[str]
    places: Mapping[int, Sequence[str]]
    replaced: Mapping[str, Sequence[str]]
    gone: Sequence[str]


class Read(NamedTuple):
    """An encounter that the caller may read, and the values that its documents need beside the record.

    `was_another` is whether an earlier version was another patient's, `described_at` when the organisation last described a device. Of a
    transaction also those that the destination has `taken` before. `others` are other encounters of the incident.
    """

    row: EncounterRow
    right: Right
    sender: Sender
    closed_at: datetime | None
    was_another: bool
    taken: Taken | None
    described_at: datetime | None
    others: Sequence[Other]


class Made(NamedTuple):
    """The bytes of an answer and their SHA-256, and the parts of the record in it.

    Of a transaction also the identifier of its Patient and the places of its readings; of `others` those whose care is shown, by their ids.
    """

    body: bytes
    digest: bytes
    media_type: str
    sections: list[str]
    patient: str | None = None
    places: list[str] | None = None
    others: Sequence[tuple[str, list[str]]] = ()


class _Content(NamedTuple):
    """A version of the record under an identity (decrypted), the extremes of its devices' observations, and the devices' makers by ids.

    `server` is the base URL under which documents name themselves.
    """

    row: EncounterRow
    readings: Sequence[LinkedObservation]
    makes: Mapping[str, Make]
    server: str


async def made(request: Request, caller: Caller, read: Read, asked: ReadHandover) -> Made:
    """JSON of a light record at once, all else in turns. Raises Problems: 429, 503."""
    keyring: Keyring = request.state.keyring
    shown = [one.row for one in read.others if one.right is not None]
    is_heavy = store.reserved(request, read.row, *shown)
    read = read._replace(
        others=[
            one if one.right is None else one._replace(row=store.decrypted(one.row, keyring)) for one in read.others
        ]
    )
    if asked.format == "json":
        return await portions.result(request, partial(_json, read, keyring), is_heavy=is_heavy)
    content = await _content(request, caller, read.row)
    former: list[EncounterRow] = []
    for one in read.taken.former if read.taken is not None else ():
        async with tenant_transaction(request, caller) as conn:
            version = msgspec.structs.asdict(one) | {"encounter_id": read.row.id}
            row = await found(conn, EncounterRow, FIND_VERSION, version, binary=True)
        is_heavy = store.reserved(request, row) or is_heavy
        former.append(store.decrypted(row, keyring))
    row, pseudonyms = read.row, request.state.pseudonyms
    assert row.pseudonym_version is not None
    # By identity of the patient.
    domains = [
        pseudonyms.handover_domain(row.pseudonym_version, row.tenant_id, read.right.destination.id, identity)
        for identity in range(1, row.identity + 1)
    ]
    if is_heavy:
        renderer: Renderer = request.state.renderer
        job = partial(_rendered, domains, read._replace(row=content.row), content, former, asked)
        return _decode(await renderer.whole(request, job))
    return await portions.finished(request, exporting.watched(_rendering(domains, read, content, former, asked)))


async def _content(request: Request, caller: Caller, row: EncounterRow) -> _Content:
    fairness.reserve_memory(request, DOCUMENT * len(row.record))
    plain = store.decrypted(row, request.state.keyring)
    facts = await portions.result(request, lambda: facts_of(store.read(plain).encounter, []))
    async with tenant_transaction(request, caller) as conn:
        readings = await store.extremes_of(conn, row.tenant_id, facts)
        rows = await conn.execute(queries.MAKES_OF, ([one.device_id for one in readings],))
        makes = {device_id: Make(*make) for device_id, *make in await rows.fetchall()}
    return _Content(plain, readings, makes, request.state.settings.api_base_url)


def _json(read: Read, keyring: Keyring) -> Made:
    encounter = store.opened(read.row, keyring).encounter
    record, others = WholeRecord.of(encounter), crews(encounter, read.others)
    content = Handover(
        encounter_id=record.id,
        destination_id=read.right.destination.id,
        purpose=read.right.purpose,
        identity=read.row.identity,
        readable_until=read.right.until,
        record=record,
        other_crews=[one.shown() for one in others],
    )
    body = http.encode(content)
    return Made(body, hashlib.sha256(body).digest(), "application/json", _filled(record), others=disclosed(others))


def _rendered(
    domains: Sequence[Domain], read: Read, content: _Content, former: Sequence[EncounterRow], asked: ReadHandover
) -> Work:
    """As `_rendering`; the answer with its parts as one text."""
    made = yield from _rendering(domains, read, content, former, asked)
    return msgspec.msgpack.encode(made)


def _rendering(
    domains: Sequence[Domain], read: Read, content: _Content, former: Sequence[EncounterRow], asked: ReadHandover
) -> Generator[None, None, Made]:
    stored = store.read(content.row)
    yield
    encounter, sender, to = stored.encounter, read.sender, read.right.destination
    projection = yield from _projecting(domains, stored)
    # The identifiers of the Composition under former identities.
    reports = [
        {
            "system": one.system("composition"),
            "value": one.uuid("composition", one.uuid("encounter", read.row.id)),
        }
        for one in domains[:-1]
    ]
    observed, makes = content.readings, content.makes
    others = crews(encounter, read.others)
    yield
    source = Source(encounter, projection, observed, reports, sender, to, read.closed_at, asked.language, makes, others)
    yield
    view = plain_view(encounter, projection.view)
    sheet = sheet_of(encounter, view, observed, sender, to, asked.language, was_another=read.was_another)
    if others:
        day = began(encounter.record).astimezone(sender.zone).date()
        sheet.sections.append(section(others, asked.language, sender.zone, day))
    yield
    printed = Pdf(
        pdf.render(sheet), f"{content.server}{PATH}/{encounter.id}/handover?format=pdf&language={asked.language}"
    )
    yield
    sections = _filled(WholeRecord.of(encounter))
    if asked.format == "pdf":
        return Made(
            printed.body, hashlib.sha256(printed.body).digest(), pdf.MEDIA_TYPE, sections, others=disclosed(others)
        )
    if asked.format == "document":
        body = yield from documenting(source, printed)
        return Made(body, hashlib.sha256(body).digest(), FHIR, sections, others=disclosed(others))
    before = yield from _before(domains, read, former)
    made = yield from transacting(source, printed, before)
    digest = hashlib.sha256(made.body).digest()
    return Made(made.body, digest, FHIR, sections, made.patient, made.places, disclosed(others))


def _before(domains: Sequence[Domain], read: Read, former: Sequence[EncounterRow]) -> Generator[None, None, Before]:
    assert read.taken is not None
    places, withdrawn = read.taken.places, list[Former]()
    for row in former:
        one = store.read(row)
        yield
        projection = yield from _projecting(domains, one)
        withdrawn.append(Former(one.encounter, projection, places.get(row.identity, ())))
    return Before(
        withdrawn, read.taken.patients, places.get(read.row.identity, ()), read.taken.replaced, read.taken.gone
    )


def _projecting(domains: Sequence[Domain], stored: Stored) -> Generator[None, None, Projection]:
    row, encounter = stored.row, stored.encounter
    assert row.patient_basis is not None
    disclosure = Disclosure(domains[row.identity - 1], "exact", bytes(row.patient_basis))
    return (yield from projecting(encounter, disclosure))


def _filled(record: WholeRecord) -> list[str]:
    """The parts of the record that have content."""
    parts = [name for name in WholeRecord.__struct_fields__ if name in store.Record.__struct_fields__]
    return [name for name in parts if getattr(record, name) not in (None, [], {})]


_decode = msgspec.msgpack.Decoder(Made).decode
