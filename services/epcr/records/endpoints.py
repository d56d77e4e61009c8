"""HTTP endpoints of the crew's own application, which reads and writes the complete record."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.epcr import allowance
from services.epcr.encounters import events, identities, store
from services.epcr.encounters.facts import facts_of, with_readings
from services.epcr.encounters.models import EncounterRow
from services.epcr.encounters.representations import require_match
from services.epcr.encounters.store import Sealed, Stored
from services.epcr.outcomes import store as outcomes
from services.epcr.records import amend, faults
from services.epcr.records.models import Encounter, RecordPatch, WholeRecord
from shared.messaging import outbox
from shared.messaging.messages import EncounterFacts
from shared.primitives import ids
from shared.storage import audit
from shared.storage.database import tenant_transaction
from shared.web import heavy, http, problems
from shared.web.http import is_known, not_modified
from shared.web.identity import Caller
from shared.web.problems import FieldError

FINISHED = frozenset({"completed", "handed_over"})


class Written(NamedTuple):
    """A record before and after a patch. Without a change there is nothing to write."""

    before: Stored
    after: Encounter
    sealed: Sealed | None
    facts: EncounterFacts | None


async def read_record(request: Request, caller: Caller, encounter_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        row = await store.find(conn, encounter_id)
        await audit.record(conn, caller, "record.read", row.id)
    headers = {"etag": f'"{row.version}"'}
    if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return not_modified(headers)
    plain = store.decrypted(row, request.state.keyring)
    body = await heavy.made(request, len(row.record), _whole, plain)
    return Response(body, headers=headers, media_type="application/json")


def _whole(plain: EncounterRow) -> bytes:
    return http.encode(WholeRecord.of(store.read(plain).encounter))


async def write_record(request: Request, caller: Caller, encounter_id: str, patch: RecordPatch) -> Response:
    """The next version is made before the encounter is locked, and again where another was written meanwhile."""
    given: dict[str, Any] = request.state.named
    pseudonyms, keyring = request.state.pseudonyms, request.state.keyring
    patient = given.get("patient", {})
    may_change_numbers = patient is None or "identifiers" in patient
    while True:
        async with tenant_transaction(request, caller) as conn:
            row = await store.find(conn, encounter_id)
        require_match(request.headers.getlist("if-match"), row.version)
        size = max(len(row.record), len(await http.read_body(request)))
        async with heavy.turn(request, is_heavy=size > http.SMALL):
            written = _writing(request, row, patch, given)
        async with tenant_transaction(request, caller) as conn:
            if patch.is_other_patient is True or may_change_numbers:
                await identities.lock_group(conn, encounter_id)
            locked = await store.find_briefly(conn, encounter_id, lock=True)
            if locked.version != row.version or (locked.patient_basis is None) != (row.patient_basis is None):
                continue
            after = written.after
            if written.sealed is not None and written.facts is not None:
                await allowance.require_room(conn, request.state.settings.most_stored_bytes)
                after = msgspec.structs.replace(
                    after, identity=locked.identity, updated_at=max(after.updated_at, locked.updated_at)
                )
                before = Stored(locked, written.before.encounter)
                await identities.refuse_unanswered(conn, before, after, pseudonyms, patch.is_other_patient)
                is_other = patch.is_other_patient is True
                await identities.correct(conn, caller, before, after, pseudonyms, is_other_patient=is_other)
                after.revision = await store.update(conn, caller, written.sealed._replace(encounter=after))
                facts = msgspec.structs.replace(written.facts, version=after.revision)
                facts = with_readings(facts, await store.extremes_of(conn, caller.tenant_id, facts))
                reported = await outcomes.current(conn, after.id, keyring)
                await outbox.add(conn, caller.tenant_id, *events.changed(after, row.status, facts, reported))
            audited = {"fields": sorted(given), "version": after.version}
            await audit.record(conn, caller, "record.write", after.id, audited)
        return http.json(WholeRecord.of(after), headers={"etag": f'"{after.version}"'})


def _writing(request: Request, row: EncounterRow, patch: RecordPatch, given: dict[str, Any]) -> Written:
    keyring = request.state.keyring
    stored = store.opened(row, keyring)
    if not stored.is_whole:
        # Fields that this release does not know would be lost. Processes of the newer one take the next attempt.
        raise problems.unavailable(
            "A newer release wrote this record, and this process does not know all of its fields; try again."
        )
    after = _written(stored.encounter, patch, given, is_read=row.patient_basis is not None)
    if after is stored.encounter:
        return Written(stored, after, None, None)
    sealed = store.sealed(after, keyring, request.state.settings.max_record_bytes, before=len(row.record))
    return Written(stored, after, sealed, facts_of(after, []))


def _written(before: Encounter, patch: RecordPatch, given: dict[str, Any], *, is_read: bool = False) -> Encounter:
    """The next version, or the same encounter when the patch changes nothing. Raises a 409 Problem for a step back in status."""
    status = before.status if patch.status is UNSET else patch.status
    if not amend.may_follow(before.status, status):
        detail = f"An encounter that is {before.status} cannot become {status}."
        raise problems.Problem(409, "Conflict", detail, errors=[FieldError("/status", "moves only forward")])
    faults.refuse_impossible(patch, datetime.now(UTC))
    record = amend.merge(before.record, patch, given, ids.new_id)
    care_model = before.care_model if patch.care_model is UNSET else patch.care_model
    unchanged = (record, status, care_model) == (before.record, before.status, before.care_model)
    if unchanged and patch.is_other_patient is not True:
        return before
    if is_read:
        known = identities.with_known(before, record, patch.is_other_patient)
    else:
        known = msgspec.structs.replace(record, known_as=UNSET)
    is_amended = before.status in FINISHED and (record, care_model) != (before.record, before.care_model)
    return msgspec.structs.replace(
        before,
        care_model=care_model,
        status=status,
        record=known,
        amended=before.amended or is_amended,
        version=before.version + 1,
        updated_at=max(datetime.now(UTC), before.updated_at),
    )
