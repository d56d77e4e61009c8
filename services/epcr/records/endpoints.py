"""HTTP endpoints of the crew's own application, which reads and writes the complete record."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.epcr import allowance
from services.epcr.encounters import events, identities, store
from services.epcr.encounters.representations import is_known, not_modified, require_match
from services.epcr.outcomes import store as outcomes
from services.epcr.records import amend
from services.epcr.records.models import Encounter, RecordPatch, WholeRecord
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit
from shared.storage.database import tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

FINISHED = frozenset({"completed", "handed_over"})


async def read_record(request: Request, caller: Caller, encounter_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        stored = await store.find(conn, encounter_id, request.state.keyring)
        await audit.record(conn, caller, "record.read", stored.row.id)
    headers = {"etag": _tag(stored.encounter)}
    if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return not_modified(headers)
    return http.json(WholeRecord.of(stored.encounter), headers=headers)


async def write_record(request: Request, caller: Caller, encounter_id: str, patch: RecordPatch) -> Response:
    given: dict[str, Any] = request.state.named
    pseudonyms, keyring = request.state.pseudonyms, request.state.keyring
    async with tenant_transaction(request, caller) as conn:
        patient = given.get("patient", {})
        may_change_numbers = patient is None or "identifiers" in patient
        if patch.is_other_patient or may_change_numbers:
            await identities.lock_group(conn, encounter_id)
        stored = await store.find(conn, encounter_id, keyring, lock=True)
        before = stored.encounter
        require_match(request.headers.getlist("if-match"), before.version)
        after = _written(before, patch, given)
        if after is not before:
            await allowance.require_room(conn, request.state.settings.most_stored_bytes)
            await identities.correct(
                conn, caller, stored, after, pseudonyms, keyring, is_other_patient=patch.is_other_patient
            )
            await store.update(conn, caller, after, keyring)
            observations = await store.extremes_of(conn, after)
            reported = await outcomes.current(conn, after.id, keyring)
            await outbox.add(conn, caller.tenant_id, *events.changed(after, before.status, observations, reported))
        await audit.record(conn, caller, "record.write", before.id, {"fields": sorted(given), "version": after.version})
    return http.json(WholeRecord.of(after), headers={"etag": _tag(after)})


def _written(before: Encounter, patch: RecordPatch, given: dict[str, Any]) -> Encounter:
    """The next version, or the same encounter when the patch changes nothing. Raises a 409 Problem for a step back in status."""
    status = before.status if patch.status is UNSET else patch.status
    if not amend.may_follow(before.status, status):
        detail = f"An encounter that is {before.status} cannot become {status}."
        raise problems.Problem(409, "Conflict", detail, errors=[FieldError("/status", "moves only forward")])
    amend.refuse_future(patch, datetime.now(UTC))
    record = amend.merge(before.record, patch, given, ids.new_id)
    care_model = before.care_model if patch.care_model is UNSET else patch.care_model
    unchanged = (record, status, care_model) == (before.record, before.status, before.care_model)
    if unchanged and not patch.is_other_patient:
        return before
    is_amended = before.status in FINISHED and (record, care_model) != (before.record, before.care_model)
    return msgspec.structs.replace(
        before,
        care_model=care_model,
        status=status,
        record=record,
        amended=before.amended or is_amended,
        version=before.version + 1,
        updated_at=max(datetime.now(UTC), before.updated_at),
    )


def _tag(encounter: Encounter) -> str:
    return f'"{encounter.version}"'
