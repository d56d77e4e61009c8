"""The bytes of a handover in the representation that is asked for.

Documents, transactions and PDFs are made in the Line.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from services.epcr.deidentification.projection import Disclosure, Projection, project
from services.epcr.deidentification.pseudonyms import Domain
from services.epcr.encounters import store
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
from services.epcr.handover.document import document
from services.epcr.handover.models import Handover, ReadHandover, Sender
from services.epcr.handover.sheet import plain_view, sheet_of
from services.epcr.handover.source import Pdf, Source
from services.epcr.handover.transaction import Before, Former, transaction
from services.epcr.metrics import note_faults
from services.epcr.records.models import LinkedObservation, WholeRecord, began
from shared.primitives.crypto import Keyring
from shared.storage.database import found, tenant_transaction
from shared.web import heavy, http
from shared.web.identity import Caller

ALWAYS_HEAVY = heavy.LIGHT + 1
"""A document takes some 100 ms, of a light record too: it is printed, and each of its resources is made twice."""


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
    faults: Sequence[str] = ()


class _Content(NamedTuple):
    """The extremes of the devices' observations, the devices' makers by ids, and the base URL under which documents name themselves."""

    readings: Sequence[LinkedObservation]
    makes: Mapping[str, Make]
    server: str


async def made(request: Request, caller: Caller, read: Read, asked: ReadHandover) -> Made:
    """JSON of a light record at once, all else in the Line. Raises Problems: 429, 503."""
    keyring: Keyring = request.state.keyring
    size = len(read.row.record) + sum(len(one.row.record) for one in read.others if one.right is not None)
    read = read._replace(
        row=store.decrypted(read.row, keyring),
        others=[
            one if one.right is None else one._replace(row=store.decrypted(one.row, keyring)) for one in read.others
        ],
    )
    if asked.format == "json":
        return await heavy.made(request, size, _json, read)
    content = await _content(request, caller, read.row)
    former: list[EncounterRow] = []
    for one in read.taken.former if read.taken is not None else ():
        async with tenant_transaction(request, caller) as conn:
            version = msgspec.structs.asdict(one) | {"encounter_id": read.row.id}
            row = await found(conn, EncounterRow, FIND_VERSION, version, binary=True)
        former.append(store.decrypted(row, keyring))
    row, pseudonyms = read.row, request.state.pseudonyms
    assert row.pseudonym_version is not None
    # By identity of the patient.
    domains = [
        pseudonyms.handover_domain(row.pseudonym_version, row.tenant_id, read.right.destination.id, identity)
        for identity in range(1, row.identity + 1)
    ]
    rendered = await heavy.made(request, ALWAYS_HEAVY, _rendered, domains, read, content, former, asked)
    note_faults(rendered.faults)
    return rendered


async def _content(request: Request, caller: Caller, row: EncounterRow) -> _Content:
    facts = facts_of(store.read(row).encounter, [])
    async with tenant_transaction(request, caller) as conn:
        readings = await store.extremes_of(conn, row.tenant_id, facts)
        rows = await conn.execute(queries.MAKES_OF, ([one.device_id for one in readings],))
        makes = {device_id: Make(*make) for device_id, *make in await rows.fetchall()}
    return _Content(readings, makes, request.state.settings.api_base_url)


def _json(read: Read) -> Made:
    encounter = store.read(read.row).encounter
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
) -> Made:
    stored = store.read(read.row)
    encounter, sender, to = stored.encounter, read.sender, read.right.destination
    projection = _projected(domains, stored)
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
    source = Source(encounter, projection, observed, reports, sender, to, read.closed_at, asked.language, makes, others)
    view = plain_view(encounter, projection.view)
    sheet = sheet_of(encounter, view, observed, sender, to, asked.language, was_another=read.was_another)
    if others:
        day = began(encounter.record).astimezone(sender.zone).date()
        sheet.sections.append(section(others, asked.language, sender.zone, day))
    printed = Pdf(
        pdf.render(sheet), f"{content.server}{PATH}/{encounter.id}/handover?format=pdf&language={asked.language}"
    )
    sections = _filled(WholeRecord.of(encounter))
    if asked.format == "pdf":
        return Made(
            printed.body, hashlib.sha256(printed.body).digest(), pdf.MEDIA_TYPE, sections, others=disclosed(others)
        )
    if asked.format == "document":
        body, found = document(source, printed)
        return Made(body, hashlib.sha256(body).digest(), FHIR, sections, others=disclosed(others), faults=found)
    before = _before(domains, read, former)
    made = transaction(source, printed, before)
    digest = hashlib.sha256(made.body).digest()
    return Made(made.body, digest, FHIR, sections, made.patient, made.places, disclosed(others), made.faults)


def _before(domains: Sequence[Domain], read: Read, former: Sequence[EncounterRow]) -> Before:
    assert read.taken is not None
    places, withdrawn = read.taken.places, list[Former]()
    for row in former:
        one = store.read(row)
        projection = _projected(domains, one)
        withdrawn.append(Former(one.encounter, projection, places.get(row.identity, ())))
    return Before(
        withdrawn, read.taken.patients, places.get(read.row.identity, ()), read.taken.replaced, read.taken.gone
    )


def _projected(domains: Sequence[Domain], stored: Stored) -> Projection:
    row, encounter = stored.row, stored.encounter
    assert row.patient_basis is not None
    disclosure = Disclosure(domains[row.identity - 1], "exact", bytes(row.patient_basis))
    return project(encounter, disclosure)


def _filled(record: WholeRecord) -> list[str]:
    """The parts of the record that have content."""
    parts = [name for name in WholeRecord.__struct_fields__ if name in store.Record.__struct_fields__]
    return [name for name in parts if getattr(record, name) not in (None, [], {})]
