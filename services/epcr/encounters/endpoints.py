"""HTTP endpoints of encounters for partners: created from a dispatch system, read de-identified, exported as FHIR."""

import logging
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.epcr import metrics
from services.epcr.deidentification.projection import Projection, project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import events, recipients, store
from services.epcr.encounters.disclosure import (
    cursor_of,
    disclosure_of,
    id_in_cursor,
    plain_view,
    policy_for,
    shows_patient,
    summary,
    with_bases,
    with_basis,
)
from services.epcr.encounters.editions import Edition, Present, reader_for
from services.epcr.encounters.models import EncounterFilter, EncounterRow, ReadBundle, ReadEncounter
from services.epcr.encounters.representations import FHIR, etag, is_known, not_modified, wants_fhir
from services.epcr.encounters.store import Stored
from services.epcr.fhir.encode import UnfitBundle, exported
from services.epcr.records import amend
from services.epcr.records.models import Encounter, EncounterDraft
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import http, pagination, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

READ = "argus:epcr:read"
WRITE = "argus:epcr:write"
PATH = "/api/v1/epcr/encounters"
log = logging.getLogger(__name__)


async def create_encounter(request: Request, caller: Caller, draft: EncounterDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        policy = await policy_for(conn, caller)
        if policy.mode != "exact":
            raise problems.insufficient_scope(WRITE, policy.mode)
        if answer := await idempotency.stored(conn, request, caller):
            # A repeated answer is another reading of the encounter.
            await audit.record(conn, caller, "encounter.replay", answer.headers["location"].rpartition("/")[2])
            return answer
        encounter = _begun(caller, draft)
        pseudonyms = request.state.pseudonyms
        stored = await store.insert(conn, caller, encounter, request.state.keyring, pseudonyms.current)
        await audit.record(conn, caller, "encounter.create", encounter.id)
        await outbox.add(conn, caller.tenant_id, *events.created(encounter))
        if shows_patient(encounter, policy):
            stored = await with_basis(conn, stored, pseudonyms, request.state.keyring)
        await recipients.add(conn, caller, policy, stored.row)
        view = plain_view(stored, policy, pseudonyms)
        response = http.created(view.content, location=f"{PATH}/{encounter.id}")
        return await idempotency.keep(conn, request, caller, response)


async def list_encounters(request: Request, caller: Caller, page: EncounterFilter) -> Response:
    pseudonyms: Pseudonyms = request.state.pseudonyms
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        policy = reader.policy
        after = id_in_cursor(caller, policy, pseudonyms, pagination.after(request, page))
        found, last = await reader.listed(page, after)
        cursor = last and pagination.next_cursor(request, page, cursor_of(caller, policy, pseudonyms, last))
        shown = await with_bases(conn, found, policy, pseudonyms, request.state.keyring)
        views = [plain_view(stored, policy, pseudonyms) for stored in shown]
        seen = {"encounter_ids": [stored.row.id for stored in shown]}
        await audit.record(conn, caller, "encounter.list", caller.tenant_id, seen)
    content = {"encounters": [summary(view) for view in views], "next_cursor": cursor}
    return http.json(content, headers=pagination.link_header(request, cursor))


async def read_encounter(request: Request, caller: Caller, encounter_id: str, asked: ReadEncounter) -> Response:
    if asked.format == "fhir" or (asked.format is None and wants_fhir(request.headers.getlist("accept"))):
        return await _export(request, caller, encounter_id, asked.max_entries)
    if asked.max_entries is not None:
        raise problems.invalid("max_entries goes with format=fhir.", [FieldError("max_entries", "needs format=fhir")])
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        stored = await _fetched(reader, encounter_id)
        view = plain_view(stored, reader.policy, reader.pseudonyms)
        await audit.record(conn, caller, "encounter.read", stored.row.id)
    headers = {"etag": etag(stored.row, view.disclosure, "json"), "vary": "accept"}
    if is_known(request.headers.getlist("if-none-match"), headers["etag"]):
        return not_modified(headers)
    return http.json(view.content, headers=headers)


async def export_bundle(request: Request, caller: Caller, encounter_id: str, asked: ReadBundle) -> Response:
    return await _export(request, caller, encounter_id, asked.max_entries)


async def _reader(conn: AsyncConnection, request: Request, caller: Caller) -> Present | Edition:
    policy = await policy_for(conn, caller)
    return reader_for(conn, caller, policy, request.state.pseudonyms, request.state.keyring)


async def _export(request: Request, caller: Caller, encounter_id: str, max_entries: int | None) -> Response:
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        stored = await _fetched(reader, encounter_id, is_bundle=True)
        disclosure = disclosure_of(stored.row, reader.policy, reader.pseudonyms)
        headers = {"etag": etag(stored.row, disclosure, f"fhir {max_entries}"), "vary": "accept"}
        known = is_known(request.headers.getlist("if-none-match"), headers["etag"])
        observations = [] if known else await reader.observations_of(stored)
        former = [] if known else await _sent_before(reader, stored.row)
        await audit.record(conn, caller, "encounter.export", stored.row.id)
    if known:
        return not_modified(headers)
    body = await _encoded(project(stored.encounter, observations, disclosure), former, max_entries)
    media_type = FHIR if max_entries is None else "application/json"
    return Response(body, headers=headers | {"cache-control": "no-store"}, media_type=media_type)


async def _fetched(reader: Present | Edition, encounter_id: str, *, is_bundle: bool = False) -> Stored:
    """The encounter with the patient's identity as the app sees it; the app is recorded as a recipient of both."""
    conn, pseudonyms = reader.conn, reader.pseudonyms
    while True:
        read = await reader.find(encounter_id)
        stored = read
        if is_bundle or shows_patient(read.encounter, reader.policy):
            stored = await with_basis(conn, read, pseudonyms, reader.keyring)
        is_recorded = stored.row.identity == read.row.identity and await recipients.add(
            conn, reader.caller, reader.policy, stored.row, is_bundle=is_bundle, until=reader.until(stored.row)
        )
        if is_recorded:
            return stored


async def _sent_before(reader: Present | Edition, row: EncounterRow) -> list[Projection]:
    return await recipients.sent_before(
        reader.conn, reader.caller, reader.policy, row, reader.pseudonyms, reader.keyring
    )


async def _encoded(projection: Projection, former: list[Projection], max_entries: int | None) -> bytes:
    """Encodes in a thread beside the event loop, because a long mission has thousands of observations."""
    try:
        return await run_in_threadpool(exported, projection, former, max_entries)
    except UnfitBundle as error:
        metrics.unfit_bundles.inc()
        log.error("bundle not sent: %s", error)
        raise


def _begun(caller: Caller, draft: EncounterDraft) -> Encounter:
    now = datetime.now(UTC)
    return Encounter(
        id=ids.new_id("enc"),
        tenant_id=caller.tenant_id,
        care_model=draft.care_model,
        status=draft.status,
        vehicle_id=draft.vehicle_id,
        cad_incident_id=draft.cad_incident_id,
        patient_number=draft.patient_number,
        test=caller.is_sandbox,
        version=1,
        revision=1,
        amended=False,
        created_at=now,
        updated_at=now,
        record=amend.begin(draft, now, ids.new_id),
    )
