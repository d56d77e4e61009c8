"""HTTP endpoints of encounters for partners: created from a dispatch system, read de-identified, exported as FHIR."""

import logging
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.epcr import metrics
from services.epcr.deidentification.projection import Projection, project
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import events, store
from services.epcr.encounters.disclosure import (
    cursor_of,
    disclose,
    id_in_cursor,
    plain_view,
    policy_for,
    summary,
    with_bases,
)
from services.epcr.encounters.editions import Edition, Present, reader_for
from services.epcr.encounters.models import EncounterFilter, ReadBundle, ReadEncounter
from services.epcr.encounters.representations import FHIR, etag, is_known, not_modified, wants_fhir
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
        view = await plain_view(conn, stored, policy, pseudonyms)
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
        shown = await with_bases(conn, found, policy, pseudonyms)
        views = [await plain_view(conn, stored, policy, pseudonyms) for stored in shown]
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
        stored = await reader.find(encounter_id)
        view = await plain_view(conn, stored, reader.policy, request.state.pseudonyms)
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
        stored = await reader.find(encounter_id)
        disclosure = await disclose(conn, stored, reader.policy, request.state.pseudonyms)
        headers = {"etag": etag(stored.row, disclosure, f"fhir {max_entries}"), "vary": "accept"}
        known = is_known(request.headers.getlist("if-none-match"), headers["etag"])
        observations = [] if known else await reader.observations_of(stored)
        await audit.record(conn, caller, "encounter.export", stored.row.id)
    if known:
        return not_modified(headers)
    body = await _encoded(project(stored.encounter, observations, disclosure), max_entries)
    media_type = FHIR if max_entries is None else "application/json"
    return Response(body, headers=headers | {"cache-control": "no-store"}, media_type=media_type)


async def _encoded(projection: Projection, max_entries: int | None) -> bytes:
    """Encodes in a thread beside the event loop, because a long mission has thousands of observations."""
    try:
        return await run_in_threadpool(exported, projection, max_entries)
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
