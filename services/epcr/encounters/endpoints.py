"""HTTP endpoints of encounters for partners: created from a dispatch system, read de-identified, exported as FHIR."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from services.epcr import allowance
from services.epcr.deidentification.pseudonyms import Pseudonyms
from services.epcr.encounters import events, exporting, store
from services.epcr.encounters.disclosure import (
    add_recipient,
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
from services.epcr.encounters.models import EncounterFilter, ReadBundle, ReadEncounter
from services.epcr.encounters.representations import FHIR, etag, is_known, not_modified, wants_fhir
from services.epcr.encounters.store import Stored
from services.epcr.fhir.readings import Form
from services.epcr.records import amend
from services.epcr.records.models import Encounter, EncounterDraft
from shared.messaging import outbox
from shared.primitives import ids
from shared.storage import audit, idempotency
from shared.storage.database import AsyncConnection, tenant_transaction
from shared.web import http, problems
from shared.web.identity import Caller
from shared.web.problems import FieldError

READ = "argus:epcr:read"
WRITE = "argus:epcr:write"
PATH = "/api/v1/epcr/encounters"


async def create_encounter(request: Request, caller: Caller, draft: EncounterDraft) -> Response:
    async with tenant_transaction(request, caller) as conn:
        policy = await policy_for(conn, caller)
        if policy.mode != "exact":
            raise problems.insufficient_scope(WRITE, policy.mode)
        if answer := await idempotency.stored(conn, request, caller):
            # A repeated answer is another reading of the encounter.
            await audit.record(conn, caller, "encounter.replay", answer.headers["location"].rpartition("/")[2])
            return answer
        await allowance.require_room(conn, request.state.settings.most_stored_bytes, begins=True)
        now = datetime.now(UTC)
        amend.refuse_future(draft, now)
        encounter = Encounter(
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
        pseudonyms = request.state.pseudonyms
        stored = await store.insert(conn, caller, encounter, request.state.keyring, pseudonyms.current)
        await audit.record(conn, caller, "encounter.create", encounter.id)
        await outbox.add(conn, caller.tenant_id, *events.created(encounter))
        if shows_patient(encounter, policy):
            stored = await with_basis(conn, stored, pseudonyms, request.state.keyring)
        await add_recipient(conn, caller, policy, stored.row)
        view = plain_view(stored, policy, pseudonyms)
        response = http.created(view.content, location=f"{PATH}/{encounter.id}")
        return await idempotency.keep(conn, request, caller, response)


async def list_encounters(request: Request, caller: Caller, page: EncounterFilter) -> Response:
    pseudonyms: Pseudonyms = request.state.pseudonyms
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        policy = reader.policy
        after = id_in_cursor(caller, policy, pseudonyms, http.page_after(request, page))
        found, last = await reader.listed(page, after)
        cursor = last and http.next_cursor(request, page, cursor_of(caller, policy, pseudonyms, last))
        shown = await with_bases(conn, found, policy, pseudonyms, request.state.keyring)
        views = [plain_view(stored, policy, pseudonyms) for stored in shown]
        seen = {"encounter_ids": [stored.row.id for stored in shown]}
        await audit.record(conn, caller, "encounter.list", caller.tenant_id, seen)
    content = {"encounters": [summary(view) for view in views], "next_cursor": cursor}
    return http.json(content, headers=http.link_header(request, cursor))


async def read_encounter(request: Request, caller: Caller, encounter_id: str, asked: ReadEncounter) -> Response:
    if asked.format == "fhir" or (asked.format is None and wants_fhir(request.headers.getlist("accept"))):
        return await _export(request, caller, encounter_id, asked)
    misplaced = [name for name in ("max_entries", "readings", "language") if getattr(asked, name) is not None]
    if misplaced:
        errors = [FieldError(name, "needs format=fhir") for name in misplaced]
        raise problems.invalid(f"{misplaced[0]} goes with format=fhir.", errors)
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
    return await _export(request, caller, encounter_id, asked)


async def _reader(conn: AsyncConnection, request: Request, caller: Caller) -> Present | Edition:
    policy = await policy_for(conn, caller)
    return reader_for(conn, caller, policy, request.state.pseudonyms, request.state.keyring)


async def _export(request: Request, caller: Caller, encounter_id: str, asked: ReadBundle | ReadEncounter) -> Response:
    form, most = asked.readings or "all", asked.max_entries
    async with tenant_transaction(request, caller) as conn:
        reader = await _reader(conn, request, caller)
        stored = await _fetched(reader, encounter_id, form)
        disclosure = disclosure_of(stored.row, reader.policy, reader.pseudonyms)
        language = asked.language or "en"
        headers = {"etag": etag(stored.row, disclosure, f"fhir {most} {form} {language}"), "vary": "accept"}
        known = is_known(request.headers.getlist("if-none-match"), headers["etag"])
        sources = [] if known else await exporting.sources(reader, stored, form, disclosure)
        await audit.record(conn, caller, "encounter.export", stored.row.id)
    if known:
        return not_modified(headers)
    headers["cache-control"] = "no-store"
    media_type = FHIR if most is None else "application/json"
    return await exporting.response(request, caller, sources, most, language, headers, media_type)


async def _fetched(reader: Present | Edition, encounter_id: str, form: Form | None = None) -> Stored:
    """The encounter with the patient's identity as the app sees it; the app is recorded as a recipient of both."""
    conn, pseudonyms = reader.conn, reader.pseudonyms
    while True:
        read = await reader.find(encounter_id)
        stored = read
        if form is not None or shows_patient(read.encounter, reader.policy):
            stored = await with_basis(conn, read, pseudonyms, reader.keyring)
        readings = None if form is None else reader.readings_of(stored.row)
        if stored.row.identity == read.row.identity and await add_recipient(
            conn, reader.caller, reader.policy, stored.row, readings, form
        ):
            return stored
