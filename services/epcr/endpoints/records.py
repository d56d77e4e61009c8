"""The whole record, for the crew's own application alone: read, and written on."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from services.epcr import amend, announcements, store
from services.epcr.models.record import Encounter, RecordPatch
from services.epcr.representations import is_known, not_modified, require_match
from services.epcr.status import may_follow
from shared import audit, http, ids, outbox, problems
from shared.database import tenant_transaction
from shared.identity import Caller
from shared.problems import FieldError

FINISHED = frozenset({"completed", "handed_over"})


async def read_record(request: Request, caller: Caller, encounter_id: str) -> Response:
    async with tenant_transaction(request, caller) as conn:
        stored = await store.find(conn, encounter_id, request.state.keyring)
        await audit.record(conn, caller, "record.read", stored.row.id)
    headers = {"etag": _tag(stored.encounter)}
    if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return not_modified(headers)
    return http.json(_whole(stored.encounter), headers=headers)


async def write_record(request: Request, caller: Caller, encounter_id: str, patch: RecordPatch) -> Response:
    named: dict[str, Any] = request.state.named
    async with tenant_transaction(request, caller) as conn:
        before = (await store.find(conn, encounter_id, request.state.keyring, lock=True)).encounter
        require_match(request.headers.getlist("if-match"), before.version)
        after = _written(before, patch, named)
        if after is not before:
            await store.update(conn, caller, after, request.state.keyring)
            observations = await store.observations_of(conn, after)
            messages = announcements.changed(after, before.status, observations)
            await outbox.add(conn, caller.tenant_id, *messages)
        await audit.record(conn, caller, "record.write", before.id, {"fields": sorted(named), "version": after.version})
    return http.json(_whole(after), headers={"etag": _tag(after)})


def _written(before: Encounter, patch: RecordPatch, named: dict[str, Any]) -> Encounter:
    """The next version, or the same encounter when the patch changes nothing. Raises a 409 Problem for a step back in status."""
    status = before.status if patch.status is UNSET else patch.status
    if not may_follow(before.status, status):
        detail = f"An encounter that is {before.status} cannot become {status}."
        raise problems.Problem(409, "Conflict", detail, errors=[FieldError("/status", "moves only forward")])
    record = amend.merge(before.record, patch, named, ids.new_id)
    care_model = before.care_model if patch.care_model is UNSET else patch.care_model
    if (record, status, care_model) == (before.record, before.status, before.care_model):
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


def _whole(encounter: Encounter) -> dict[str, Any]:
    """Everything, flat, with the ids of entries; what only exports need is left out."""
    members = msgspec.structs.asdict(encounter)
    record = msgspec.structs.asdict(members.pop("record"))
    for name in ("anchor", "revisions", "withdrawn"):
        del record[name]
    for name in ("tenant_id", "revision", "amended"):
        del members[name]
    return {"id": members.pop("id"), "organization_id": encounter.tenant_id} | members | record


def _tag(encounter: Encounter) -> str:
    return f'"{encounter.version}"'
