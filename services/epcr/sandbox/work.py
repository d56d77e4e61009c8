"""A sandbox's encounters: written for its invented year and for a scenario, and erased, each portion in one transaction.

Every statement is of the message's tenant and of rows that are marked as a test, so that no encounter of production is one of them.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, LiteralString

import msgspec

from services.epcr.encounters import events, queries, store
from services.epcr.encounters.facts import facts_of
from services.epcr.records import amend
from services.epcr.records.models import Encounter, EncounterDraft, Status
from services.epcr.sandbox import records
from services.epcr.settings import Settings
from shared.messaging import outbox
from shared.messaging.messages import Received, SandboxEncounters, SandboxPortionDone
from shared.messaging.sandboxes import MISSION, Case, Year, portion_named, portion_of
from shared.primitives.crypto import Keyring
from shared.process import telemetry
from shared.storage.database import Connection, set_tenant
from shared.web import http

PORTION = 50
ERASED = 50
# Returns whether rows may be left.
ERASE: LiteralString = "SELECT erase_sandbox_encounters(%s)"


def perform(
    keyring: Keyring, settings: Settings, conn: Connection, received: Sequence[Received[SandboxEncounters]]
) -> None:
    for message in received:
        task = message.body
        set_tenant(conn, message.tenant_id)
        write = partial(_write, conn, message, keyring, settings.max_record_bytes)
        match task.task:
            case "seed":
                year, portion = Year(message.tenant_id, task), portion_of(task, PORTION)
                for number in portion:
                    write(year, year.case(number), ("handed_over",))
                left = len(portion) == PORTION
            case "erase" | "end":
                [left] = conn.execute(ERASE, (ERASED,)).fetchone() or (False,)
            case "arrest":
                year = Year(message.tenant_id, task)
                case = year.scenario("arrest", MISSION)
                write(year, case, ("in_progress", "completed", "handed_over"), with_events=True)
                continue
            case _:
                continue
        outbox.add_sync(conn, message.tenant_id, SandboxPortionDone(**portion_named(task), left=left))


def _write(
    conn: Connection,
    message: Received[SandboxEncounters],
    keyring: Keyring,
    most: int,
    year: Year,
    case: Case,
    statuses: Sequence[Status],
    *,
    with_events: bool = False,
) -> None:
    """Writes a version for each status, and sends the facts of the last. An encounter that is there already stays as it is."""
    author: dict[str, Any] = {
        "client_id": message.body.client_id,
        "actor": None,
        "trace_id": telemetry.trace_id(),
    }
    before: Encounter | None = None
    for encounter in _versions(message.tenant_id, year, case, statuses):
        sealed = store.sealed(encounter, keyring, most)
        row = store.row_of(sealed) | {"pseudonym_version": None, "anchor": encounter.record.anchor}
        if before is None:
            if conn.execute(queries.INSERT_ENCOUNTER, row).fetchone() is None:
                return
            event, facts = events.created(encounter)
        else:
            conn.execute(queries.UPDATE_ENCOUNTER, row)
            event, facts = events.changed(encounter, before.status, facts_of(encounter, []), [])
        conn.execute(queries.INSERT_VERSION, row | author)
        sent = (event, facts) if with_events else (facts,)
        outbox.add_sync(conn, message.tenant_id, *sent)
        before = encounter


def _versions(tenant_id: str, year: Year, case: Case, statuses: Sequence[Status]) -> Iterator[Encounter]:
    sent = http.encode(records.draft(case, year.chance("record", case.number)))
    draft = http.convert(_read(sent), EncounterDraft)
    places = count()
    # An entry's id is the same each time.
    record = amend.begin(draft, case.at, lambda prefix: year.id(prefix, case.at, case.number, next(places)))
    ended = case.at + timedelta(minutes=70)
    first = Encounter(
        id=case.encounter_id,
        tenant_id=tenant_id,
        care_model=draft.care_model,
        status=statuses[0],
        vehicle_id=draft.vehicle_id,
        cad_incident_id=draft.cad_incident_id,
        patient_number=draft.patient_number,
        test=True,
        version=1,
        revision=1,
        amended=False,
        created_at=case.at,
        updated_at=ended,
        record=record,
    )
    for number, status in enumerate(statuses):
        yield msgspec.structs.replace(
            first,
            status=status,
            version=number + 1,
            revision=number + 1,
            updated_at=ended + timedelta(seconds=number),
        )


# Numbers with their exact digits, as the endpoint reads them.
_read = msgspec.json.Decoder(float_hook=Decimal).decode
